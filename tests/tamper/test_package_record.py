"""Someone edits the record inside a package."""

from __future__ import annotations

import json
from typing import Any

from cognify_core.canonical import encode
from cognify_core.seal.closed import manifest_of
from tests.factories import (
    OTHER_RUN_ID,
    OTHER_SIGNER,
    RUN_ID,
    SIGNER,
    checkpoint,
    config,
    dataset,
    default_bodies,
    note,
    record,
    sealed_run,
    whole,
)
from tests.tamper.packaging import (
    assert_contradicts,
    edit_event,
    edited,
    package,
    receipt_of,
    tell_rows_again,
    verify,
)


def test_an_untouched_package_holds() -> None:
    report = verify(package())
    assert report.exit_code == 0
    assert report.codes == {"ledger", "anchor"}
    report.raise_for_status()


def test_an_edited_event_is_not_what_was_signed() -> None:
    forged = edited(package(), lambda value: edit_event(value, 1, record_count=4))
    report = verify(forged)
    assert_contradicts(report, "seal_record", "the seal says record")
    assert_contradicts(report, "seal_lineage", "lineage: signed sha256:")
    assert_contradicts(report, "package_nodes", "nodes 0: the package says")


def test_an_event_that_is_no_event_any_more_is_named() -> None:
    report = verify(edited(package(), lambda value: edit_event(value, 2, surprise=True)))
    assert_contradicts(report, "event_form", "event 2: ")


def test_an_event_with_another_spelling_is_named() -> None:
    def respell(value: dict[str, Any]) -> None:
        value["record"]["events"][3] = value["record"]["events"][3].replace(":", ": ", 1)

    assert_contradicts(verify(edited(package(), respell)), "event_form", "event 3: not canonical JSON")


def test_a_dropped_event_leaves_a_hole() -> None:
    report = verify(edited(package(), lambda value: value["record"]["events"].pop(2)))
    assert_contradicts(report, "event_order", "event 2: in its place stands one numbered 3 (gap)")
    assert_contradicts(report, "seal_record", "here are 5")


def test_reordered_events_are_both_named() -> None:
    def swap(value: dict[str, Any]) -> None:
        events = value["record"]["events"]
        events[1], events[2] = events[2], events[1]

    report = verify(edited(package(), swap))
    assert_contradicts(report, "event_order", "event 1: in its place stands one numbered 2")
    assert_contradicts(report, "event_order", "event 2: in its place stands one numbered 1")


def test_an_inserted_event_is_named() -> None:
    def insert(value: dict[str, Any]) -> None:
        value["record"]["events"].insert(4, value["record"]["events"][3])

    report = verify(edited(package(), insert))
    assert_contradicts(report, "event_order", "event 4: in its place stands one numbered 3")
    assert_contradicts(report, "seal_record", "here are 7")


def test_a_cut_tail_leaves_the_record_open() -> None:
    def cut(value: dict[str, Any]) -> None:
        del value["record"]["events"][-2:]

    assert_contradicts(verify(edited(package(), cut)), "run_closed", "the last event, 3, and no other; it is missing")


def test_a_cut_head_leaves_the_record_without_opening() -> None:
    report = verify(edited(package(), lambda value: value["record"]["events"].pop(0)))
    assert_contradicts(report, "run_opened", "it is missing")


def test_a_record_without_events_is_no_record() -> None:
    report = verify(edited(package(), lambda value: value["record"]["events"].clear()))
    assert_contradicts(report, "run_opened", "it is missing")
    assert_contradicts(report, "run_closed", "it is missing")


def test_a_second_opening_or_closing_is_named() -> None:
    bodies = whole([dataset()])
    twice = [bodies[0], *bodies, bodies[-1]]
    forged = edited(package(), lambda value: value["record"].update(events=[e.decode() for e in record(twice)]))
    assert_contradicts(verify(forged), "run_opened", "event 0, event 1")
    assert_contradicts(verify(forged), "run_closed", "event 3, event 4")


