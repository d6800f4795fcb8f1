"""The rules, taken away from a database and put there; and the schema, brought up to date in between.

SQLite has triggers alone. In PostgreSQL each calls a function; with the function, its triggers go.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

from cognify_core.errors import StoreVersionError
from cognify_core.store.tables import REVISIONS
from cognify_core.store.triggers import sqlite_triggers
from cognify_core.store.triggers_postgres import postgres_triggers

_SQLITE = text("SELECT name FROM sqlite_master WHERE type = 'trigger'")
_POSTGRES = text(
    "SELECT proname FROM pg_proc WHERE pronamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())"
    " AND prorettype = 'trigger'::regtype"
)


def upgrade(connection: Connection, version_table: str) -> None:
    """Run the migrations that are missing, in the connection's transaction."""
    from alembic import command  # slow to import, and needed once in a schema's life
    from alembic.config import Config

    config = Config(attributes={"connection": connection, "version_table": version_table})
    config.set_main_option("script_location", "cognify_core.store:migrations")
    command.upgrade(config, REVISIONS[-1])


def require_revision(place: str, revision: str | None) -> None:
    """Let a store pass that is of the schema which this Cognify works on.

    Raises:
        StoreVersionError: it is of another.
    """
    if revision != REVISIONS[-1]:
        raise StoreVersionError(
            f"{place} is of schema {revision} by now, and this process works on {REVISIONS[-1]}: start it again, with "
            "the Cognify that has brought the store there"
        )


def take_away(connection: Connection) -> None:
    """Leave no rule in place."""
    found, drop = (_POSTGRES, _drop_function) if _is_postgres(connection) else (_SQLITE, _drop_trigger)
    for name in connection.execute(found).scalars().all():
        connection.exec_driver_sql(drop(name))


def install(connection: Connection) -> None:
    """Put the rules of this version in place."""
    if _is_postgres(connection):
        schema = connection.dialect.identifier_preparer.quote(str(connection.scalar(text("SELECT current_schema()"))))
        statements = postgres_triggers(schema)
    else:
        statements = list(sqlite_triggers().values())
    for statement in statements:
        connection.exec_driver_sql(statement)


def _is_postgres(connection: Connection) -> bool:
    return connection.dialect.name == "postgresql"


def _drop_function(name: str) -> str:
    return f'DROP FUNCTION "{name}" CASCADE'


def _drop_trigger(name: str) -> str:
    return f'DROP TRIGGER "{name}"'
