from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cognify_core.errors import StoreError
from cognify_core.model.digest import Digest
from cognify_core.model.record import Status
from cognify_core.store.protocol import Store
from cognify_core.store.sql import SqlStore, open_store
from tests import factories
from tests.store.contract import StoreContract
from tests.store.contract_beside import BesideContract
from tests.store.contract_finding import FindingContract
from tests.store.contract_ledger import LedgerContract
from tests.store.contract_tenancy import TenancyContract
from tests.store.contract_visitors import VisitorsContract
from tests.store.values import OPENINGS, RUN, begin, closed, draft, note


class TestSqliteStore(
    StoreContract, BesideContract, FindingContract, LedgerContract, TenancyContract, VisitorsContract
):
    """SQLite on a local disk."""


class TestSqliteStoreOnANetworkFileSystem(
    StoreContract, BesideContract, FindingContract, LedgerContract, TenancyContract, VisitorsContract
):
    """SQLite where the mount table says that the disk is behind a network."""

    @pytest.fixture
    def store(self, path: Path, network_mounts: Path) -> Iterator[SqlStore]:
        opened = open_store(path, mounts=network_mounts)
        yield opened
        opened.close()


@pytest.fixture
def network_mounts(tmp_path: Path) -> Path:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"22 1 0:1 / / rw - ext4 /dev/vda rw\n23 22 0:2 / {tmp_path} rw - nfs4 server:/home rw\n")
    return mounts


def test_the_sql_store_is_a_store(store: SqlStore) -> None:
    as_protocol: Store = store
    assert as_protocol.runs() == []


def test_a_local_store_keeps_a_log_and_has_nothing_to_say(store: SqlStore, path: Path) -> None:
    assert store.notes == ()
    assert _journal_mode(path) == "wal"


def test_a_store_behind_a_network_keeps_a_journal_and_says_so(path: Path, network_mounts: Path) -> None:
    store = open_store(path, mounts=network_mounts)
    begin(store)
    assert store.notes == (
        f"{path} lies on a network file system (nfs4): writing is slower, and safe only where that system's locks "
        "work; a local folder in COGNIFY_HOME avoids both",
    )
    store.close()
    assert _journal_mode(path) == "delete"
    assert path.with_name("cognify.db.lock").stat().st_mode & 0o777 == 0o600


def test_a_store_that_comes_back_from_the_network_keeps_a_log_again(path: Path, network_mounts: Path) -> None:
    open_store(path, mounts=network_mounts).close()
    open_store(path).close()
    assert _journal_mode(path) == "wal"


def test_erased_values_cannot_be_read_from_the_disk(store: SqlStore, path: Path) -> None:
    begin(store)
    store.put_openings(RUN, OPENINGS)
    assert _bytes_on_disk(path).count("Bücherei".encode()) > 0
    store.erase_openings(RUN)
    assert _bytes_on_disk(path).count("Bücherei".encode()) == 0


def test_a_discarded_run_cannot_be_read_from_the_disk(store: SqlStore, path: Path) -> None:
    begin(store)
    store.append(RUN, [note(1, writer="a-secret-writer")])
    store.discard(RUN, "a secret was recorded", factories.TIME)
    assert _bytes_on_disk(path).count(b"a-secret-writer") == 0


def test_a_manifest_with_other_bytes_is_damage(store: SqlStore, path: Path) -> None:
    digest = store.put_manifest(factories.TREE)
    _write_over(path, "manifests", "manifest = x'00'")
    with pytest.raises(StoreError, match=f"is damaged: its manifest {digest} has other bytes"):
        store.manifest(Digest.of(factories.TREE))


@pytest.mark.parametrize("event", ["not json", "[]", '{"status": "FINE", "complete": true}', "{}"])
def test_a_run_whose_closing_event_was_written_over_is_still_listed(store: SqlStore, path: Path, event: str) -> None:
    begin(store)
    store.append(RUN, [closed()])
    _write_over(path, "events", f"event = CAST('{event}' AS BLOB) WHERE seq = 1")
    assert [(row.status, row.complete) for row in store.runs()] == [(Status.INTERRUPTED, False)]


def test_a_record_with_a_hole_is_not_read(store: SqlStore, path: Path) -> None:
    begin(store)
    store.append(RUN, [note(1), note(2)])
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("DROP TRIGGER events_delete")
        database.execute("DELETE FROM events WHERE seq = 1")
    with pytest.raises(StoreError, match=f"{RUN} was discarded while it was read, or the store .* is damaged"):
        list(store.events(RUN))


def test_a_store_can_be_opened_under_any_name(tmp_path: Path) -> None:
    path = tmp_path / "a folder" / "100% ünlikely?mode=ro#.db"
    store = open_store(str(path))
    store.create(RUN, draft(factories.opened()))
    store.close()
    assert path.is_file()


def _journal_mode(path: Path) -> str:
    with closing(sqlite3.connect(path)) as database:
        return str(database.execute("PRAGMA journal_mode").fetchone()[0])


def _bytes_on_disk(path: Path) -> bytes:
    return b"".join(file.read_bytes() for file in path.parent.glob("cognify.db*"))


def _write_over(path: Path, table: str, assignment: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute(f"DROP TRIGGER {table}_update")
        database.execute(f"UPDATE {table} SET {assignment}")
