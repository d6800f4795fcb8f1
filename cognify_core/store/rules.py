"""The rules that the database itself keeps: what is written once stays as it was written. Each is said once, here.

Inserts are refused wherever they would take the place of another row, because SQLite's `INSERT OR REPLACE` deletes that
row without firing its DELETE trigger (unless the connection has asked for `recursive_triggers`). A run is deleted by
its tombstone: inserting one deletes the run and all that belongs to it, so that no part of a run can be deleted alone.
A frozen run takes a tombstone only after a purge of it, and a purge only when the day is past until which it must be
kept, by the database's own clock.

Out of reach: whoever may drop a trigger, or write the file, can do as they please. That is what signatures are for.

Where a later schema changes a rule, it changes it here: a migration runs with no triggers in place
and installs the present ones when it is done.
"""

from __future__ import annotations

from dataclasses import dataclass

SEALED = "sealed: "
"""A refusal that begins so is because the run is closed or frozen; any other, because the record would not hold."""

WRITTEN_ONCE = (
    *("runs", "events", "freezes", "envelopes", "bundles", "receipts", "manifests", "tombstones", "meetings"),
    *("profiles", "vault_facts", "policies", "keepings", "purges", "ledgers", "leaves", "nodes"),
    "accesses",
)
GO_WITH_A_TOMBSTONE = ("runs", "events", "freezes", "envelopes", "bundles", "receipts")
ERASABLE = ("meetings",)
"""Written once, but no part of a record: whoever likes may delete it."""

DISCARDED_WITH_A_RUN = (
    *("receipts", "bundles", "envelopes", "freezes", "events", "openings", "owners", "meetings", "jobs"),
    *("gaps", "outcomes", "mentions"),
    "runs",
)
"""What a tombstone deletes of its run, in this order."""


@dataclass(frozen=True, slots=True)
class Words:
    """What a rule says, as one database writes it."""

    differs: str
    """Of two values, that they are not the same, where nothing is the same as nothing."""
    today: str
    """The day by the database's clock, UTC, as in `2036-11-28`."""
    day_of: str
    """The day that the text `{}` names, in the same form; another text, or nothing, where it names none."""

    def day(self, text: str) -> str:
        """`day_of` a text."""
        return self.day_of.replace("{}", text)


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

_EVENTS = "SELECT 1 FROM events WHERE run_id = NEW.run_id"
_NODES = "SELECT 1 FROM nodes WHERE workspace = NEW.workspace"
_MINE = "SELECT 1 FROM leaves WHERE workspace = NEW.workspace"
_LAST_LEAF = "SELECT position + 1 FROM leaves WHERE workspace = NEW.workspace ORDER BY position DESC LIMIT 1"
_LEAVES = f"COALESCE(({_LAST_LEAF}), 0)"  # MAX may be looked for along another index, leaf by leaf
_LAST_ACCESS = "SELECT position + 1 FROM accesses WHERE workspace = NEW.workspace ORDER BY position DESC LIMIT 1"
_ACCESSES = f"COALESCE(({_LAST_ACCESS}), 0)"
_OF_RUN = "SELECT 1 FROM leaves WHERE workspace IN (SELECT workspace FROM ledgers) AND subject = NEW.run_id"
_LOGGED_OPEN = f"EXISTS ({_OF_RUN} AND kind = 'opened')"
_LOGGED_GONE = f"EXISTS ({_OF_RUN} AND kind = 'tombstone')"


def insert_refused(words: Words) -> dict[str, tuple[tuple[str, str], ...]]:
    """Of each table, the conditions under which an insert is refused, and what is said then; the first that is met."""
    return {
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
            (f"NEW.seq {words.differs} {_LENGTH}", "an event's number is the record's length"),
            (f"(NEW.seq = 0) {words.differs} (NEW.kind = 'run_opened')", "run_opened is event 0, and no other is"),
            (
                f"EXISTS ({_EVENTS} AND writer = NEW.writer AND counter = NEW.counter)",
                "each draft is taken once",
            ),
        ),
        "freezes": (
            (_FROZEN, "a run is frozen once"),
            (_NO_RUN, "a freeze belongs to a run"),
            (f"{_LAST_KIND} {words.differs} 'run_closed'", "only a closed run can be frozen"),
            (f"NEW.size {words.differs} {_LENGTH}", "a run is frozen at the record's length"),
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
            (f"NEW.size {words.differs} {_LENGTH}", "a tombstone tells the record's length"),
            (
                f"{_LOGGED_OPEN} AND NOT {_LOGGED_GONE}",
                "a run that the ledger lists is discarded by a leaf of the ledger",
            ),
        ),
        "meetings": (
            ("EXISTS (SELECT 1 FROM meetings WHERE meeting = NEW.meeting)", "a meeting has one run"),
            (_NO_RUN, "a meeting is of a run"),
        ),
        "profiles": (
            (f"NEW.version {words.differs} {_VERSIONS} + 1", "a profile's versions are numbered from 1 without a hole"),
        ),
        "vault_facts": ((f"NEW.position {words.differs} {_FACTS}", "facts about vaults are numbered without a hole"),),
        "policies": (
            (f"NEW.version {words.differs} {_POLICIES} + 1", "a policy's versions are numbered from 1 without a hole"),
        ),
        "keepings": (
            (f"NEW.position {words.differs} {_KEEPINGS}", "what keeps a run is numbered without a hole"),
            (f"NOT {_FROZEN}", "only a frozen run is kept until a day"),
            (f"NEW.until < {_LONGEST}", "no day is taken for an earlier one"),
            (
                f"NEW.until IS NOT NULL AND {words.day('NEW.until')} {words.differs} NEW.until",
                "a day is written 2036-11-28",
            ),
        ),
        "purges": (
            (_PURGED, "a run is purged once"),
            (f"NOT {_FROZEN}", "only a frozen run is purged; another is discarded"),
            (f"{_LAST_KEEPING} IS NULL OR {_LAST_KEEPING} >= {words.today}", "the run must still be kept"),
            ("lower(trim(NEW.requested_by)) = lower(trim(NEW.approved_by))", "a purge has a second approver"),
        ),
        "ledgers": (("EXISTS (SELECT 1 FROM ledgers WHERE workspace = NEW.workspace)", "a workspace has one ledger"),),
        "leaves": (
            (f"NEW.position {words.differs} {_LEAVES}", "a leaf's place is the ledger's length"),
            (
                f"EXISTS ({_MINE} AND kind = NEW.kind AND subject = NEW.subject)",
                "the ledger has a leaf of that kind and subject already",
            ),
            (
                f"EXISTS ({_MINE} AND payload_hash = NEW.payload_hash)",
                "the ledger has a leaf of that statement already",
            ),
        ),
        "accesses": ((f"NEW.position {words.differs} {_ACCESSES}", "an access's place is the log's length"),),
        "nodes": (
            (
                f"EXISTS ({_NODES} AND level = NEW.level AND place = NEW.place)",
                "a node never changes",
            ),
        ),
    }
