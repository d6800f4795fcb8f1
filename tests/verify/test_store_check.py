"""Someone edits the database itself, triggers or not. The store is a real SQLite file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cognify_core.errors import RunNotFoundError, RunStateError, VerificationError
from cognify_core.export.formats import render_package
from cognify_core.export.inputs import made_from
from cognify_core.export.package_json import RENDERER
from cognify_core.model.digest import Digest
from cognify_core.model.events import Amends, Body
from cognify_core.model.record import Status
from cognify_core.seal.bundle import Bundle
from cognify_core.seal.closed import ClosedRecord
from cognify_core.seal.sealing import seal_package, seal_run
from cognify_core.store.protocol import Receipt, Store
from cognify_core.store.sql import open_store
from cognify_core.verify.package import check_package
from cognify_core.verify.report import Report
from cognify_core.verify.store_check import check_run, read_sealed
from tests.factories import (
    MANIFESTS,
    NONCE,
    OTHER_SIGNER,
    RUN_ID,
    SEALED_AT,
    SIGNER,
    TREE,
    FixedSigner,
    checkpoint,
    config,
    dataset,
    drafts,
    evaluation,
    opened,
    record,
    sealed_run,
    whole,
)

ADDENDUM = "run_20250914_090001_00001"
NOW = datetime(2025, 9, 12, 16, 45, 0, 999_999, tzinfo=UTC)
KEY = SIGNER.public_key


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cognify.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    opened_store = open_store(path)
    yield opened_store
    opened_store.close()


def keep(store: Store, run_id: str, bodies: list[Body]) -> None:
    """Put a record and the usual manifests into a store."""
    for manifest in MANIFESTS.values():
        store.put_manifest(manifest)
    first, *rest = drafts(bodies)
    store.create(run_id, first)
    store.append(run_id, rest)


def keep_sealed(store: Store, signer: FixedSigner = SIGNER) -> None:
    keep(store, RUN_ID, whole())
    seal_run(store, RUN_ID, signer, now=NOW)


def keep_addendum(store: Store) -> None:
    previous = Digest.of(read_sealed(store, RUN_ID, [KEY])[0].envelope.payload)
    link = Amends(run_id=RUN_ID, nonce=NONCE, ordinal=1, previous=previous)
    keep(store, ADDENDUM, whole([evaluation(inputs=("@ckpt_step_20",))], opening=opened(nonce="1" * 32, amends=link)))


def edit(path: Path, *statements: str, parameters: tuple[object, ...] = ()) -> None:
    """Do as somebody would who owns the file: drop every trigger, then whatever they please."""
    with sqlite3.connect(path) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement, parameters)
    connection.close()


def assert_contradicts(report: Report, code: str, naming: str) -> None:
    assert report.exit_code == 1
    messages = [finding.message for finding in report.contradictions if finding.code == code]
    assert any(naming in message for message in messages), report.contradictions


def test_a_sealed_run_in_a_store_holds(store: Store) -> None:
    keep_sealed(store)
    report = check_run(store, RUN_ID, [KEY])
    assert report.exit_code == 0
    assert store.bundle(RUN_ID) == Bundle.parse(sealed_run().bundle).naming(SIGNER.public_key).encode()


def test_sealing_again_changes_nothing(store: Store) -> None:
    keep_sealed(store)
    before = store.bundle(RUN_ID)
    assert seal_run(store, RUN_ID, OTHER_SIGNER, now=datetime(2030, 1, 1, tzinfo=UTC)) == before


def test_a_seal_that_was_interrupted_after_the_freeze_keeps_its_time(store: Store) -> None:
    keep(store, RUN_ID, whole())
    store.freeze(RUN_ID, ClosedRecord.read(record()).freeze(SEALED_AT))
    seal_run(store, RUN_ID, SIGNER, now=datetime(2030, 1, 1, tzinfo=UTC))
    assert read_sealed(store, RUN_ID, [KEY])[0].statement.predicate.sealed_at == SEALED_AT


def test_a_record_that_was_changed_between_freeze_and_seal_is_not_signed(store: Store, path: Path) -> None:
    keep(store, RUN_ID, whole())
    store.freeze(RUN_ID, ClosedRecord.read(record()).freeze(SEALED_AT))
    forged = record(whole([dataset(record_count=4), *whole()[2:-1]]))[1]
    edit(path, "UPDATE events SET event = ? WHERE seq = 1", parameters=(forged,))
    with pytest.raises(VerificationError, match="was changed since"):
        seal_run(store, RUN_ID, SIGNER, now=NOW)
    assert store.bundle(RUN_ID) is None


def test_an_open_run_cannot_be_sealed(store: Store) -> None:
    keep(store, RUN_ID, whole()[:-1])
    with pytest.raises(RunStateError, match="is not closed"):
        seal_run(store, RUN_ID, SIGNER, now=NOW)


def test_only_sealed_runs_are_exported(store: Store) -> None:
    keep(store, RUN_ID, whole())
    with pytest.raises(RunStateError, match=f"{RUN_ID} is COMPLETED, and only sealed runs are exported: seal it with"):
        read_sealed(store, RUN_ID, [KEY])


def test_an_export_needs_the_key_that_signed(store: Store) -> None:
    keep_sealed(store)
    with pytest.raises(RunStateError, match="not known here: pin its public key"):
        read_sealed(store, RUN_ID, [OTHER_SIGNER.public_key])
    assert read_sealed(store, RUN_ID, [OTHER_SIGNER.public_key, KEY])[0].public_key == KEY.pem


def test_what_is_exported_from_a_store_verifies_without_it(store: Store) -> None:
    keep_sealed(store)
    keep_addendum(store)
    assert len(read_sealed(store, RUN_ID, [KEY])) == 1
    seal_run(store, ADDENDUM, SIGNER, now=NOW)
    run, *addenda = read_sealed(store, RUN_ID, [KEY])
    data = render_package("json", None, run, addenda)
    receipt = seal_package(data, "package.json", made_from(run, addenda, "json", None, RENDERER), SIGNER)
    assert len(addenda) == 1
    assert check_package(data, trusted=[KEY], receipt=receipt).exit_code == 0
    assert check_run(store, RUN_ID, [KEY]).exit_code == 0


def test_a_run_that_is_not_sealed_cannot_be_checked(store: Store) -> None:
    keep(store, RUN_ID, whole())
    report = check_run(store, RUN_ID, [KEY])
    assert report.exit_code == 2
    assert report.codes == {"unsealed"}


def test_an_addendum_that_is_still_open_is_told_and_does_no_harm(store: Store) -> None:
    keep_sealed(store)
    keep_addendum(store)
    report = check_run(store, RUN_ID, [KEY])
    assert report.exit_code == 0
    assert any(finding.code == "addendum_open" and ADDENDUM in finding.message for finding in report.findings)


def test_a_seal_of_an_unpinned_key_cannot_be_checked(store: Store) -> None:
    keep_sealed(store)
    for trusted in ([], [OTHER_SIGNER.public_key]):
        report = check_run(store, RUN_ID, trusted)
        assert report.exit_code == 2
        assert "signature" in report.codes


def test_a_run_that_is_not_there_is_no_contradiction(store: Store) -> None:
    with pytest.raises(RunNotFoundError, match=RUN_ID):
        check_run(store, RUN_ID, [KEY])


def test_an_event_edited_by_raw_sql_is_not_what_was_signed(store: Store, path: Path) -> None:
    keep_sealed(store)
    forged = record(whole([dataset(record_count=4), *whole()[2:-1]]))[1]
    edit(path, "UPDATE events SET event = ? WHERE seq = 1", parameters=(forged,))
    report = check_run(store, RUN_ID, [KEY])
    assert_contradicts(report, "seal_record", "the seal says record")
    assert_contradicts(report, "seal_lineage", "lineage: signed")


def test_an_event_replaced_by_insert_or_replace_is_not_what_was_signed(store: Store, path: Path) -> None:
    keep_sealed(store)
    forged = record(whole([dataset(), config(), checkpoint(30)]))[2]
    statement = f"INSERT OR REPLACE INTO events VALUES ('{RUN_ID}', 2, 'main', 2, 'config', ?)"
    with sqlite3.connect(path) as connection, pytest.raises(sqlite3.IntegrityError, match="takes no events"):
        connection.execute(statement, (forged,))
    connection.close()
    edit(path, statement, parameters=(b"{}",))
    assert_contradicts(check_run(store, RUN_ID, [KEY]), "event_form", "event 2: ")


def test_an_event_deleted_by_raw_sql_is_named(store: Store, path: Path) -> None:
    keep_sealed(store)
    edit(path, "DELETE FROM events WHERE seq = 3")
    assert_contradicts(check_run(store, RUN_ID, [KEY]), "store_events", "event 3 is missing from the store")


def test_a_tail_cut_by_raw_sql_contradicts_the_freeze_and_the_seal(store: Store, path: Path) -> None:
    keep_sealed(store)
    edit(path, "DELETE FROM events WHERE seq >= 4")
    report = check_run(store, RUN_ID, [KEY])
    assert_contradicts(report, "run_closed", "must be the last event")
    assert_contradicts(report, "seal_record", "the seal was made over 6 events")


def test_events_of_another_run_and_in_another_order_are_named(store: Store, path: Path) -> None:
    keep_sealed(store)
    edit(
        path,
        "UPDATE events SET seq = 9 WHERE seq = 1",
        "UPDATE events SET seq = 1 WHERE seq = 2",
        "UPDATE events SET seq = 2 WHERE seq = 9",
    )
    assert_contradicts(check_run(store, RUN_ID, [KEY]), "event_order", "event 1: in its place stands one numbered 2")


@pytest.mark.parametrize(
    ("column", "value"),
    [("size", 5), ("root", "0" * 64), ("sealed_at", "2024-01-01T00:00:00Z"), ("lineage", "sha256:" + "0" * 64)],
)
def test_a_freeze_edited_by_raw_sql_contradicts_the_seal(store: Store, path: Path, column: str, value: object) -> None:
    keep_sealed(store)
    edit(path, f"UPDATE freezes SET {column} = ?", parameters=(value,))
    assert_contradicts(check_run(store, RUN_ID, [KEY]), "store_freeze", f"{column} was frozen as {value}")


@pytest.mark.parametrize("column", ["project", "nonce", "opened_at"])
def test_a_run_row_edited_by_raw_sql_contradicts_the_record(store: Store, path: Path, column: str) -> None:
    keep_sealed(store)
    edit(path, f"UPDATE runs SET {column} = 'x'")
    assert_contradicts(check_run(store, RUN_ID, [KEY]), "store_row", f"the store lists {column} as 'x'")


def test_a_bundle_swapped_by_raw_sql_has_no_known_signer(store: Store, path: Path) -> None:
    keep_sealed(store)
    edit(path, "UPDATE bundles SET bundle = ?", parameters=(sealed_run(signer=OTHER_SIGNER).bundle,))
    assert check_run(store, RUN_ID, [KEY]).exit_code == 2
    edit(path, "UPDATE bundles SET bundle = ?", parameters=(b"{}",))
    assert_contradicts(check_run(store, RUN_ID, [KEY]), "bundle_form", "not a bundle")


def test_a_manifest_edited_or_deleted_by_raw_sql_is_named(store: Store, path: Path) -> None:
    keep_sealed(store)
    name = str(Digest.of(TREE))
    edit(path, "UPDATE manifests SET manifest = x'00' WHERE digest = ?", parameters=(name,))
    assert_contradicts(check_run(store, RUN_ID, [KEY]), "store_manifest", f"its manifest {name} has other bytes")
    edit(path, "DELETE FROM manifests WHERE digest = ?", parameters=(name,))
    assert_contradicts(check_run(store, RUN_ID, [KEY]), "manifest_missing", name)


def test_an_addendum_edited_or_deleted_by_raw_sql_is_named(store: Store, path: Path) -> None:
    keep_sealed(store)
    keep_addendum(store)
    seal_run(store, ADDENDUM, SIGNER, now=NOW)
    edit(path, "UPDATE runs SET ordinal = 2 WHERE amends IS NOT NULL")
    assert_contradicts(check_run(store, RUN_ID, [KEY]), "store_row", "addendum 2: the store lists ordinal as 2")
    edit(path, f"DELETE FROM events WHERE run_id = '{ADDENDUM}' AND seq = 1")
    assert_contradicts(check_run(store, RUN_ID, [KEY]), "store_events", "event 1 is missing")


def test_a_receipt_edited_by_raw_sql_is_named(store: Store, path: Path) -> None:
    keep_sealed(store)
    (run,) = read_sealed(store, RUN_ID, [KEY])
    data = render_package("json", None, run)
    bundle = seal_package(data, "package.json", made_from(run, [], "json", None, RENDERER), SIGNER)
    store.put_receipt(Receipt(Digest.of(data), RUN_ID, "json", None, RENDERER, (), "/somewhere/package.json", bundle))
    assert check_run(store, RUN_ID, [KEY]).exit_code == 0
    other = str(Digest.of(b"another package"))
    edit(path, "UPDATE receipts SET package_hash = ?", parameters=(other,))
    assert_contradicts(check_run(store, RUN_ID, [KEY]), "store_receipt", f"the receipt of {other}: was signed for")
    edit(path, "UPDATE receipts SET format = 'pdf'")
    assert_contradicts(check_run(store, RUN_ID, [KEY]), "store_receipt", "the store's row says something else")


def test_status_is_what_the_record_and_the_bundle_say(store: Store) -> None:
    keep_sealed(store)
    assert store.run(RUN_ID).status is Status.AUDIT_SEALED


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("UPDATE events SET event = x'00' WHERE seq = 5", "event_form"),
        ("UPDATE events SET event = 'text' WHERE seq = 5", "event_form"),
        ("UPDATE events SET kind = 'note' WHERE seq = 5", "store_row"),
        ("UPDATE freezes SET lineage = 'garbage'", "store_freeze"),
        ("DELETE FROM freezes", "store_freeze"),
        ("UPDATE bundles SET bundle = 'text'", "bundle_form"),
        ("UPDATE manifests SET manifest = 'text'", "store_manifest"),
    ],
)
def test_garbage_in_any_column_is_named_and_breaks_nothing(store: Store, path: Path, statement: str, code: str) -> None:
    keep_sealed(store)
    edit(path, statement)
    report = check_run(store, RUN_ID, [KEY])
    assert (report.exit_code, code in report.codes) == (1, True), report.findings


@pytest.mark.parametrize(
    "statement", ["UPDATE receipts SET bundle = 'text'", "UPDATE receipts SET addenda = 'garbage'"]
)
def test_garbage_in_a_receipt_is_named(store: Store, path: Path, statement: str) -> None:
    keep_sealed(store)
    (run,) = read_sealed(store, RUN_ID, [KEY])
    bundle = seal_package(b"package", "package.json", made_from(run, [], "json", None, RENDERER), SIGNER)
    store.put_receipt(Receipt(Digest.of(b"package"), RUN_ID, "json", None, RENDERER, (), "/package.json", bundle))
    edit(path, statement)
    assert_contradicts(check_run(store, RUN_ID, [KEY]), "store_receipt", "receipt")
