from __future__ import annotations

import json
from typing import Any

import pytest

from cognify_core.canonical import encode
from cognify_core.errors import FormatError, RunStateError
from cognify_core.export.inputs import made_from
from cognify_core.model.digest import Digest
from cognify_core.seal.bundle import Bundle
from cognify_core.seal.closed import ClosedRecord
from cognify_core.seal.sealing import seal_package, seal_statement
from cognify_core.seal.statement import RECEIPT_TYPE, SEAL_TYPE, STATEMENT_TYPE, ReceiptStatement, SealStatement
from tests.factories import (
    NONCE,
    ROWS,
    RUN_ID,
    SEALED_AT,
    SIGNER,
    addendum,
    checkpoint,
    config,
    dataset,
    record,
    sealed_run,
    whole,
)


def statement() -> dict[str, Any]:
    value: dict[str, Any] = json.loads(sealed_run().envelope.payload)
    return value


def test_a_seal_is_an_in_toto_statement_over_record_lineage_and_artifacts() -> None:
    value = statement()
    assert value["_type"] == STATEMENT_TYPE
    assert value["predicateType"] == SEAL_TYPE
    assert [subject["name"] for subject in value["subject"]] == [
        "record",
        "lineage",
        "dataset/ds_patient_notes_v3",
        "config/cfg_llama3_8b_lora_r16",
        "checkpoint/ckpt_step_20",
    ]
    assert value["subject"][2]["digest"] == {"sha256": Digest.of(ROWS).hex}


def test_a_seal_says_which_run_how_it_ended_and_whose_clock_it_was() -> None:
    predicate = statement()["predicate"]
    assert predicate.pop("record").keys() == {"format", "size", "root"}
    assert predicate == {
        "run_id": RUN_ID,
        "nonce": NONCE,
        "status": "COMPLETED",
        "complete": True,
        "reasons": [],
        "sealed_at": SEALED_AT,
        "time": "claimed",
        "recorder": "cognify-audit 0.1.0",
    }


def test_the_lineage_subject_is_the_digest_of_exactly_five_keys() -> None:
    run = sealed_run()
    document = {
        "run_id": RUN_ID,
        "status": "AUDIT_SEALED",
        "sealed_at": SEALED_AT,
        "nodes": [node.to_json() for node in run.record.lineage.nodes],
        "edges": [edge.to_json() for edge in run.record.lineage.edges],
    }
    assert run.statement.digests["lineage"] == Digest.of(encode(document))


def test_an_addendums_seal_names_what_it_amends() -> None:
    run = sealed_run()
    amends = addendum(run).statement.predicate.amends
    assert amends is not None
    assert (amends.run_id, amends.ordinal, amends.previous) == (RUN_ID, 1, Digest.of(run.envelope.payload))


@pytest.mark.parametrize("assurance", ["declared", "sampled"])
def test_only_what_was_hashed_to_the_last_byte_is_a_subject(assurance: str) -> None:
    declared = dataset(assurance=assurance)
    seal = seal_statement(ClosedRecord.read(record(whole([declared, config(), checkpoint()]))), SEALED_AT)
    assert "dataset/ds_patient_notes_v3" not in seal.digests
    assert "checkpoint/ckpt_step_20" in seal.digests


def test_an_incomplete_record_says_so_in_its_seal() -> None:
    seal = seal_statement(ClosedRecord.read(record(whole(complete=False, reasons=("disk full",)))), SEALED_AT)
    assert (seal.predicate.complete, seal.predicate.reasons) == (False, ("disk full",))


def test_a_statement_is_parsed_from_the_bytes_that_it_encodes_to_and_no_others() -> None:
    payload = sealed_run().envelope.payload
    assert SealStatement.parse(payload).encode() == payload
    with pytest.raises(FormatError, match="not canonical JSON"):
        SealStatement.parse(json.dumps(json.loads(payload), indent=1).encode())


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"_type": "https://in-toto.io/Statement/v0.1"}, "_type"),
        ({"predicateType": RECEIPT_TYPE}, "predicateType"),
        ({"subject": []}, "subject"),
        ({"surprise": 1}, "surprise"),
        ({"type_": STATEMENT_TYPE}, "type_|one form"),
    ],
)
def test_a_statement_of_another_shape_is_refused(changes: dict[str, Any], where: str) -> None:
    with pytest.raises(FormatError, match=f"not a seal statement: .*({where})"):
        SealStatement.parse(encode(statement() | changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"nonce": "xyz"},
        {"run_id": "run_1"},
        {"sealed_at": "2025-09-12T16:45:00.5Z"},
        {"sealed_at": "2025-13-12T16:45:00Z"},
        {"sealed_at": "2025-09-12T16:45:00"},
        {"time": "proven"},
        {"status": "AUDIT_SEALED"},
        {"complete": 1},
        {"amends": None},
        {"surprise": 1},
    ],
)
def test_a_predicate_of_another_shape_is_refused(changes: dict[str, Any]) -> None:
    value = statement()
    with pytest.raises(FormatError, match="not a seal statement"):
        SealStatement.parse(encode(value | {"predicate": value["predicate"] | changes}))


def test_two_subjects_of_one_name_are_refused() -> None:
    value = statement()
    with pytest.raises(FormatError, match="two subjects have one name"):
        SealStatement.parse(encode(value | {"subject": value["subject"] + value["subject"][:1]}))


def test_a_receipt_names_the_file_and_all_that_it_was_made_from() -> None:
    run = sealed_run()
    later = addendum(run)
    receipt = seal_package(b"package", "package.json", made_from(run, [later], "json", None, "cognify-json/1"), SIGNER)
    bundle = Bundle.parse(receipt)
    bundle.verify(SIGNER.public_key)
    parsed = ReceiptStatement.parse(bundle.payload)
    assert parsed.digests == {"package.json": Digest.of(b"package")}
    assert parsed.predicate.seal == run.statement.digest
    assert parsed.predicate.addenda == (later.statement.digest,)
    assert (parsed.predicate.format, parsed.predicate.template) == ("json", None)


def test_an_open_record_cannot_be_stated() -> None:
    with pytest.raises(RunStateError, match=f"{RUN_ID} is not closed"):
        ClosedRecord.read(record()[:-1])


@pytest.mark.parametrize("events", [(), record()[1:], (record()[0], *record()[2:])])
def test_what_is_no_record_cannot_be_stated(events: tuple[bytes, ...]) -> None:
    with pytest.raises(FormatError, match="not a record"):
        ClosedRecord.read(events)
