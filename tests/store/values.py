"""What the tests of stores write: drafts, and runs that have got so far."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from cognify_core.merkle import leaf_hash, root_hash
from cognify_core.model.digest import Digest
from cognify_core.model.events import Amends, Body, Draft, Note, RunClosed
from cognify_core.model.record import Freeze
from cognify_core.store.protocol import Leaf, LeafKind, Opening, Owner, Receipt, Store
from cognify_core.store.sqlite import APPLICATION_ID
from tests import factories

RUN = factories.RUN_ID
OTHER = factories.OTHER_RUN_ID
ADDENDUM = "run_20250914_090000_0c0de"
MEETING = "job-17/0"
_OLD = Path(__file__).parent / "old"
BUNDLE = b'{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json"}'
OWNER = Owner("host", "boot", 4711, "123456")
OPENINGS = [Opening("sha256:1", "user", b"\x00" * 32, "ada"), Opening("sha256:0", "host", b"\xff" * 32, "Bücherei")]


def draft(body: Body, counter: int = 0, *, writer: str = "main", time: str = factories.TIME) -> Draft:
    return Draft(time, body, writer, counter)


def note(counter: int, *, writer: str = "main") -> Draft:
    return draft(Note(text=f"note {counter} of {writer}"), counter, writer=writer)


def notes(*counters: int, writer: str = "main") -> list[Draft]:
    return [note(counter, writer=writer) for counter in counters]


def closed(counter: int = 1000, *, writer: str = "main", complete: bool = True, status: str = "COMPLETED") -> Draft:
    reasons = () if complete else ("a disk was full",)
    return draft(
        RunClosed.model_validate({"status": status, "complete": complete, "reasons": reasons, "counts": {}}),
        counter,
        writer=writer,
    )


def old_store(path: Path, schema: str = "0001") -> Path:
    """Make a store of an older schema at `path`, as the Cognify that had it left it: `RUN` is open and has an owner."""
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = wal")
        database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        database.executescript((_OLD / f"schema_{schema}.sql").read_text(encoding="utf-8"))
    return path


def begin(store: Store, run_id: str = RUN, **opened: object) -> None:
    """A run that is open, and holds `run_opened` alone."""
    time = opened.pop("time", factories.OPENED_AT)
    store.create(run_id, draft(factories.opened(**opened), time=str(time)))


def begin_met(store: Store, run_id: str, *, meeting: str = MEETING) -> None:
    """A run that is open, begun by a process of its own for a meeting."""
    store.create(run_id, draft(factories.opened()), Owner("host", "boot", 4711, run_id), meeting=meeting)


def frozen(store: Store, run_id: str = RUN, **opened: object) -> Freeze:
    """A run that is closed and frozen, of three events."""
    begin(store, run_id, **opened)
    store.append(run_id, [note(1), closed()])
    return store.freeze(run_id, freeze_of(store, run_id))


def freeze_of(store: Store, run_id: str = RUN) -> Freeze:
    leaves = [leaf_hash(event) for event in store.events(run_id)]
    return Freeze(len(leaves), root_hash(leaves).hex(), Digest.of(b"lineage"), factories.SEALED_AT)


def amends(run_id: str = RUN, ordinal: int = 1, nonce: str = factories.NONCE) -> Amends:
    return Amends(run_id=run_id, nonce=nonce, ordinal=ordinal, previous=Digest.of(BUNDLE))


def receipt(package: bytes = b"package", run_id: str = RUN) -> Receipt:
    return Receipt(
        package_hash=Digest.of(package),
        run_id=run_id,
        format="json",
        template=None,
        renderer="cognify-audit 0.1.0",
        addenda=(Digest.of(b"first"), Digest.of(b"second")),
        path="packages/package.json",
        bundle=BUNDLE,
    )


def leaf(kind: LeafKind = "opened", subject: str = RUN, said: str = "") -> Leaf:
    """A leaf, which says what no other does."""
    payload = f"{kind} {subject} {said}".encode()
    return Leaf(kind, subject, payload, b"body of " + payload)


def later(draft: Draft) -> Draft:
    """The same draft, said at another time."""
    return replace(draft, time=factories.CLOSED_AT)
