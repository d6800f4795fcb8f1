"""What Alembic runs: all migrations in the transaction of the connection that the store hands over.

Triggers are taken away first and the present ones are created last, so that a migration may rewrite what it must.
"""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection, text

from cognify_core.store.tables import metadata
from cognify_core.store.triggers import sqlite_triggers


def migrate(connection: Connection) -> None:
    """Bring the schema to the revision that was asked for."""
    named = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'"))
    for name in named.scalars().all():
        connection.exec_driver_sql(f'DROP TRIGGER "{name}"')
    context.configure(connection=connection, target_metadata=metadata)
    with context.begin_transaction():
        context.run_migrations()
    for statement in sqlite_triggers().values():
        connection.exec_driver_sql(statement)


migrate(context.config.attributes["connection"])
