"""Somebody edits the database, triggers dropped first, and `fsck` names what was done."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from cognify_core import api
from cognify_core.errors import CannotVerifyError, LedgerError, VerificationError
from cognify_core.seal.notes import LogSigner, new_log_pem
from cognify_core.store.protocol import Leaf
from tests.ledger.homes import Lived, codes, names
from tests.tamper.attacking import leave, refused, report_of, use


def test_a_home_that_nobody_touched_holds(lived: Lived) -> None:
    report = lived.fsck(lived.head_file())
    assert (report.findings, report.exit_code) == ((), 0)
    assert [(leaf.kind, leaf.subject) for leaf in lived.ledger.leaves() if leaf.kind != "receipt"] == [
        ("opened", lived.sealed),
        ("seal", lived.sealed),
        ("opened", lived.addendum),
        ("addendum", lived.addendum),
        ("opened", lived.discarded),
        ("tombstone", lived.discarded),
        ("opened", lived.closed),
        ("opened", lived.open),
    ]
    assert sum(leaf.kind == "receipt" for leaf in lived.ledger.leaves()) == 2


def test_runs_that_were_begun_and_never_sealed_are_listed(lived: Lived) -> None:
    assert [(run.run_id, run.status) for run in lived.ledger.open_runs()] == [
        (lived.closed, "COMPLETED"),
        (lived.open, "RUNNING"),
    ]


@pytest.mark.parametrize("which", ["sealed", "addendum", "closed", "open"])
def test_a_deleted_run_is_missed(lived: Lived, which: str) -> None:
    gone = getattr(lived, which)
    tables = ("events", "freezes", "envelopes", "bundles", "receipts", "openings", "owners", "accesses", "runs")
    lived.edit(*((f"DELETE FROM {table} WHERE run_id = ?", (gone,)) for table in tables))
    report = lived.fsck()
    assert names(report, "run_deleted", gone)
    if which in ("closed", "open"):
        assert (gone, None) in [(run.run_id, run.status) for run in lived.ledger.open_runs()]


@pytest.mark.parametrize("amends", [False, True])
def test_a_closed_run_put_in_by_hand_is_named_and_gets_no_seal(lived: Lived, amends: bool) -> None:
    """What no seal contradicts: nobody had signed anything of it."""
    forged = "run_20250101_000000_f0f0f"
    link = f"'{lived.sealed}', 2" if amends else "NULL, NULL"
    columns = "nonce, workspace, project, name, opened_at"
    event = "CAST(replace(CAST(event AS TEXT), run_id, ?) AS BLOB)"
    lived.edit(
        (
            f"INSERT INTO runs SELECT ?, {columns}, {link} FROM runs LIMIT 1",
            (forged,),
        ),
        (
            f"INSERT INTO events SELECT ?, seq, writer, counter, kind, {event} FROM events WHERE run_id = ?",
            (forged, forged, lived.closed),
        ),
    )
    assert names(lived.fsck(), "run_unlisted", forged)
    assert "no leaf of the ledger has opened" in str(refused(api.seal, forged))
    assert api.this_session().workspace.store.bundle(forged) is None


def test_a_run_whose_first_event_was_replaced_is_named(lived: Lived) -> None:
    lived.edit(
        ("UPDATE events SET event = CAST(replace(event, 'tests', 'other') AS BLOB) WHERE run_id = ?", (lived.closed,))
    )
    assert codes(lived.fsck()) == {"run_replaced"}


@pytest.mark.parametrize(
    ("table", "code"), [("bundles", "seal_gone"), ("receipts", "receipt_gone"), ("tombstones", "tombstone_gone")]
)
def test_what_was_taken_away_is_named(lived: Lived, table: str, code: str) -> None:
    lived.edit(f"DELETE FROM {table}")
    assert code in codes(lived.fsck())


def test_a_seal_that_was_taken_away_is_not_made_anew(lived: Lived) -> None:
    lived.edit("DELETE FROM receipts", "DELETE FROM bundles", "DELETE FROM envelopes")
    assert "is its seal: somebody took it away" in str(refused(api.seal, lived.sealed))


@pytest.mark.parametrize("table", ["bundles", "receipts"])
def test_another_bundle_in_a_bundles_place_is_named(lived: Lived, table: str) -> None:
    lived.edit(
        f"CREATE TABLE others AS SELECT run_id, bundle FROM {table}",
        f"UPDATE {table} SET bundle = (SELECT bundle FROM others WHERE bundle <> {table}.bundle LIMIT 1)",
    )
    assert {"bundles": "seal_replaced", "receipts": "receipt_replaced"}[table] in codes(lived.fsck())


@pytest.mark.parametrize("column", ["kind", "subject", "payload", "body"])
@pytest.mark.parametrize("position", [0, 1, 5])
def test_a_leaf_that_was_changed_is_named(lived: Lived, column: str, position: int) -> None:
    changed = {"kind": "'rotation'", "subject": "'x'"}.get(column, f"CAST(replace({column}, 'e', 'E') AS BLOB)")
    lived.edit(f"UPDATE leaves SET {column} = {changed} WHERE position = {position}")
    report = lived.fsck()
    assert names(report, "ledger_statement", f"leaf {position} ")
    assert ("ledger_leaf" in codes(report)) == (column == "body")


def test_a_leaf_and_its_statement_of_another_leaf_are_not_that_leaf(lived: Lived) -> None:
    (first, *_) = lived.ledger.leaves()
    lived.edit(("UPDATE leaves SET payload = ?, body = ? WHERE position = 6", (first.payload, first.body)))
    assert {"ledger_leaf", "ledger_statement"} <= codes(lived.fsck())


@pytest.mark.parametrize(("level", "place"), [(0, 0), (0, 9), (1, 1), (2, 0), (3, 0)])
def test_a_node_that_was_changed_is_named(lived: Lived, level: int, place: int) -> None:
    lived.edit(f"UPDATE nodes SET hash = zeroblob(32) WHERE level = {level} AND place = {place}")
    report = lived.fsck()
    code, named = ("ledger_leaf", f"leaf {place} ") if level == 0 else ("ledger_node", f"node {place} of level {level}")
    assert names(report, code, named)


def test_a_node_that_is_missing_is_named(lived: Lived) -> None:
    lived.edit("DELETE FROM nodes WHERE level = 1")
    assert names(lived.fsck(), "ledger_node", "5 nodes of level 1 are missing")


@pytest.mark.parametrize("level", [0, 1, 2])
def test_nothing_is_appended_beside_a_node_that_later_leaves_would_complete(lived: Lived, level: int) -> None:
    size = lived.ledger.head().head.size
    lived.edit(f"INSERT INTO nodes VALUES ('default', {level}, {size >> level}, zeroblob(32))")
    with pytest.raises(LedgerError, match="more nodes than those make"):
        api.this_session().workspace.store.log([Leaf("opened", "run x", b"payload", b"body")])


@pytest.mark.parametrize("position", [0, 4, 9])
def test_a_leaf_that_is_missing_is_named(lived: Lived, position: int) -> None:
    lived.edit(f"DELETE FROM leaves WHERE position = {position}")
    report = lived.fsck()
    assert report.exit_code == 1
    assert {"ledger_leaf", "ledger_node", "run_unlisted"} & codes(report)


def test_a_ledger_that_was_rolled_back_is_known_by_a_head_from_outside(lived: Lived, tmp_path: Path) -> None:
    head = lived.head_file()
    lived.edit(
        "DELETE FROM leaves WHERE position >= 8",
        "DELETE FROM nodes WHERE (place + 1) << level > 8",
        *(f"DELETE FROM {table} WHERE run_id IN ('{lived.closed}', '{lived.open}')" for table in ("events", "runs")),
    )
    assert lived.fsck().exit_code == 0
    assert codes(lived.fsck(head)) == {"ledger_rolled_back"}
    with pytest.raises(VerificationError, match="it was rolled back"):
        lived.ledger.consistency(head)
    with pytest.raises(VerificationError, match="it was rolled back"):
        api.verify(lived.home.late, head=head)


def rewrite(lived: Lived) -> str:
    """Make another history with our own keys, as whoever owns the host can; return the first run of it."""
    lived.edit(
        *(f"DELETE FROM {table}" for table in ("leaves", "nodes", "receipts", "bundles", "envelopes", "freezes")),
        *(f"DELETE FROM {table}" for table in ("events", "tombstones", "owners", "accesses", "openings", "runs")),
    )
    leave()
    use(lived.home.path)
    made = []
    for name in ("one", "two", "three", "four", "five"):
        with api.run(name) as run:
            made.append(run.id)
    return made[0]


def test_a_ledger_that_was_rewritten_is_known_by_a_head_from_outside(lived: Lived) -> None:
    head = lived.head_file()
    rewrite(lived)
    assert lived.fsck().exit_code == 0
    assert codes(lived.fsck(head)) == {"ledger_rewritten"}
    with pytest.raises(VerificationError, match=r"(was rewritten|does not follow)"):
        lived.ledger.consistency(head)


def test_a_package_of_a_rewritten_history_holds_by_itself_and_not_under_a_head_from_outside(lived: Lived) -> None:
    head = lived.head_file()
    package = api.export_audit(rewrite(lived)).path
    assert api.verify(package).exit_code == 0
    assert report_of(package, head=head).exit_code == 1


def test_a_head_that_another_log_signed_is_not_taken(lived: Lived, tmp_path: Path) -> None:
    other = LogSigner(new_log_pem())
    (tmp_path / "other").write_bytes(other.sign(3, b"\0" * 32).note)
    with pytest.raises(CannotVerifyError, match="is a head of"):
        lived.fsck(tmp_path / "other")
    forged = LogSigner(new_log_pem(), lived.ledger.key.origin).sign(3, b"\0" * 32)
    (tmp_path / "forged").write_bytes(forged.note)
    with pytest.raises(VerificationError, match="carries 0 signatures of the log"):
        lived.fsck(tmp_path / "forged")


def test_a_ledger_emptied_while_its_key_is_there_is_not_begun_anew_unseen(lived: Lived) -> None:
    lived.edit("DELETE FROM leaves", "DELETE FROM nodes")
    assert lived.ledger.head().head.size == 0
    assert {"run_unlisted", "seal_unlisted", "receipt_unlisted"} <= codes(lived.fsck())


def test_raw_sql_is_refused_by_triggers_first(lived: Lived) -> None:
    database = sqlite3.connect(lived.home.database, isolation_level=None)
    for statement in ("DELETE FROM leaves", "UPDATE nodes SET hash = x'00'", "DELETE FROM ledgers"):
        with pytest.raises(sqlite3.IntegrityError, match=r"are never (deleted|changed)"):
            database.execute(statement)
    database.close()
