"""Someone edits the seal, the lineage, the manifests, or the file around them."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from dataclasses import replace
from typing import Any

import pytest

from cognify_core.canonical import encode
from cognify_core.errors import VerificationError
from cognify_core.model.digest import Digest
from cognify_core.seal.bundle import Bundle
from cognify_core.seal.signing import ORDER
from tests.factories import OTHER_RUN_ID, OTHER_SIGNER, ROWS, RUN_ID, SIGNER, TREE, dataset, sealed_run, whole
from tests.tamper.packaging import assert_contradicts, edit_event, edited, package, receipt_of, verify


def test_the_seal_of_another_run_is_named() -> None:
    other = sealed_run(run_id=OTHER_RUN_ID)
    report = verify(edited(package(), lambda value: value["seal"].update(bundle=other.bundle.decode())))
    assert_contradicts(report, "seal_run_id", f"the seal says run_id {OTHER_RUN_ID}, and the record {RUN_ID}")
    assert_contradicts(report, "seal_record", "signed sha256:")


def test_the_seal_of_a_run_with_the_same_name_is_told_by_its_nonce() -> None:
    bodies = whole()
    bodies[0] = bodies[0].model_copy(update={"nonce": "f" * 32})
    other = sealed_run(bodies)
    report = verify(edited(package(), lambda value: value["seal"].update(bundle=other.bundle.decode())))
    assert_contradicts(report, "seal_nonce", "f" * 32)


def test_an_edited_statement_no_longer_has_its_signature() -> None:
    def whitewash(value: dict[str, Any]) -> None:
        bundle = json.loads(value["seal"]["bundle"])
        statement = json.loads(b64decode(bundle["dsseEnvelope"]["payload"]))
        statement["predicate"]["sealed_at"] = "2024-01-01T00:00:00Z"
        bundle["dsseEnvelope"]["payload"] = b64encode(encode(statement)).decode()
        value["seal"]["bundle"] = encode(bundle).decode()

    report = verify(edited(package(), whitewash))
    assert_contradicts(report, "signature", "does not hold")
    assert_contradicts(report, "package_sealed_at", "2024-01-01")


@pytest.mark.parametrize(
    ("change", "code", "naming"),
    [
        ({"status": "FAILED"}, "seal_status", "the seal says status FAILED, and the record COMPLETED"),
        ({"complete": False, "reasons": ["disk full"]}, "seal_complete", "the seal says complete False"),
        ({"recorder": "someone else"}, "seal_recorder", "someone else"),
    ],
)
def test_a_signer_who_states_what_the_record_does_not_say_is_contradicted(
    change: dict[str, Any], code: str, naming: str
) -> None:
    run = sealed_run()
    statement = json.loads(run.envelope.payload)
    statement["predicate"] |= change
    lie = Bundle.signed(encode(statement), SIGNER).encode().decode()
    assert_contradicts(verify(edited(package(run), lambda value: value["seal"].update(bundle=lie))), code, naming)


def test_a_signed_artifact_that_the_record_lacks_is_named() -> None:
    run = sealed_run()
    statement = json.loads(run.envelope.payload)
    statement["subject"].append({"name": "checkpoint/ckpt_step_99", "digest": {"sha256": "0" * 64}})
    lie = Bundle.signed(encode(statement), SIGNER).encode().decode()
    report = verify(edited(package(run), lambda value: value["seal"].update(bundle=lie)))
    assert_contradicts(report, "seal_artifact", "checkpoint/ckpt_step_99")


def test_a_statement_of_another_kind_is_no_seal() -> None:
    run = sealed_run()
    receipt = receipt_of(package(run), run).decode()
    report = verify(edited(package(run), lambda value: value["seal"].update(bundle=receipt)))
    assert_contradicts(report, "statement_form", "not a seal statement")


def test_a_seal_that_is_no_bundle_is_named() -> None:
    report = verify(edited(package(), lambda value: value["seal"].update(bundle="{}")))
    assert_contradicts(report, "bundle_form", "not a bundle that this version reads")


def test_a_swapped_public_key_does_not_verify_and_is_named() -> None:
    other = OTHER_SIGNER.public_key
    forged = edited(package(), lambda value: value["seal"].update(public_key=other.pem.decode(), key_id=other.key_id))
    assert_contradicts(verify(forged), "public_key", "is not the one that signed")
    assert_contradicts(verify(forged, trusted=()), "signature", "does not hold")


def test_a_public_key_in_another_spelling_is_named() -> None:
    forged = edited(package(), lambda value: value["seal"].update(public_key=value["seal"]["public_key"] + "\n"))
    assert_contradicts(verify(forged), "public_key", "one PEM spelling")


def test_the_other_s_of_the_same_signature_is_refused() -> None:
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

    def malleate(value: dict[str, Any]) -> None:
        bundle = json.loads(value["seal"]["bundle"])
        signature = bundle["dsseEnvelope"]["signatures"][0]
        r, s = decode_dss_signature(b64decode(signature["sig"]))
        signature["sig"] = b64encode(encode_dss_signature(r, ORDER - s)).decode()
        value["seal"]["bundle"] = encode(bundle).decode()

    assert_contradicts(verify(edited(package(), malleate)), "signature", "does not hold")


def test_an_edited_lineage_is_not_what_the_record_folds_into() -> None:
    def relabel(value: dict[str, Any]) -> None:
        value["nodes"][2]["step"] = 999

    report = verify(edited(package(), relabel))
    assert report.codes - {"ledger", "anchor"} == {"package_nodes"}
    assert_contradicts(report, "package_nodes", '"id":"ckpt_step_20"')


def test_true_does_not_pass_for_one() -> None:
    def retype(value: dict[str, Any]) -> None:
        value["complete"] = 1

    assert_contradicts(verify(edited(package(), retype)), "package_complete", "the package says 1")


def test_a_dropped_node_and_a_dropped_edge_are_named() -> None:
    nodeless = verify(edited(package(), lambda value: value["nodes"].pop(0)))
    assert_contradicts(nodeless, "package_nodes", "ds_patient_notes_v3")
    edgeless = verify(edited(package(), lambda value: value["edges"].pop()))
    assert_contradicts(edgeless, "package_edges", 'edges 1: the package says "nothing"')


@pytest.mark.parametrize(
    ("key", "forged"),
    [
        ("status", "COMPLETED"),
        ("sealed_at", "2024-01-01T00:00:00Z"),
        ("complete", False),
        ("reasons", ["x"]),
        ("gaps", []),
        ("schema", "https://example.org"),
        ("template", "eu_ai_act"),
    ],
)
def test_a_changed_field_of_the_package_is_named(key: str, forged: Any) -> None:
    report = verify(edited(package(), lambda value: value.update({key: forged})))
    assert report.codes - {"ledger", "anchor"} == {f"package_{key}"}
    assert_contradicts(report, f"package_{key}", key)


def test_a_missing_field_is_named() -> None:
    assert_contradicts(verify(edited(package(), lambda value: value.pop("edges"))), "package_edges", "edges is missing")


def test_a_key_that_nobody_asked_about_is_named() -> None:
    report = verify(edited(package(), lambda value: value.update(verdict="all good")))
    assert_contradicts(report, "package_key", "'verdict'")


def test_a_changed_root_or_key_id_is_named() -> None:
    assert_contradicts(
        verify(edited(package(), lambda value: value["record"].update(root="0" * 64))), "package_record", "record.root"
    )
    assert_contradicts(
        verify(edited(package(), lambda value: value["seal"].update(key_id="0" * 64))), "package_seal", "seal.key_id"
    )


def test_an_unknown_renderer_is_not_taken_on_trust() -> None:
    report = verify(edited(package(), lambda value: value.update(renderer="cognify-json/99")))
    assert report.exit_code == 2
    assert "package_renderer" in report.codes


def test_an_edited_manifest_is_named() -> None:
    name = str(Digest.of(TREE))

    def edit(value: dict[str, Any]) -> None:
        value["manifests"][name] = value["manifests"][name].replace("model", "other")

    assert_contradicts(verify(edited(package(), edit)), "manifest_bytes", f"{name} of ckpt_step_20 was changed")


def test_a_missing_or_stray_manifest_is_named() -> None:
    name, stray = str(Digest.of(ROWS)), str(Digest.of(b"{}"))
    assert_contradicts(verify(edited(package(), lambda value: value["manifests"].pop(name))), "manifest_missing", name)
    report = verify(edited(package(), lambda value: value["manifests"].update({stray: "{}"})))
    assert_contradicts(report, "manifest_stray", stray)


def test_a_manifest_of_another_format_than_the_record_says_is_named() -> None:
    run = sealed_run(whole([dataset(hash=Digest.of(TREE))]))
    assert_contradicts(verify(package(run)), "manifest_format", "is not cognify.rows/v1, as the record says")


def test_a_package_that_cannot_be_believed_raises_with_its_report() -> None:
    report = verify(edited(package(), lambda value: value["nodes"].clear()))
    with pytest.raises(VerificationError, match="does not hold: nodes 0") as caught:
        report.raise_for_status()
    assert caught.value.report is report


def test_an_event_whose_input_names_nothing_folds_into_no_lineage() -> None:
    report = verify(edited(package(), lambda value: edit_event(value, 4, inputs=["nobody"])))
    assert_contradicts(report, "lineage_form", "'nobody', which the record does not hold")


def test_a_manifest_that_travels_as_base64_is_checked_as_any_other() -> None:
    tree = b"# cognify.tree/v1\n" + b"0" * 64 + b"  caf\xe9\n"
    name = str(Digest.of(tree))
    data = package(
        sealed_run(whole([dataset(hash=Digest.of(tree), manifest="cognify.tree/v1")]), manifests={name: tree})
    )
    assert verify(data).exit_code == 0
    respelt = edited(
        data, lambda value: value["manifests"][name].update(base64=value["manifests"][name]["base64"][:-1])
    )
    assert_contradicts(verify(respelt), "package_form", "a manifest")
    plain = {"base64": b64encode(TREE).decode()}
    as_base64 = edited(package(), lambda value: value["manifests"].update({str(Digest.of(TREE)): plain}))
    assert_contradicts(verify(as_base64), "package_manifests", "base64")


def test_a_manifest_that_is_no_manifest_is_named() -> None:
    junk = b"junk"
    run = sealed_run(whole([dataset(hash=Digest.of(junk))]), manifests={str(Digest.of(junk)): junk})
    assert_contradicts(verify(package(run)), "manifest_format", "is not cognify.rows/v1")


def test_subjects_in_another_order_are_not_what_the_record_calls_for() -> None:
    run = sealed_run()
    statement = json.loads(run.envelope.payload)
    statement["subject"].reverse()
    shuffled = Bundle.signed(encode(statement), SIGNER).encode().decode()
    report = verify(edited(package(run), lambda value: value["seal"].update(bundle=shuffled)))
    assert_contradicts(report, "seal_subjects", "another order")


@pytest.mark.parametrize(
    "timestamps", [{"rfc3161Timestamps": []}, {"rfc3161Timestamps": [{"signedTimestamp": "AA=="}]}, {}]
)
def test_timestamps_that_are_none_are_a_contradiction(timestamps: dict[str, Any]) -> None:
    """Nothing signs them: whoever has the package can write there what they please."""
    run = sealed_run()
    bundle = replace(run.envelope, timestamps=timestamps).encode().decode()
    report = verify(edited(package(run), lambda value: value["seal"].update(bundle=bundle)))
    assert_contradicts(report, "timestamp", "not ")


def test_a_log_entry_that_proves_nothing_is_a_contradiction() -> None:
    run = sealed_run()
    bundle = replace(run.envelope, log_entries=({"logIndex": "7"},))
    report = verify(package(replace(run, bundle=bundle.encode())))
    assert_contradicts(report, "ledger_proof", "not a ledger's proof")


@pytest.mark.parametrize(
    ("proofs", "code", "exit_code"),
    [
        ({"log_entries": ({"note": "certified"},)}, "receipt_ledger_proof", 1),
        ({"timestamps": {"by": "someone"}}, "receipt_timestamp", 1),
    ],
)
def test_proofs_slipped_into_a_receipt_are_not_taken_on_trust(
    proofs: dict[str, Any], code: str, exit_code: int
) -> None:
    run = sealed_run()
    receipt = replace(Bundle.parse(receipt_of(package(run), run)), **proofs).encode()
    report = verify(package(run), receipt=receipt)
    assert (report.exit_code, code in report.codes) == (exit_code, True)


def test_a_receipt_beside_a_package_whose_seal_does_not_read_is_still_checked() -> None:
    run = sealed_run()
    forged = edited(package(run), lambda value: value["seal"].update(bundle="{}"))
    report = verify(forged, receipt=receipt_of(forged, run))
    assert_contradicts(report, "bundle_form", "not a bundle")
    assert not any(finding.code == "receipt" for finding in report.findings)
