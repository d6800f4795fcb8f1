"""A package, checked from the file alone: no store, no network, no framework.

Every fact in it is computed again from the events, the bundles and the manifests that it carries, and at last the
whole file is rendered again: a key that nobody asked about cannot say something of its own.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from cognify_core.errors import CannotVerifyError, CognifyError, FormatError
from cognify_core.export.inputs import SealedRun
from cognify_core.model.digest import Digest
from cognify_core.seal.signing import PublicKey
from cognify_core.verify.addenda_check import check_chain
from cognify_core.verify.document_check import Again, check_document, document_format
from cognify_core.verify.files import read_file
from cognify_core.verify.ledger_check import NO_LOGS, Logs
from cognify_core.verify.oms_check import check_oms_beside
from cognify_core.verify.package_form import Package, read_package
from cognify_core.verify.pdf_check import check_pdf
from cognify_core.verify.pdf_form import PdfPackage, is_pdf, read_pdf
from cognify_core.verify.receipt_check import check_receipt
from cognify_core.verify.rendering_check import check_rendering
from cognify_core.verify.report import RUN_CHECKS, Check, Finding, Report, contradicts, unchecked
from cognify_core.verify.run_check import check_sealed_run

MAX_BYTES = 1 << 26
MAX_RECEIPT_BYTES = 1 << 20
"""More than this are cut off; then no receipt is left."""
RECEIPT_SUFFIX = ".sigstore.json"
PACKAGE_CHECKS: frozenset[Check] = RUN_CHECKS | {("intact", "package")}
PDF_CHECKS: frozenset[Check] = frozenset({("intact", "document")})
RECEIPT_CHECKS: frozenset[Check] = frozenset(
    {("intact", "receipt"), ("intact", "receipt_signature"), ("signer", "receipt_signer")}
)


def check_package_file(
    path: Path,
    *,
    trusted: Sequence[PublicKey],
    receipt: Path | None = None,
    max_bytes: int = MAX_BYTES,
    expected: Digest | None = None,
    again: Again | None = None,
    logs: Logs = NO_LOGS,
) -> Report:
    """Check the package or document at `path`, with the receipt given, else the one beside it where there is one.

    OMS bundles of its models that lie beside it are checked too.

    `again` renders a document again, where the run that it was made from is at hand.

    Raises:
        CannotVerifyError: a file cannot be read.
    """
    beside = path.with_name(path.name + RECEIPT_SUFFIX)
    try:
        if (size := path.stat().st_size) > max_bytes:
            return _too_large(str(path), size, max_bytes)
        data = read_file(path, max_bytes + 1)  # a file may grow between one call and the next
        if receipt is None and os.path.lexists(beside):  # a link that leads nowhere is a receipt that cannot be read
            receipt = beside
        signed = None if receipt is None else read_file(receipt, MAX_RECEIPT_BYTES + 1)
    except OSError as error:
        raise CannotVerifyError(f"{error.filename or path} cannot be read: {error.strerror}") from error
    if len(data) <= max_bytes and (kind := document_format(data)) is not None:
        return check_document(data, kind, receipt=signed, trusted=trusted, expected=expected, again=again, logs=logs)
    report = check_package(data, trusted=trusted, receipt=signed, max_bytes=max_bytes, expected=expected, logs=logs)
    return report.with_findings(check_oms_beside(path, report.runs, trusted))


def check_package(
    data: bytes,
    *,
    trusted: Sequence[PublicKey],
    receipt: bytes | None = None,
    max_bytes: int = MAX_BYTES,
    expected: Digest | None = None,
    logs: Logs = NO_LOGS,
) -> Report:
    """Check a package's bytes, and its receipt where one is given.

    Args:
        data: the package.
        trusted: the pinned keys; a key inside the package proves nothing.
        receipt: the bytes of `<package>.sigstore.json`.
        max_bytes: a larger package is not read.
        expected: the package hash, where it is known from elsewhere.
        logs: what is known here of logs; with a head from outside, the package must be shown to be under it.
    """
    if len(data) > max_bytes:
        return _too_large("package", len(data), max_bytes)
    required = PACKAGE_CHECKS | (frozenset() if receipt is None else RECEIPT_CHECKS)
    try:
        pdf = read_pdf(data, max_bytes) if is_pdf(data) else None
    except FormatError as error:
        return Report(f"package {Digest.of(data)}", (contradicts("package_form", str(error)),), required)
    except CannotVerifyError as error:
        return Report(f"package {Digest.of(data)}", (unchecked("package_form", str(error)),), required)
    inside = data if pdf is None else pdf.evidence
    package, findings = _read(inside)
    if expected not in (None, found := Digest.of(data)):
        findings.append(contradicts("package_hash", f"the package is {found}, and should be {expected}"))
    if package is not None:
        findings += _check_runs(package, trusted, logs)
        findings += check_rendering(package, inside)
        if pdf is not None:
            required |= PDF_CHECKS
            findings += _check_pages(pdf, package, data, findings)
    if receipt is not None:
        findings += check_receipt(receipt, data, package, trusted, pdf, logs)
    runs = (package.run, *package.addenda) if package else ()
    run_id = package.run.run_id if package else None
    return Report(f"package {found}", tuple(findings), required, run_id, runs).demanding_head(logs.outside is not None)


def _check_pages(pdf: PdfPackage, package: Package, data: bytes, findings: Sequence[Finding]) -> list[Finding]:
    """The pages, where what they were rendered from holds: nothing is laid out that somebody has tampered with."""
    if any(finding.verdict == "contradiction" for finding in findings):
        told = "the pages were not compared, for the evidence inside does not hold"
        return [unchecked("document", told)]
    return check_pdf(pdf, package, data)


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


def _check_runs(package: Package, trusted: Sequence[PublicKey], logs: Logs) -> list[Finding]:
    findings = check_sealed_run(package.run, trusted, carried=package.run.public_key, logs=logs)
    for number, addendum in enumerate(package.addenda, start=1):
        where = f"addendum {number}: "
        findings += check_sealed_run(addendum, trusted, carried=addendum.public_key, where=where, logs=logs)
    return [*findings, *_check_stands_alone(package.run), *check_chain(package.run, package.addenda)]


def _check_stands_alone(run: SealedRun) -> list[Finding]:
    """An addendum is true of a run that is not in the file, and must not pass for a run of its own."""
    try:
        amends = run.record.opened.amends
    except CognifyError:
        return []
    told = f"this is no run of its own, but an addendum to {amends.run_id}" if amends else ""
    return [contradicts("addendum_alone", told)] if told else []
