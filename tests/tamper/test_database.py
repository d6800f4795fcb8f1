"""Somebody edits the SQLite file of a real store, triggers dropped first: nothing is verified or exported silently."""

from __future__ import annotations

from pathlib import Path

import pytest

from cognify_core import api
from cognify_core.errors import CognifyError, RunNotFoundError, VerificationError
from cognify_core.model.events import parse_event
from cognify_core.model.record import Status
from cognify_core.seal.bundle import Bundle
from cognify_core.store.protocol import Receipt
from tests.factories import OTHER_SIGNER
from tests.tamper.attacking import Home, improved, refused, report_of, without_log


def assert_caught(home: Home, code: str, naming: str = "") -> None:
    """The run does not verify, for this reason, and neither is exported nor sealed again; no file is written."""
    before = sorted(home.path.glob("packages/**/*"))
    report = report_of(home.run)
    messages = [finding.message for finding in report.contradictions if finding.code == code]
    assert any(naming in message for message in messages), report.findings
    for ask in (api.export_audit, api.seal):
        assert isinstance(refused(ask, home.run), VerificationError)
    assert sorted(home.path.glob("packages/**/*")) == before


def test_an_untouched_home_verifies_and_exports_what_it_did(home: Home) -> None:
    assert api.verify(home.run).exit_code == 0
    again = api.export_audit(home.run)
    assert again.path.read_bytes() == home.late.read_bytes()
    assert api.verify(home.early).exit_code == api.verify(home.late).exit_code == 0


def test_an_edited_event(home: Home) -> None:
    places = {parse_event(event).body.kind: place for place, event in enumerate(home.events(home.run))}
    for kind, better in (
        ("note", {"text": "works"}),
        ("config", {"id": "cfg_other"}),
        ("metrics", {"points": [[1, "loss", 0.1]]}),
    ):
        old = home.events(home.run)[places[kind]]
        put = "UPDATE events SET event = ? WHERE run_id = ? AND seq = ?"
        home.edit((put, (improved(old, **better), home.run, places[kind])))
        assert_caught(home, "seal_record", "record")
        home.edit((put, (old, home.run, places[kind])))
    assert api.verify(home.run).exit_code == 0


def test_a_deleted_last_event(home: Home) -> None:
    last = len(home.events(home.run)) - 1
    home.edit(("DELETE FROM events WHERE run_id = ? AND seq = ?", (home.run, last)))
    assert_caught(home, "run_closed", "run_closed must be the last event")


def test_a_deleted_event_in_the_middle(home: Home) -> None:
    home.edit(("DELETE FROM events WHERE run_id = ? AND seq = 2", (home.run,)))
    assert_caught(home, "store_events", "event 2 is missing")


def test_all_events_deleted(home: Home) -> None:
    home.edit(("DELETE FROM events WHERE run_id = ?", (home.run,)))
    for ask in (api.verify, api.export_audit, api.seal):
        assert isinstance(refused(ask, home.run), RunNotFoundError)


def test_reordered_events(home: Home) -> None:
    move = "UPDATE events SET seq = ? WHERE run_id = ? AND seq = ?"
    home.edit((move, (99, home.run, 1)), (move, (1, home.run, 2)), (move, (2, home.run, 99)))
    assert_caught(home, "event_order", "event 1: in its place stands one numbered 2")


def test_an_event_replaced_by_insert_or_replace(home: Home) -> None:
    row = "INSERT OR REPLACE INTO events (run_id, seq, writer, counter, kind, event) VALUES (?, ?, 'evil', 0, ?, ?)"
    event = home.events(home.run)[1]
    forged = improved(event, time="2020-01-01T00:00:00.000000Z")
    home.edit((row, (home.run, 1, parse_event(event).body.kind, forged)))
    assert_caught(home, "seal_record")


def test_an_event_inserted_behind_the_end(home: Home) -> None:
    events = home.events(home.run)
    forged = improved(events[1], seq=len(events))
    row = "INSERT INTO events (run_id, seq, writer, counter, kind, event) VALUES (?, ?, 'evil', 0, 'note', ?)"
    home.edit((row, (home.run, len(events), forged)))
    assert_caught(home, "run_closed")


def test_an_event_of_another_run(home: Home) -> None:
    (_, stranger, *_) = home.events(home.other)
    home.edit(("UPDATE events SET event = ? WHERE run_id = ? AND seq = 1", (stranger, home.run)))
    assert_caught(home, "event_run", home.other)


