"""The receipt beside a package: was this file, byte for byte, signed for?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from cognify_core.errors import CognifyError, FormatError
from cognify_core.export.inputs import made_from
from cognify_core.model.digest import Digest
from cognify_core.seal.bundle import Bundle
from cognify_core.seal.signing import PublicKey
from cognify_core.seal.statement import ReceiptPredicate, ReceiptStatement
from cognify_core.verify.ledger_check import NO_LOGS, Logs, check_ledger
from cognify_core.verify.package_form import Package
from cognify_core.verify.pdf_form import PdfPackage
from cognify_core.verify.report import Finding, contradicts, holds
from cognify_core.verify.seal_check import check_signature, key_that_signed


def check_receipt(
    receipt: bytes,
    data: bytes,
    package: Package | None,
    trusted: Sequence[PublicKey],
    pdf: PdfPackage | None = None,
    logs: Logs = NO_LOGS,
) -> Iterator[Finding]:
    """Check a receipt against a package's bytes, and against what the package says of itself where that reads."""
    try:
        bundle = Bundle.parse(receipt)
        statement = ReceiptStatement.parse(bundle.payload)
    except FormatError as error:
        yield contradicts("receipt_form", f"the receipt: {error}")
        return
    carried = package.run.public_key if package else None
    same = same_key(bundle, carried)
    findings = list(check_signature(bundle, same, trusted, "the receipt", logs.clocks))
    findings += receipt_in_ledger(bundle, statement, key_that_signed(bundle, same, trusted), logs, "the receipt")
    for finding in findings:
        yield Finding(f"receipt_{finding.code}", finding.section, finding.verdict, finding.message)
    signed, found = set(statement.digests.values()), Digest.of(data)
    if signed != {found}:
        yield contradicts(
            "receipt_package", f"the receipt is for {', '.join(map(str, sorted(signed)))}, and this file is {found}"
        )
    elif package is not None:
        yield from _check_contents(statement, package, pdf)


def receipt_in_ledger(
    bundle: Bundle, statement: ReceiptStatement, key: PublicKey | None, logs: Logs, what: str
) -> list[Finding]:
    """A receipt's place in a ledger; of one that is in none, and says so, there is nothing to tell.

    A head from outside is held against the seal, which came before.
    """
    if not bundle.log_entries and statement.predicate.log is None:
        return []
    return list(check_ledger(bundle, key, statement.predicate.log, replace(logs, outside=None), what))


def _check_contents(statement: ReceiptStatement, package: Package, pdf: PdfPackage | None) -> Iterator[Finding]:
    said = statement.predicate
    try:
        expected = _made_from(package, pdf)
    except CognifyError:
        return  # the seal or an addendum does not read, which has been reported
    expected = expected.model_copy(update={"log": said.log})  # which ledger it went into, no package says
    different = [name for name in type(said).model_fields if getattr(said, name) != getattr(expected, name)]
    if different:
        yield contradicts("receipt_contents", f"the receipt and the package disagree about: {', '.join(different)}")
    else:
        yield holds("receipt", "the receipt is for this very file")


def _made_from(package: Package, pdf: PdfPackage | None) -> ReceiptPredicate:
    if pdf is None:
        return made_from(package.run, package.addenda, "json", None, package.renderer)
    how = (pdf.template, pdf.renderer, pdf.openings)
    return made_from(package.run, package.addenda, "pdf", *how)


def same_key(bundle: Bundle, carried: bytes | None) -> bytes | None:
    """The package's key where the receipt names it: a receipt may be signed with another, which must be pinned."""
    return carried if carried is not None and Digest.of(carried).hex == bundle.key_id else None
