"""A package, checked from the file alone: no store, no network, no framework.

Every fact in it is computed again from the events, the bundles and the manifests that it carries, and at last the
whole file is rendered again: a key that nobody asked about cannot say something of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cognify_core.errors import CannotVerifyError, FormatError
from cognify_core.model.digest import Digest
from cognify_core.seal.signing import PublicKey
from cognify_core.verify.addenda_check import check_chain
from cognify_core.verify.package_form import Package, read_package
from cognify_core.verify.receipt_check import check_receipt
from cognify_core.verify.rendering_check import check_rendering
from cognify_core.verify.report import RUN_CHECKS, Check, Finding, Report, contradicts, unchecked
from cognify_core.verify.run_check import check_sealed_run

MAX_BYTES = 1 << 28
RECEIPT_SUFFIX = ".sigstore.json"
PACKAGE_CHECKS: frozenset[Check] = RUN_CHECKS | {("intact", "package")}
RECEIPT_CHECKS: frozenset[Check] = frozenset(
    {("intact", "receipt"), ("intact", "receipt_signature"), ("signer", "receipt_signer")}
)


def check_package_file(
    path: Path, *, trusted: Sequence[PublicKey], receipt: Path | None = None, max_bytes: int = MAX_BYTES
) -> Report:
    """Check the package at `path`, with the receipt given, else the one beside it where there is one.

    Raises:
        CannotVerifyError: a file cannot be read.
    """
    beside = path.with_name(path.name + RECEIPT_SUFFIX)
    try:
        if (size := path.stat().st_size) > max_bytes:
            return _too_large(str(path), size, max_bytes)
        receipt = receipt or (beside if beside.exists() else None)
        with path.open("rb") as file:  # a file may grow between one call and the next
            data = file.read(max_bytes + 1)
        return check_package(
            data, trusted=trusted, receipt=None if receipt is None else receipt.read_bytes(), max_bytes=max_bytes
        )
    except OSError as error:
        raise CannotVerifyError(f"{error.filename or path} cannot be read: {error.strerror}") from error


def check_package(
    data: bytes, *, trusted: Sequence[PublicKey], receipt: bytes | None = None, max_bytes: int = MAX_BYTES
) -> Report:
    """Check a package's bytes, and its receipt where one is given.

    Args:
        data: the package.
        trusted: the pinned keys; a key inside the package proves nothing.
        receipt: the bytes of `<package>.sigstore.json`.
        max_bytes: a larger package is not read.
    """
    if len(data) > max_bytes:
        return _too_large("package", len(data), max_bytes)
    subject = f"package {Digest.of(data)}"
    required = PACKAGE_CHECKS if receipt is None else PACKAGE_CHECKS | RECEIPT_CHECKS
    package, findings = _read(data)
    if package is not None:
        findings += _check_runs(package, trusted)
        findings += check_rendering(package, data)
    if receipt is not None:
        findings += check_receipt(receipt, data, package, trusted)
    runs = (package.run, *package.addenda) if package else ()
    return Report(subject, tuple(findings), required, package.run.run_id if package else None, runs)


def _too_large(subject: str, size: int, most: int) -> Report:
    message = (
        f"{size:,} bytes are more than the {most:,} that are read (COGNIFY_MAX_PACKAGE_BYTES); nothing was checked"
    )
    return Report(subject, (unchecked("package_size", message),), RUN_CHECKS)


def _read(data: bytes) -> tuple[Package | None, list[Finding]]:
    try:
        return read_package(data), []
    except FormatError as error:
        return None, [contradicts("package_form", f"the package does not read: {error}")]


def _check_runs(package: Package, trusted: Sequence[PublicKey]) -> list[Finding]:
    findings = check_sealed_run(package.run, trusted, carried=package.run.public_key)
    for number, addendum in enumerate(package.addenda, start=1):
        where = f"addendum {number}: "
        findings += check_sealed_run(addendum, trusted, carried=addendum.public_key, where=where)
    return [*findings, *check_chain(package.run, package.addenda)]