def test_the_bundles_of_two_runs_swapped(home: Home) -> None:
    home.edit(
        "CREATE TEMP TABLE kept AS SELECT * FROM bundles",
        (
            "UPDATE bundles SET bundle = (SELECT bundle FROM kept WHERE run_id = ?) WHERE run_id = ?",
            (home.other, home.run),
        ),
        (
            "UPDATE bundles SET bundle = (SELECT bundle FROM kept WHERE run_id = ?) WHERE run_id = ?",
            (home.run, home.other),
        ),
    )
    assert_caught(home, "seal_run_id", home.other)
    assert report_of(home.other).exit_code == 1


def test_the_seal_of_somebody_else(home: Home) -> None:
    bundle = api.this_session().workspace.store.bundle(home.run)
    assert bundle is not None
    forged = Bundle.signed(Bundle.parse(bundle).payload, OTHER_SIGNER).encode()
    home.edit(("UPDATE bundles SET bundle = ? WHERE run_id = ?", (forged, home.run)))
    assert_caught(home, "ledger_missing", "was taken away")
    assert_caught(home, "store_leaf", "another seal")


def test_the_seal_of_somebody_else_in_a_store_without_its_leaf(home: Home) -> None:
    bundle = api.this_session().workspace.store.bundle(home.other)
    assert bundle is not None
    forged = Bundle.signed(without_log(Bundle.parse(bundle).payload), OTHER_SIGNER).encode()
    home.edit(("UPDATE bundles SET bundle = ? WHERE run_id = ?", (forged, home.other)), "DELETE FROM receipts")
    assert "store_leaf" in report_of(home.other).codes
    home.edit(("DELETE FROM leaves WHERE kind = 'seal' AND subject = ?", (home.other,)))
    assert report_of(home.other).exit_code == 2
    assert "not known here" in str(refused(api.export_audit, home.other))


def test_the_seal_of_somebody_else_under_the_name_of_our_key(home: Home) -> None:
    ours = api.keys().signer().public_key.key_id
    bundle = api.this_session().workspace.store.bundle(home.run)
    assert bundle is not None
    payload = Bundle.parse(bundle).payload
    forged = Bundle(payload, Bundle.signed(payload, OTHER_SIGNER).signature, ours).encode()
    home.edit(("UPDATE bundles SET bundle = ? WHERE run_id = ?", (forged, home.run)))
    assert_caught(home, "signature", "does not hold")


def test_the_seal_taken_away_so_that_an_edited_record_be_sealed_anew(home: Home) -> None:
    """The worst one: our own key would sign what somebody else wrote."""
    places = {parse_event(event).body.kind: place for place, event in enumerate(home.events(home.run))}
    forged = improved(home.events(home.run)[places["note"]], text="works on everything")
    home.edit(
        ("UPDATE events SET event = ? WHERE run_id = ? AND seq = ?", (forged, home.run, places["note"])),
        ("DELETE FROM bundles WHERE run_id = ?", (home.run,)),
        ("DELETE FROM freezes WHERE run_id = ?", (home.run,)),
    )
    assert_caught(home, "store_bundle", home.addendum)
    home.edit(("DELETE FROM bundles WHERE run_id = ?", (home.addendum,)))
    assert_caught(home, "store_bundle", "the package sha256:")


@pytest.mark.parametrize(
    ("column", "value"),
    [("size", 3), ("root", "0" * 64), ("sealed_at", "2020-01-01T00:00:00Z"), ("lineage", f"sha256:{'0' * 64}")],
)
def test_an_edited_freeze(home: Home, column: str, value: object) -> None:
    home.edit((f"UPDATE freezes SET {column} = ? WHERE run_id = ?", (value, home.run)))
    assert_caught(home, "store_freeze", str(value))


def test_a_freeze_that_no_longer_reads_leaves_the_store_usable(home: Home) -> None:
    home.edit(("UPDATE freezes SET lineage = 'none' WHERE run_id = ?", (home.run,)))
    assert_caught(home, "store_freeze", "the store says that lineage was frozen as")


@pytest.mark.parametrize("column", ["nonce", "workspace", "project", "name", "opened_at"])
def test_an_edited_row_of_the_run(home: Home, column: str) -> None:
    home.edit((f"UPDATE runs SET {column} = 'x' WHERE run_id = ?", (home.run,)))
    assert_caught(home, "store_row", f"the store lists {column} as 'x'")


