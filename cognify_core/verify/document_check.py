"""Documents made of a run: workbooks, bills of materials, model cards. A receipt speaks for each of them.

It says which bytes were signed for, and from what they were rendered. Where the run is at hand, the document is
rendered again and compared byte for byte; where it is not, the report says so, and rests on the signature alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from cognify_core.errors import FormatError
from cognify_core.model.digest import Digest
from cognify_core.seal.bundle import Bundle
from cognify_core.seal.signing import PublicKey
from cognify_core.seal.statement import POPULATION_TYPE, PopulationStatement, ReceiptPredicate, ReceiptStatement
from cognify_core.verify.ledger_check import NO_LOGS, Logs
from cognify_core.verify.receipt_check import receipt_in_ledger
from cognify_core.verify.report import Check, Finding, Report, contradicts, holds, unchecked
from cognify_core.verify.seal_check import check_signature, key_that_signed

CHECKS: frozenset[Check] = frozenset(
    {("intact", "receipt"), ("intact", "receipt_signature"), ("signer", "receipt_signer")}
)
_CYCLONEDX = b'"bomFormat":"CycloneDX"'
_LOOKED_AT = 1024
_NAME = 30
"""Where the first name stands in an archive."""
_WORKBOOK = (b"[Content_Types].xml", b"_rels/", b"docProps/", b"xl/")
"""How the first name in a workbook begins: in ours always the first of these, in one that was saved again any."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """What rendering again from the store came to."""

    data: bytes | None
    """None where it could not be done."""
    said: str = ""
    """Why not."""
    contradicts: bool = False
    """Whether why not contradicts the receipt."""


Again: TypeAlias = Callable[[ReceiptPredicate], Rendered]
"""Renders a document again from what its receipt says that it was made from."""


def document_format(data: bytes) -> str | None:
    """Which kind of document a file is by its first bytes; none for what may be a package."""
    if data.startswith(b"PK\x03\x04") and data.startswith(_WORKBOOK, _NAME):
        return "xlsx"
    if data.startswith(b"---\n"):
        return "hf-card"
    return "cyclonedx" if data.startswith(b"{") and _CYCLONEDX in data[:_LOOKED_AT] else None


def check_document(
    data: bytes,
    kind: str,
    *,
    receipt: bytes | None,
    trusted: Sequence[PublicKey],
    expected: Digest | None = None,
    again: Again | None = None,
    logs: Logs = NO_LOGS,
) -> Report:
    """Check a document's bytes against its receipt, and against a rendering where `again` makes one."""
    found = Digest.of(data)
    findings: list[Finding] = []
    if expected not in (None, found):
        findings.append(contradicts("package_hash", f"the file is {found}, and should be {expected}"))
    statement: ReceiptStatement | PopulationStatement | None = None
    if receipt is None:
        findings.append(
            unchecked(
                "document_receipt",
                f"a file of the format {kind} does not carry its record; what tells whether it was changed is its "
                "receipt, which is not beside it",
            )
        )
    else:
        try:
            bundle = Bundle.parse(receipt)
            is_list = POPULATION_TYPE.encode() in bundle.payload
            statement = (PopulationStatement if is_list else ReceiptStatement).parse(bundle.payload)
        except FormatError as error:
            findings.append(contradicts("receipt_form", f"the receipt: {error}"))
        else:
            found_of_it = list(check_signature(bundle, None, trusted, "the receipt", logs.clocks))
            if isinstance(statement, ReceiptStatement):
                key = key_that_signed(bundle, None, trusted)
                found_of_it += receipt_in_ledger(bundle, statement, key, logs, "the receipt")
            findings += [
                Finding(f"receipt_{each.code}", each.section, each.verdict, each.message) for each in found_of_it
            ]
            findings += _check_file(statement, found, kind, again, data)
    run_id = statement.predicate.run_id if isinstance(statement, ReceiptStatement) else None
    report = Report(f"document {found}", tuple(findings), CHECKS, run_id)
    return report.demanding_head(logs.outside is not None)


def _check_file(
    statement: ReceiptStatement | PopulationStatement, found: Digest, kind: str, again: Again | None, data: bytes
) -> Iterator[Finding]:
    said, signed = statement.predicate, set(statement.digests.values())
    if signed != {found}:
        told = ", ".join(map(str, sorted(signed)))
        yield contradicts("receipt_package", f"the receipt is for {told}, and this file is {found}")
        return
    if said.format != kind:
        yield contradicts("document_format", f"the receipt is for the format {said.format}, and this file is {kind}")
        return
    if isinstance(said, ReceiptPredicate):
        yield holds("receipt", f"the receipt is for this very file, rendered from {said.run_id} by {said.renderer}")
        if again is not None:
            yield from _check_rendering(again(said), data)
        return
    period = f"{said.runs} runs opened from {said.since} to {said.until}"
    yield holds("receipt", f"the receipt is for this very file, a list of {period}, made {said.made_at} (time claimed)")
    yield holds("document_not_rendered", "a list of runs tells what the store held then: nobody can make it again")


def _check_rendering(rendered: Rendered, data: bytes) -> Iterator[Finding]:
    if rendered.contradicts:
        yield contradicts("document_source", rendered.said)
    elif rendered.data is None:
        yield holds("document_not_rendered", f"not rendered again, so the receipt alone speaks for it: {rendered.said}")
    elif rendered.data == data:
        yield holds(
            "document_rendering", "rendered again from the run in the store, it is the same file, byte for byte"
        )
    else:
        yield contradicts(
            "document_rendering",
            f"rendered again from the run in the store, it is {Digest.of(rendered.data)}: whoever signed the receipt "
            "signed something that the run does not say",
        )