def test_a_record_renumbered_after_an_event_was_dropped_is_not_what_was_signed() -> None:
    shorter = record(whole([body for body in default_bodies() if body.kind != "gap"]))

    def rechain(value: dict[str, Any]) -> None:
        found = manifest_of(RUN_ID, shorter)
        value["record"] = {"size": found.size, "root": found.root, "events": [event.decode() for event in shorter]}
        value["gaps"] = []
        tell_rows_again(value)

    report = verify(edited(package(), rechain))
    assert report.codes - {"ledger", "anchor"} == {"seal_record"}
    assert_contradicts(report, "seal_record", "record: signed sha256:")


def test_a_record_whose_closing_counts_differ_is_named() -> None:
    bodies = whole()
    miscounted = {"run_opened": 1, "dataset": 1, "config": 2, "gap": 1, "checkpoint": 1}
    bodies[-1] = bodies[-1].model_copy(update={"counts": miscounted})
    report = verify(package(sealed_run(bodies)))
    assert_contradicts(report, "run_counts", "run_closed counted 2 config events, and there are 1")


def test_a_record_rechained_and_signed_again_with_another_key_has_no_known_signer() -> None:
    forged = sealed_run(whole([dataset(record_count=2), config(), checkpoint()]), signer=OTHER_SIGNER)
    report = verify(package(forged))
    assert report.exit_code == 2
    assert "signer" in report.codes
    assert report.verdict("intact") == "ok"
    assert report.verdict("signer") == "unchecked"


def test_and_contradicts_the_receipt_of_the_true_package() -> None:
    run = sealed_run()
    forged = package(sealed_run(whole([dataset(record_count=2), config(), checkpoint()]), signer=OTHER_SIGNER))
    report = verify(forged, receipt=receipt_of(package(run), run))
    assert_contradicts(report, "receipt_package", "and this file is sha256:")


def test_a_record_signed_with_another_key_under_the_name_of_the_pinned_one_is_a_forgery() -> None:
    forged = package(sealed_run(whole([dataset()]), signer=OTHER_SIGNER))

    def pretend(value: dict[str, Any]) -> None:
        key = SIGNER.public_key
        bundle = json.loads(value["seal"]["bundle"])
        bundle["verificationMaterial"]["publicKey"]["hint"] = key.key_id
        value["seal"] |= {"public_key": key.pem.decode(), "key_id": key.key_id, "bundle": encode(bundle).decode()}

    report = verify(edited(forged, pretend))
    assert report.codes - {"ledger", "anchor"} == {"signature"}
    assert_contradicts(report, "signature", "another key, or another statement")


def test_an_event_of_another_run_is_named() -> None:
    other = record(run_id=OTHER_RUN_ID)

    def transplant(value: dict[str, Any]) -> None:
        value["record"]["events"][4] = other[4].decode()

    assert_contradicts(
        verify(edited(package(), transplant)), "event_run", f"event 4: belongs to another run, {OTHER_RUN_ID}"
    )


def test_a_record_of_another_run_is_named_once() -> None:
    other = [event.decode() for event in record(run_id=OTHER_RUN_ID)]
    report = verify(edited(package(), lambda value: value["record"].update(events=other)))
    assert_contradicts(report, "run_id", f"said to be {RUN_ID}, but all its events are of {OTHER_RUN_ID}")
    assert_contradicts(report, "seal_run_id", OTHER_RUN_ID)


def test_of_very_many_wrong_events_the_first_are_named_and_the_rest_counted() -> None:
    many = package(sealed_run(whole([note(text=str(number)) for number in range(60)])))
    report = verify(edited(many, lambda value: value["record"]["events"].pop(1)))
    wrong = [finding.message for finding in report.contradictions if finding.code == "event_order"]
    assert len(wrong) == 21
    assert wrong[-1] == "and 40 more like these"
