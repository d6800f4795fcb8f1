"""The rules that the database itself keeps, in SQLite's words: what is written once stays as it was written.

Each rule refuses BEFORE the statement does anything. Inserts are refused wherever they would take the place of another
row, because `INSERT OR REPLACE` deletes that row without firing its DELETE trigger (unless the connection has asked
for `recursive_triggers`). A run is deleted by its tombstone: inserting one deletes the run and all that belongs to it,
so that no part of a run can be deleted alone. A frozen run takes a tombstone only after a purge of it, and a purge only
when the day is past until which it must be kept, by the database's own clock.

Out of reach: whoever may drop a trigger, or write the file, can do as they please. That is what signatures are for.

Where a later schema changes a rule, it changes it here: a migration runs with no triggers in place
and installs the present ones when it is done.
"""

from __future__ import annotations

SEALED = "sealed: "
"""A refusal that begins so is because the run is closed or frozen; any other, because the record would not hold."""

_WRITTEN_ONCE = (
    *("runs", "events", "freezes", "envelopes", "bundles", "receipts", "manifests", "tombstones", "meetings"),
    *("profiles", "vault_facts", "policies", "keepings", "purges", "ledgers", "leaves", "nodes"),
)
_GO_WITH_A_TOMBSTONE = ("runs", "events", "freezes", "envelopes", "bundles", "receipts")
_ERASABLE = ("meetings",)
"""Written once, but no part of a record: whoever likes may delete it."""

_LENGTH = "(SELECT COALESCE(MAX(seq) + 1, 0) FROM events WHERE run_id = NEW.run_id)"
_LAST_KIND = "(SELECT kind FROM events WHERE run_id = NEW.run_id ORDER BY seq DESC LIMIT 1)"
_FROZEN = "EXISTS (SELECT 1 FROM freezes WHERE run_id = NEW.run_id)"
_NO_RUN = "NOT EXISTS (SELECT 1 FROM runs WHERE run_id = NEW.run_id)"
_VERSIONS = "(SELECT COALESCE(MAX(version), 0) FROM profiles WHERE workspace = NEW.workspace AND project = NEW.project)"
_POLICIES = "(SELECT COALESCE(MAX(version), 0) FROM policies WHERE workspace = NEW.workspace AND kind = NEW.kind)"
_FACTS = "(SELECT COALESCE(MAX(position) + 1, 0) FROM vault_facts)"
_KEEPINGS = "(SELECT COALESCE(MAX(position) + 1, 0) FROM keepings WHERE run_id = NEW.run_id)"
_LONGEST = "(SELECT COALESCE(MAX(until), '') FROM keepings WHERE run_id = NEW.run_id)"
_KEPT_RUN = "COALESCE((SELECT amends FROM runs WHERE run_id = NEW.run_id), NEW.run_id)"
_LAST_KEEPING = f"(SELECT until FROM keepings WHERE run_id = {_KEPT_RUN} ORDER BY position DESC LIMIT 1)"  # noqa: S608 - our own names
_PURGED = "EXISTS (SELECT 1 FROM purges WHERE run_id = NEW.run_id)"
_DISCARDED = "EXISTS (SELECT 1 FROM tombstones WHERE run_id = NEW.run_id)"

_MINE = "SELECT 1 FROM leaves WHERE workspace = NEW.workspace"
_LAST_LEAF = "SELECT position + 1 FROM leaves WHERE workspace = NEW.workspace ORDER BY position DESC LIMIT 1"
_LEAVES = f"COALESCE(({_LAST_LEAF}), 0)"  # MAX may be looked for along another index, leaf by leaf
_OF_RUN = "SELECT 1 FROM leaves WHERE workspace IN (SELECT workspace FROM ledgers) AND subject = NEW.run_id"
_LOGGED_OPEN = f"EXISTS ({_OF_RUN} AND kind = 'opened')"
_LOGGED_GONE = f"EXISTS ({_OF_RUN} AND kind = 'tombstone')"

