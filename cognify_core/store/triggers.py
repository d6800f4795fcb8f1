"""The rules as SQLite's triggers. Each refuses BEFORE the statement does anything."""

from __future__ import annotations

from cognify_core.store.rules import (
    DISCARDED_WITH_A_RUN,
    ERASABLE,
    GO_WITH_A_TOMBSTONE,
    WRITTEN_ONCE,
    Words,
    insert_refused,
)

_INSERT_REFUSED = insert_refused(Words(differs="IS NOT", today="date('now')", day_of="date({})"))


def sqlite_triggers() -> dict[str, str]:
    """The statements that create every trigger, by the trigger's name."""
    created = {}
    for table in WRITTEN_ONCE:
        created[f"{table}_insert"] = _insert_trigger(table)
        created[f"{table}_update"] = _trigger(table, "UPDATE", f"SELECT {_raise(f'{table} are never changed')};")
        if table not in ERASABLE:
            created[f"{table}_delete"] = _delete_trigger(table)
    created["tombstones_discard"] = _discard_trigger()
    return created


def _raise(message: str) -> str:
    quoted = message.replace("'", "''")
    return f"RAISE(ABORT, '{quoted}')"


def _trigger(table: str, on: str, body: str, when: str = "") -> str:
    return f"CREATE TRIGGER {table}_{on.lower()} BEFORE {on} ON {table} {when} BEGIN {body} END"


def _insert_trigger(table: str) -> str:
    rules = " ".join(f"WHEN {condition} THEN {_raise(message)}" for condition, message in _INSERT_REFUSED[table])
    return _trigger(table, "INSERT", f"SELECT CASE {rules} END;")


def _delete_trigger(table: str) -> str:
    """A run and what belongs to it go with their tombstone; nothing else ever goes."""
    discarded = "WHEN NOT EXISTS (SELECT 1 FROM tombstones WHERE run_id = OLD.run_id)"
    when = discarded if table in GO_WITH_A_TOMBSTONE else ""
    return _trigger(table, "DELETE", f"SELECT {_raise(f'{table} are never deleted')};", when)


def _discard_trigger() -> str:
    deletions = " ".join(f"DELETE FROM {table} WHERE run_id = NEW.run_id;" for table in DISCARDED_WITH_A_RUN)  # noqa: S608 - our own names
    return f"CREATE TRIGGER tombstones_discard AFTER INSERT ON tombstones BEGIN {deletions} END"