def test_an_edited_manifest(home: Home) -> None:
    home.edit("UPDATE manifests SET manifest = manifest || x'0a'")
    assert_caught(home, "store_manifest", "has other bytes")


def test_a_run_renamed(home: Home) -> None:
    renamed = "run_20200101_000000_00000"
    tables = ("runs", "events", "freezes", "bundles", "receipts")
    home.edit(*((f"UPDATE {table} SET run_id = ? WHERE run_id = ?", (renamed, home.run)) for table in tables))
    report = report_of(renamed)
    assert any(finding.code == "run_id" and home.run in finding.message for finding in report.contradictions)
    assert isinstance(refused(api.export_audit, renamed), VerificationError)


def test_a_run_renamed_into_a_path_out_of_the_packages_folder(home: Home, tmp_path: Path) -> None:
    evil = "../../../escaped"
    tables = ("runs", "events", "freezes", "bundles", "receipts")
    home.edit(
        *((f"UPDATE {table} SET run_id = ? WHERE run_id = ?", (evil, home.run)) for table in tables),
        "UPDATE runs SET opened_at = '2099-01-01T00:00:00.000000Z' WHERE amends IS NULL AND run_id LIKE '..%'",
    )
    assert isinstance(refused(api.export_audit, "last"), CognifyError)
    assert not list(tmp_path.parent.glob("**/*escaped*"))


def test_a_status_that_claims_a_seal_where_there_is_none(home: Home) -> None:
    """A store has no status to edit: it follows from the record and the bundle. A bundle of nothing is no seal."""
    with pytest.raises(ZeroDivisionError), api.run() as failed:
        raise ZeroDivisionError
    size = len(home.events(failed.id))
    home.edit(
        (
            "INSERT INTO freezes VALUES (?, ?, ?, ?, '2025-01-01T00:00:00Z')",
            (failed.id, size, "0" * 64, f"sha256:{'0' * 64}"),
        ),
        ("INSERT INTO bundles VALUES (?, x'7b7d')", (failed.id,)),
    )
    assert api.show(failed.id).row.status is Status.AUDIT_SEALED
    assert "bundle_form" in {finding.code for finding in report_of(failed.id).contradictions}
    for ask in (api.export_audit, api.seal):
        assert isinstance(refused(ask, failed.id), VerificationError)


def test_a_dropped_addendum(home: Home) -> None:
    tables = ("openings", "owners", "bundles", "freezes", "events", "runs")
    home.edit(*((f"DELETE FROM {table} WHERE run_id = ?", (home.addendum,)) for table in tables))
    assert_caught(home, "store_addendum", "holds the addendum 1")


def test_an_addendum_whose_link_or_seal_was_taken_away(home: Home) -> None:
    home.edit(("UPDATE runs SET amends = NULL, ordinal = NULL WHERE run_id = ?", (home.addendum,)))
    assert_caught(home, "store_addendum", "holds the addendum 1")
    home.edit(
        ("UPDATE runs SET amends = ?, ordinal = 1 WHERE run_id = ?", (home.run, home.addendum)),
        ("DELETE FROM bundles WHERE run_id = ?", (home.addendum,)),
    )
    report = report_of(home.run)
    assert "store_addendum" in report.codes


def test_an_edited_addendum(home: Home) -> None:
    event = next(event for event in home.events(home.addendum) if b'"kind":"evaluation"' in event)
    forged = improved(event, results={"f1": 0.99})
    home.edit(("UPDATE events SET event = ? WHERE run_id = ? AND event = ?", (forged, home.addendum, event)))
    assert_caught(home, "seal_record", "addendum 1: ")


def forge_addendum(home: Home, bundle: bytes) -> None:
    """Make a second addendum out of the first, as somebody without our key would."""
    forged = "run_20990101_000000_00000"
    move = ((forged, home.addendum),)
    home.edit(
        *((f"CREATE TEMP TABLE t_{table} AS SELECT * FROM {table}") for table in ("runs", "events", "freezes")),
        *((f"UPDATE t_{table} SET run_id = ? WHERE run_id = ?", *move) for table in ("runs", "events", "freezes")),
        ("UPDATE t_runs SET ordinal = 2 WHERE run_id = ?", (forged,)),
        *(
            (f"INSERT INTO {table} SELECT * FROM t_{table} WHERE run_id = ?", (forged,))
            for table in ("runs", "events", "freezes")
        ),
        ("INSERT INTO bundles VALUES (?, ?)", (forged, bundle)),
    )


