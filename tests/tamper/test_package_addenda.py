"""Someone forges, drops or moves an addendum, or lays the wrong receipt beside a package."""

from __future__ import annotations

from typing import Any

from cognify_core.model.digest import Digest
from tests.factories import OTHER_RUN_ID, OTHER_SIGNER, RUN_ID, SIGNER, addendum, evaluation, sealed_run
from tests.tamper.packaging import amended, assert_contradicts, edit_event, edited, package, receipt_of, verify


def test_a_package_with_addenda_and_its_receipt_holds() -> None:
    run, addenda = amended()
    data = package(run, addenda)
    report = verify(data, receipt=receipt_of(data, run, addenda))
    assert report.exit_code == 0
    assert report.run_id == RUN_ID


def test_a_dropped_addendum_leaves_a_hole() -> None:
    run, addenda = amended()
    report = verify(package(run, addenda[1:]))
    assert_contradicts(
        report, "addendum_order", "addendum 1 (run_20250914_090002_00002): its record says that it is number 2"
    )


def test_the_last_addendum_dropped_contradicts_the_receipt() -> None:
    run, addenda = amended()
    receipt = receipt_of(package(run, addenda), run, addenda)
    assert_contradicts(verify(package(run, addenda[:1]), receipt=receipt), "receipt_package", "this file is")


def test_addenda_in_another_order_are_named() -> None:
    run, addenda = amended()
    report = verify(package(run, addenda[::-1]))
    assert_contradicts(report, "addendum_order", "addendum 1")
    assert_contradicts(report, "addendum_previous", "addendum 2")


def test_a_forged_addendum_has_no_known_signer() -> None:
    run = sealed_run()
    report = verify(package(run, [addendum(run, signer=OTHER_SIGNER)]))
    assert report.exit_code == 2
    assert report.verdict("signer") == "unchecked"
    assert any(finding.message.startswith("addendum 1: the seal: signed with") for finding in report.findings)


def test_an_edited_addendum_is_not_what_was_signed() -> None:
    run, addenda = amended()

    def improve(value: dict[str, Any]) -> None:
        edit_event(value["addenda"][0], 1, results={"eval_loss": 0.01})

    report = verify(edited(package(run, addenda), improve))
    assert_contradicts(report, "seal_record", "addendum 1: ")
    assert_contradicts(report, "package_nodes", "addendum 1: nodes 0")


def test_an_addendum_that_does_not_follow_on_the_one_before_is_named() -> None:
    run = sealed_run()
    lonely = addendum(run, previous=Digest.of(b"something else"))
    assert_contradicts(verify(package(run, [lonely])), "addendum_previous", "addendum 1")


def test_an_addendum_of_another_run_is_named() -> None:
    run = sealed_run()
    namesake = addendum(run, nonce="e" * 32)
    assert_contradicts(verify(package(run, [namesake])), "addendum_run", "e" * 32)
    other = sealed_run(run_id=OTHER_RUN_ID)
    assert_contradicts(verify(package(run, [addendum(other)])), "addendum_run", f"amends another run, {OTHER_RUN_ID}")


def test_a_run_of_its_own_is_no_addendum() -> None:
    report = verify(package(sealed_run(), [sealed_run(run_id=OTHER_RUN_ID)]))
    assert_contradicts(report, "addendum_run", "is no addendum, but a run of its own")


def test_an_addendum_may_name_a_node_of_the_run_or_of_an_addendum_before_and_no_other() -> None:
    run = sealed_run()
    first = addendum(run)
    second = addendum(run, [first], [evaluation(inputs=("@eval_final_step_20",))])
    assert verify(package(run, [first, second])).exit_code == 0
    stray = addendum(run, [first], [evaluation(inputs=("@ckpt_step_99",))])
    assert_contradicts(verify(package(run, [first, stray])), "addendum_input", f"names {RUN_ID}/ckpt_step_99")


def test_the_package_of_another_run_contradicts_the_receipt() -> None:
    run, other = sealed_run(), sealed_run(run_id=OTHER_RUN_ID)
    report = verify(package(other), receipt=receipt_of(package(run), run))
    assert_contradicts(report, "receipt_package", str(Digest.of(package(run))))


def test_a_receipt_that_says_something_else_of_the_same_file_is_contradicted() -> None:
    run, addenda = amended(1)
    data = package(run, addenda)
    assert_contradicts(verify(data, receipt=receipt_of(data, run)), "receipt_contents", "addenda")


def test_a_receipt_with_an_unknown_signer_is_not_taken_on_trust() -> None:
    run = sealed_run()
    report = verify(package(run), receipt=receipt_of(package(run), run, signer=OTHER_SIGNER))
    assert report.exit_code == 2
    assert "receipt_signature" in report.codes


def test_an_edited_receipt_no_longer_has_its_signature() -> None:
    run = sealed_run()
    data = package(run)
    receipt = receipt_of(data, run, signer=SIGNER)
    hint = SIGNER.public_key.key_id.encode()
    report = verify(data, receipt=receipt.replace(hint, OTHER_SIGNER.public_key.key_id.encode()))
    assert_contradicts(report, "receipt_key_id", "names the key")


def test_something_else_beside_the_package_is_no_receipt() -> None:
    run = sealed_run()
    assert_contradicts(verify(package(run), receipt=b"{}"), "receipt_form", "not a bundle")
    assert_contradicts(verify(package(run), receipt=run.bundle), "receipt_form", "not a receipt statement")


def test_a_package_without_its_addenda_is_the_package_that_was_made_before_them() -> None:
    """Only a later statement can say that an addendum is missing: a receipt, a later addendum, a ledger."""
    assert verify(package(sealed_run())).exit_code == 0