_INSERT_REFUSED: dict[str, tuple[tuple[str, str], ...]] = {
    "runs": (
        ("EXISTS (SELECT 1 FROM runs WHERE run_id = NEW.run_id)", "there is a run of that id already"),
        (_DISCARDED, "a discarded run had that id"),
        (
            "EXISTS (SELECT 1 FROM runs WHERE amends = NEW.amends AND ordinal = NEW.ordinal)",
            "the run has an addendum of that ordinal already",
        ),
        (
            "NEW.amends IS NOT NULL AND NOT EXISTS (SELECT 1 FROM freezes WHERE run_id = NEW.amends)",
            "only a frozen run takes addenda",
        ),
    ),
    "events": (
        (_NO_RUN, "an event belongs to a run"),
        (_FROZEN, f"{SEALED}a frozen run takes no events"),
        (f"{_LAST_KIND} = 'run_closed'", f"{SEALED}a closed run takes no events"),
        (f"NEW.seq IS NOT {_LENGTH}", "an event's number is the record's length"),
        ("(NEW.seq = 0) IS NOT (NEW.kind = 'run_opened')", "run_opened is event 0, and no other is"),
        (
            "EXISTS (SELECT 1 FROM events WHERE run_id = NEW.run_id AND writer = NEW.writer AND counter = NEW.counter)",
            "each draft is taken once",
        ),
    ),
    "freezes": (
        (_FROZEN, "a run is frozen once"),
        (_NO_RUN, "a freeze belongs to a run"),
        (f"{_LAST_KIND} IS NOT 'run_closed'", "only a closed run can be frozen"),
        (f"NEW.size IS NOT {_LENGTH}", "a run is frozen at the record's length"),
    ),
    "bundles": (
        ("EXISTS (SELECT 1 FROM bundles WHERE run_id = NEW.run_id)", "a run has one bundle"),
        (f"NOT {_FROZEN}", "only a frozen run has a bundle"),
    ),
    "envelopes": (
        ("EXISTS (SELECT 1 FROM envelopes WHERE run_id = NEW.run_id)", "a run has one envelope"),
        (f"NOT {_FROZEN}", "only a frozen run has an envelope"),
    ),
    "receipts": (
        (
            "EXISTS (SELECT 1 FROM receipts WHERE package_hash = NEW.package_hash)",
            "a package has one receipt",
        ),
        (f"NOT {_FROZEN}", "only a frozen run has packages"),
    ),
    "manifests": (("EXISTS (SELECT 1 FROM manifests WHERE digest = NEW.digest)", "a manifest is kept once"),),
    "tombstones": (
        (_DISCARDED, "a run is discarded once"),
        (_NO_RUN, "a tombstone is of a run"),
        (f"{_FROZEN} AND NOT {_PURGED}", f"{SEALED}a frozen run cannot be discarded"),
        (f"NEW.size IS NOT {_LENGTH}", "a tombstone tells the record's length"),
        (
            f"{_LOGGED_OPEN} AND NOT {_LOGGED_GONE}",
            "a run that the ledger lists is discarded by a leaf of the ledger",
        ),
    ),
    "meetings": (
        ("EXISTS (SELECT 1 FROM meetings WHERE meeting = NEW.meeting)", "a meeting has one run"),
        (_NO_RUN, "a meeting is of a run"),
    ),
    "profiles": ((f"NEW.version IS NOT {_VERSIONS} + 1", "a profile's versions are numbered from 1 without a hole"),),
    "vault_facts": ((f"NEW.position IS NOT {_FACTS}", "facts about vaults are numbered without a hole"),),
    "policies": ((f"NEW.version IS NOT {_POLICIES} + 1", "a policy's versions are numbered from 1 without a hole"),),
    "keepings": (
        (f"NEW.position IS NOT {_KEEPINGS}", "what keeps a run is numbered without a hole"),
        (f"NOT {_FROZEN}", "only a frozen run is kept until a day"),
        (f"NEW.until < {_LONGEST}", "no day is taken for an earlier one"),
        ("NEW.until IS NOT NULL AND date(NEW.until) IS NOT NEW.until", "a day is written 2036-11-28"),
    ),
    "purges": (
        (_PURGED, "a run is purged once"),
        (f"NOT {_FROZEN}", "only a frozen run is purged; another is discarded"),
        (f"{_LAST_KEEPING} IS NULL OR {_LAST_KEEPING} >= date('now')", "the run must still be kept"),
        ("lower(trim(NEW.requested_by)) = lower(trim(NEW.approved_by))", "a purge has a second approver"),
    ),
    "ledgers": (("EXISTS (SELECT 1 FROM ledgers WHERE workspace = NEW.workspace)", "a workspace has one ledger"),),
    "leaves": (
        (f"NEW.position IS NOT {_LEAVES}", "a leaf's place is the ledger's length"),
        (
            f"EXISTS ({_MINE} AND kind = NEW.kind AND subject = NEW.subject)",
            "the ledger has a leaf of that kind and subject already",
        ),
        (
            f"EXISTS ({_MINE} AND payload_hash = NEW.payload_hash)",
            "the ledger has a leaf of that statement already",
        ),
    ),
    "nodes": (
        (
            "EXISTS (SELECT 1 FROM nodes WHERE workspace = NEW.workspace AND level = NEW.level AND place = NEW.place)",
            "a node never changes",
        ),
    ),
}


def sqlite_triggers() -> dict[str, str]:
    """The statements that create every trigger, by the trigger's name."""
    created = {}
    for table in _WRITTEN_ONCE:
        created[f"{table}_insert"] = _insert_trigger(table)
        created[f"{table}_update"] = _trigger(table, "UPDATE", f"SELECT {_raise(f'{table} are never changed')};")
        if table not in _ERASABLE:
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
    when = discarded if table in _GO_WITH_A_TOMBSTONE else ""
    return _trigger(table, "DELETE", f"SELECT {_raise(f'{table} are never deleted')};", when)


def _discard_trigger() -> str:
    tables = (
        "receipts",
        "bundles",
        "envelopes",
        "freezes",
        "events",
        "openings",
        "owners",
        "meetings",
        "accesses",
        "jobs",
        "runs",
    )
    deletions = " ".join(f"DELETE FROM {table} WHERE run_id = NEW.run_id;" for table in tables)  # noqa: S608 - our own names
    return f"CREATE TRIGGER tombstones_discard AFTER INSERT ON tombstones BEGIN {deletions} END"