def test_a_forged_addendum_with_the_seal_of_the_true_one(home: Home) -> None:
    bundle = api.this_session().workspace.store.bundle(home.addendum)
    assert bundle is not None
    forge_addendum(home, bundle)
    assert_caught(home, "addendum_order", "addendum 2")


def test_a_forged_addendum_with_a_seal_of_its_own(home: Home) -> None:
    bundle = api.this_session().workspace.store.bundle(home.addendum)
    assert bundle is not None
    forge_addendum(home, Bundle.signed(Bundle.parse(bundle).payload, OTHER_SIGNER).encode())
    assert report_of(home.run).exit_code == 1
    refused(api.export_audit, home.run)


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("UPDATE receipts SET format = 'pdf'", "store_receipt"),
        ("UPDATE receipts SET addenda = '[]'", "store_receipt"),
        ("UPDATE receipts SET addenda = 'garbage'", "store_receipt"),
        ("UPDATE receipts SET package_hash = 'garbage' WHERE addenda = '[]'", "store_receipt"),
        ("UPDATE receipts SET bundle = x'7b7d'", "store_receipt"),
        ("UPDATE receipts SET bundle = 7", "store_receipt"),
    ],
)
def test_an_edited_receipt(home: Home, statement: str, code: str) -> None:
    only = f"run_id = '{home.run}'"
    home.edit(f"{statement} AND {only}" if "WHERE" in statement else f"{statement} WHERE {only}")
    assert_caught(home, code, "receipt")


def test_the_receipt_of_another_run(home: Home) -> None:
    home.edit(("UPDATE receipts SET run_id = ? WHERE run_id = ?", (home.run, home.other)))
    assert_caught(home, "store_seal", "was made under the seal")


def test_a_receipt_of_somebody_elses_making_is_not_taken_on_trust(home: Home) -> None:
    store = api.this_session().workspace.store
    (first, *_) = store.receipts(home.run)
    home.edit("DELETE FROM receipts")
    signed = Bundle.signed(Bundle.parse(first.bundle).payload, OTHER_SIGNER).encode()
    fields = (first.package_hash, first.run_id, first.format, first.template, first.renderer, first.addenda)
    store.put_receipt(Receipt(*fields, path=first.path, bundle=signed))
    assert "receipt_ledger_missing" in report_of(home.run).codes
    home.edit("DELETE FROM receipts")
    signed = Bundle.signed(without_log(Bundle.parse(first.bundle).payload), OTHER_SIGNER).encode()
    store.put_receipt(Receipt(*fields, path=first.path, bundle=signed))
    assert report_of(home.run).exit_code == 2


GARBAGE = ("-1", "4611686018427387904", "1.5", "'x'", "x'ff'", "CAST(x'ff' AS TEXT)")
UNSIGNED = {
    ("events", "writer"),
    ("events", "counter"),
    ("events", "kind"),
    ("receipts", "position"),
    ("receipts", "path"),
    ("receipts", "run_id"),
}
"""Columns of which no seal speaks: for appending, sorting and showing. Receipts are not missed where they are gone."""
COLUMNS = {
    "runs": ("nonce", "workspace", "project", "name", "opened_at", "amends", "ordinal"),
    "events": ("seq", "writer", "counter", "kind", "event"),
    "freezes": ("size", "root", "lineage", "sealed_at"),
    "bundles": ("run_id", "bundle"),
    "receipts": ("package_hash", "run_id", "position", "format", "template", "renderer", "addenda", "path", "bundle"),
}


@pytest.mark.parametrize(("table", "column"), [(table, column) for table, of in COLUMNS.items() for column in of])
def test_garbage_in_any_column_breaks_nothing_and_is_never_exported(home: Home, table: str, column: str) -> None:
    kept = home.database.read_bytes()
    where = f"run_id = '{home.run}'" + (" AND seq = 2" if table == "events" else "")
    for value in GARBAGE:
        api.this_session().workspace.close()
        home.database.write_bytes(kept)
        home.edit(
            "PRAGMA ignore_check_constraints = ON", f"UPDATE OR REPLACE {table} SET {column} = {value} WHERE {where}"
        )
        if (table, column) in UNSIGNED or (column, value) == ("seq", "1.5"):  # 1.5 stands where 2 stood
            continue
        for ask in (api.verify, api.export_audit):
            assert isinstance(refused(ask, home.run), CognifyError), value
