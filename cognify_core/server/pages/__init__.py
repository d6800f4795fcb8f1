"""The dashboard: a module for each matter, rendered here, with no script of others."""
