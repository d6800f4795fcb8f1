"""Alembic migrations, run by the store itself when it is opened; there is no ini file."""
