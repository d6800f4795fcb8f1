"""What Alembic runs: all migrations in the transaction of the connection that the store hands over.

Triggers are taken away first and the present ones are created last, so that a migration may rewrite what it must.
"""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from cognify_core.store.columns import metadata
from cognify_core.store.rulebook import install, take_away


def migrate(connection: Connection, version_table: str) -> None:
    """Bring the schema to the revision that was asked for."""
    take_away(connection)
    context.configure(connection=connection, target_metadata=metadata, version_table=version_table)
    with context.begin_transaction():
        context.run_migrations()
    install(connection)


migrate(context.config.attributes["connection"], context.config.attributes["version_table"])
