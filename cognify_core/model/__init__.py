"""Values, without I/O: digests, events, the lineage. A value that exists is valid."""
