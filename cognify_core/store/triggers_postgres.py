"""The rules as PostgreSQL's triggers. Each refuses BEFORE the statement does anything; TRUNCATE is a statement too.

Here transactions run side by side, and none sees what another has not committed. So whatever a rule reads is held
first: the row of the run, or of the ledger, until the transaction ends; and each query of a function sees what is
committed when it begins, which is so at READ COMMITTED alone. Other levels are refused. What no row can stand for (two
runs of one id, two leaves of one place) is refused by the constraints of the tables.

The functions run with the rights of whoever owns the tables, so that who may only insert is held to the rules too, and
look for tables in this schema alone, whatever `search_path` says. The triggers fire ALWAYS, which is also where
`session_replication_role` is `replica`.
"""

from __future__ import annotations

from cognify_core.store.rules import (
    DISCARDED_WITH_A_RUN,
    ERASABLE,
    GO_WITH_A_TOMBSTONE,
    WRITTEN_ONCE,
    Words,
    insert_refused,
)

_DAY = (
    "CASE WHEN {} ~ '^[1-9][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$' THEN to_char(make_date("
    "substr({}, 1, 4)::int, substr({}, 6, 2)::int, 1) + substr({}, 9, 2)::int - 1, 'YYYY-MM-DD') END"
)
_INSERT_REFUSED = insert_refused(
    Words(
        differs="IS DISTINCT FROM",
        today="to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD')",  # when the transaction began: never too late
        day_of=_DAY,
    )
)
_RUN = "PERFORM 1 FROM runs WHERE run_id = NEW.run_id FOR UPDATE;"
_HELD = {
    "events": (_RUN,),
    "freezes": (_RUN,),
    "keepings": (_RUN,),
    "purges": (
        "PERFORM 1 FROM runs WHERE run_id = (SELECT amends FROM runs WHERE run_id = NEW.run_id) FOR UPDATE;",
        _RUN,
    ),
    "tombstones": (
        _RUN,
        "PERFORM 1 FROM ledgers WHERE workspace = (SELECT workspace FROM runs WHERE run_id = NEW.run_id) FOR UPDATE;",
    ),
}
"""What an insert holds before it is judged."""
_CHANGE = "TG_TABLE_NAME || ' are never changed'"
_DELETION = "TG_TABLE_NAME || ' are never deleted'"
_LEVEL = "IF current_setting('transaction_isolation') <> 'read committed' THEN {} END IF;"


def postgres_triggers(schema: str) -> list[str]:
    """The statements that create every function and trigger in `schema`, which is a quoted name, in their order."""
    made = [
        *_function(schema, "refuse_change", _refuse(_CHANGE)),
        *_function(schema, "refuse_deletion", _refuse(_DELETION)),
        *_function(schema, "refuse_deletion_alone", _deletion_with_a_tombstone()),
        *_function(schema, "discard", f"{_deletions()} RETURN NULL;"),
    ]
    for table in WRITTEN_ONCE:
        made += _function(schema, f"judge_{table}", _judgement(table))
        made += _trigger(table, "INSERT", f"judge_{table}")
        made += _trigger(table, "UPDATE", "refuse_change")
        if table not in ERASABLE:
            alone = "refuse_deletion_alone" if table in GO_WITH_A_TOMBSTONE else "refuse_deletion"
            made += _trigger(table, "DELETE", alone)
            made += _trigger(table, "TRUNCATE", "refuse_deletion", each="STATEMENT")
    made += _trigger("tombstones", "INSERT", "discard", name="tombstones_discard", when="AFTER")
    return made


def _function(schema: str, name: str, body: str) -> list[str]:
    """Nobody else may make a trigger of it, on a table of their own; firing one needs no right."""
    return [
        f"CREATE FUNCTION {schema}.{name}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER"
        f" SET search_path = pg_catalog, {schema}, pg_temp AS $rule$ DECLARE refused text; BEGIN {body} END $rule$",
        f"REVOKE ALL ON FUNCTION {schema}.{name}() FROM PUBLIC",
    ]


def _trigger(
    table: str, on: str, function: str, *, name: str = "", when: str = "BEFORE", each: str = "ROW"
) -> list[str]:
    name = name or f"{table}_{on.lower()}"
    return [
        f"CREATE TRIGGER {name} {when} {on} ON {table} FOR EACH {each} EXECUTE FUNCTION {function}()",
        f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}",
    ]


def _refuse(message: str) -> str:
    return f"RAISE EXCEPTION USING MESSAGE = {message}, ERRCODE = 'integrity_constraint_violation';"


def _judgement(table: str) -> str:
    level = _LEVEL.format(_refuse("'rules are judged at READ COMMITTED alone'"))
    rules = " ".join(f"WHEN {condition} THEN {_quoted(message)}" for condition, message in _INSERT_REFUSED[table])
    judged = f"refused := CASE {rules} END; IF refused IS NOT NULL THEN {_refuse('refused')} END IF; RETURN NEW;"
    return " ".join((level, *_HELD.get(table, ()), judged))


def _deletion_with_a_tombstone() -> str:
    """A run and what belongs to it go with their tombstone; nothing else ever goes."""
    discarded = "EXISTS (SELECT 1 FROM tombstones WHERE run_id = OLD.run_id)"
    return f"IF {discarded} THEN RETURN OLD; END IF; {_refuse(_DELETION)}"


def _deletions() -> str:
    return " ".join(f"DELETE FROM {table} WHERE run_id = NEW.run_id;" for table in DISCARDED_WITH_A_RUN)  # noqa: S608 - our own names


def _quoted(message: str) -> str:
    return "'" + message.replace("'", "''") + "'"
