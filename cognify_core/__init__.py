"""The core lineage recorder: hash, record, seal, export, verify. It knows no framework."""
