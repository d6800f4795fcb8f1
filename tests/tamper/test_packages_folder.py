"""Somebody owns the folder of packages, the receipts in it, the key ring, or the folder in which `verify` is called."""

from __future__ import annotations

import os
import shutil
import socket
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest

from cognify_core import api
from cognify_core.api.exporting import RECEIPT_SUFFIX
from cognify_core.canonical import encode, parse
from cognify_core.errors import CannotVerifyError, RunNotFoundError, SigningKeyError
from cognify_core.model.digest import Digest
from cognify_core.seal.bundle import Bundle
from cognify_core.seal.keys import KeyRing
from tests.factories import OTHER_SIGNER, SIGNER
from tests.tamper.attacking import Home, refused, report_of, rewritten, without_log
from tests.tamper.packaging import tell_rows_again


def receipt_of(package: Path) -> Path:
    return package.with_name(package.name + RECEIPT_SUFFIX)


def test_the_package_of_another_run_with_the_receipt_of_this_one(home: Home) -> None:
    other = api.export_audit(home.other)
    home.late.write_bytes(other.path.read_bytes())
    assert "receipt_package" in report_of(home.late).codes


def test_the_receipt_of_another_package_of_the_same_run(home: Home) -> None:
    shutil.copy(receipt_of(home.late), receipt_of(home.early))
    report = report_of(home.early)
    assert (report.exit_code, "receipt_package" in report.codes) == (1, True)


def test_a_receipt_edited_or_signed_by_somebody_else(home: Home) -> None:
    receipt = receipt_of(home.late)
    true = Bundle.parse(receipt.read_bytes())
    statement = parse(true.payload)
    statement["predicate"]["addenda"] = []
    receipt.write_bytes(Bundle(encode(statement), true.signature, true.key_id).encode())
    assert "receipt_signature" in report_of(home.late).codes
    receipt.write_bytes(Bundle.signed(true.payload, OTHER_SIGNER).encode())
    assert "receipt_ledger_missing" in report_of(home.late).codes
    receipt.write_bytes(Bundle.signed(without_log(true.payload), OTHER_SIGNER).encode())
    assert report_of(home.late).exit_code == 2


def test_a_package_object_is_checked_for_the_hash_that_it_was_made_with(home: Home) -> None:
    """The name of a package in the folder is no evidence: an older one under it is intact, and another."""
    package = api.export_audit(home.run)
    shutil.copy(home.early, home.late)
    shutil.copy(receipt_of(home.early), receipt_of(home.late))
    assert api.verify(package.path).exit_code == 0
    report = report_of(package)
    assert report.exit_code == 1
    assert report.codes - {"ledger", "anchor"} == {"package_hash"}
    assert str(package.package_hash) in next(iter(report.contradictions)).message


def test_a_package_object_keeps_asking_for_its_receipt(home: Home) -> None:
    package = api.export_audit(home.run)
    package.receipt_path.unlink()
    with pytest.raises(CannotVerifyError, match=r"sigstore\.json cannot be read: No such file"):
        api.verify(package)


def test_a_package_swapped_for_a_link_to_another(home: Home) -> None:
    package, other = api.export_audit(home.run), api.export_audit(home.other)
    for path, target in ((package.path, other.path), (package.receipt_path, other.receipt_path)):
        path.unlink()
        path.symlink_to(target)
    assert "package_hash" in report_of(package).codes
    kept = other.path.read_bytes()
    again = api.export_audit(home.run)
    assert not again.path.is_symlink()
    assert (Digest.of(again.path.read_bytes()), other.path.read_bytes()) == (package.package_hash, kept)


def test_the_folder_of_a_runs_packages_swapped_for_a_link(home: Home, tmp_path: Path) -> None:
    folder = home.late.parent
    folder.rename(tmp_path / "stolen")
    folder.symlink_to(home.path / "packages" / home.other)
    report = api.verify(api.export_audit(home.run))
    assert report.run_id == home.run


def test_a_receipt_that_is_a_link_to_nowhere_is_not_passed_over(home: Home) -> None:
    receipt = receipt_of(home.late)
    for target in (home.path / "nowhere", receipt):  # the second one is a loop
        receipt.unlink()
        receipt.symlink_to(target)
        with pytest.raises(CannotVerifyError, match="cannot be read"):
            api.verify(home.late)


def test_a_device_a_pipe_or_a_folder_in_the_place_of_a_file_is_not_waited_for(home: Home, tmp_path: Path) -> None:
    receipt = receipt_of(home.late)
    receipt.unlink()
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        for target in (Path("/dev/zero"), tmp_path / "pipe", tmp_path / "socket", tmp_path):
            receipt.symlink_to(target)
            with pytest.raises(CannotVerifyError, match="cannot be read"):
                api.verify(home.late)
            receipt.unlink()
            home.early.unlink()
            home.early.symlink_to(target)
            with pytest.raises(CannotVerifyError):
                api.verify(home.early)


def test_a_receipt_without_end_is_cut_off(home: Home) -> None:
    with receipt_of(home.late).open("r+b") as file:
        file.truncate(1 << 36)
    assert "receipt_form" in report_of(home.late).codes


def test_a_file_named_like_a_run_does_not_stand_in_for_it(home: Home, tmp_path: Path) -> None:
    """An intact older package in the working folder would answer for a store that was edited since."""
    shutil.copy(home.early, tmp_path / home.run)
    home.edit(("UPDATE events SET event = x'7b7d' WHERE run_id = ? AND seq = 1", (home.run,)))
    with chdir(tmp_path):
        assert report_of(home.run).exit_code == 1
        assert report_of(Path(home.run)).exit_code == 0


def test_a_run_id_that_is_a_path_is_no_run_id(home: Home) -> None:
    rewritten(home.late, lambda value: value.update(run_id="../../../etc/passwd"))
    report = report_of(home.late)
    assert any("run_id" in finding.message for finding in report.contradictions)
    assert "package_form" in report.codes
    for wanted in ("../../etc", "/nowhere/passwd", "a" * 5000, "a/" * 3000, "\0", "run_*"):
        assert isinstance(refused(api.verify, wanted), CannotVerifyError | RunNotFoundError), wanted


def test_a_package_signed_again_with_another_key_needs_the_pin_or_the_receipt(home: Home) -> None:
    def sign_again(value: dict[str, Any]) -> None:
        seal, key = value["seal"], OTHER_SIGNER.public_key
        bundle = Bundle.signed(without_log(Bundle.parse(seal["bundle"].encode()).payload), OTHER_SIGNER)
        digest = str(Digest.of(bundle.payload))
        seal.update(bundle=bundle.encode().decode(), public_key=key.pem.decode(), key_id=key.key_id, statement=digest)
        tell_rows_again(value)

    rewritten(home.early, sign_again)
    assert "receipt_package" in report_of(home.early).codes
    receipt_of(home.early).unlink()
    report = report_of(home.early)
    assert (report.exit_code, report.verdict("intact"), report.verdict("signer")) == (2, "ok", "unchecked")
    assert OTHER_SIGNER.public_key.key_id in str([finding.message for finding in report.findings])


def test_an_addendum_does_not_pass_for_a_run(home: Home) -> None:
    def promote(value: dict[str, Any]) -> None:
        (addendum,) = value["addenda"]
        value.update(addendum, addenda=[])
        tell_rows_again(value)

    rewritten(home.late, promote)
    receipt_of(home.late).unlink()
    report = report_of(home.late)
    assert report.codes - {"ledger", "anchor"} == {"addendum_alone"}
    assert home.run in next(iter(report.contradictions)).message


def test_a_trusted_key_file_that_holds_another_key_is_named(home: Home) -> None:
    (pin,) = (home.keys / "trusted").glob("*.pem")
    pin.write_bytes(OTHER_SIGNER.public_key.pem)
    for ask in (api.verify, api.export_audit):
        assert isinstance(error := refused(ask, home.run), SigningKeyError)
        assert "does not hold the key that its name says" in str(error)


def test_a_trusted_key_file_swapped_for_another_trusts_nobody_else(home: Home) -> None:
    (pin,) = (home.keys / "trusted").glob("*.pem")
    pin.unlink()
    assert report_of(home.late).exit_code == 2
    api.keys().trust(SIGNER.public_key.pem, "this-machine")
    report = report_of(home.late)
    assert (report.exit_code, report.verdict("signer")) == (2, "unchecked")


def test_a_signing_key_that_was_replaced_does_not_sign(home: Home, tmp_path: Path) -> None:
    KeyRing(tmp_path / "theirs").signer()
    shutil.copy(tmp_path / "theirs" / "signing.pem", home.keys / "signing.pem")
    error = refused(api.export_audit, home.run)
    assert "is not the public half of" in str(error)
    (home.keys / "signing.pem").unlink()
    (home.keys / "signing.pub").unlink()
    assert api.export_audit(home.run).package_hash == Digest.of(home.late.read_bytes())


def test_a_key_given_by_hand_is_the_only_one_that_counts(home: Home, tmp_path: Path) -> None:
    (tmp_path / "their.pub").write_bytes(OTHER_SIGNER.public_key.pem)
    assert report_of(home.late, key=tmp_path / "their.pub").exit_code == 2
    assert report_of(home.late, key=home.keys / "signing.pub").exit_code == 0
