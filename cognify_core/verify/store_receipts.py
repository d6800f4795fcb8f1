"""The receipts that a store keeps of a run's packages: signed testimony of what the store held when they were made.

So they tell of what has gone since: a seal that was taken away or put in another's place, an addendum that was dropped.
Whoever deletes the receipts as well leaves no trace in the store; then only what has left it can tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cognify_core.errors import CognifyError, FormatError
from cognify_core.export.inputs import SealedRun
from cognify_core.model.digest import Digest
from cognify_core.model.record import Status
from cognify_core.seal.bundle import Bundle
from cognify_core.seal.signing import PublicKey
from cognify_core.seal.statement import ReceiptStatement
from cognify_core.store.protocol import Receipt, RunRow, Store
from cognify_core.verify.ledger_check import NO_LOGS, Logs
from cognify_core.verify.receipt_check import receipt_in_ledger
from cognify_core.verify.report import Finding, contradicts
from cognify_core.verify.seal_check import check_signature, key_that_signed


def check_receipts(
    store: Store, run: SealedRun, addenda: Sequence[SealedRun], trusted: Sequence[PublicKey], logs: Logs = NO_LOGS
) -> Iterator[Finding]:
    """Check the receipts of a run's packages: their signatures, their rows, and what they say that the run had."""
    try:
        receipts = store.receipts(run.run_id)
    except CognifyError as error:  # a column that raw SQL has made into something else
        yield contradicts("store_receipt", f"the receipts of {run.run_id} do not read: {error}")
        return
    for receipt in receipts:
        yield from _check_receipt(receipt, run, addenda, trusted, logs)


def seal_that_is_gone(store: Store, row: RunRow) -> Finding | None:
    """What tells that a run without a seal once had one: only a sealed run has packages or sealed addenda."""
    if row.status is Status.AUDIT_SEALED:
        return None
    try:
        made = [addendum.run_id for addendum in store.addenda(row.run_id) if addendum.status is Status.AUDIT_SEALED]
        made += [f"the package {receipt.package_hash}" for receipt in store.receipts(row.run_id)]
    except CognifyError as error:
        return contradicts("store_read", f"the store's rows of {row.run_id} do not read: {error}")
    if not made:
        return None
    return contradicts(
        "store_bundle", f"{row.run_id} has no seal, and the store holds what needs one: {', '.join(made)}"
    )


def _check_receipt(
    receipt: Receipt, run: SealedRun, addenda: Sequence[SealedRun], trusted: Sequence[PublicKey], logs: Logs
) -> Iterator[Finding]:
    what = f"the receipt of {receipt.package_hash}"
    try:
        bundle = Bundle.parse(receipt.bundle)
        statement = ReceiptStatement.parse(bundle.payload)
    except FormatError as error:
        yield contradicts("store_receipt", f"{what}: {error}")
        return
    findings = list(check_signature(bundle, None, trusted, what, logs.clocks))
    findings += receipt_in_ledger(bundle, statement, key_that_signed(bundle, None, trusted), logs, what)
    for finding in findings:
        yield Finding(f"receipt_{finding.code}", finding.section, finding.verdict, finding.message)
    said = statement.predicate
    kept = (receipt.run_id, receipt.format, receipt.template, receipt.renderer, receipt.addenda)
    if kept != (said.run_id, said.format, said.template, said.renderer, said.addenda):
        yield contradicts(
            "store_receipt", f"{what}: the store's row says something else than the statement that was signed"
        )
    if set(statement.digests.values()) != {receipt.package_hash}:
        yield contradicts("store_receipt", f"{what}: was signed for {', '.join(map(str, statement.digests.values()))}")
    yield from _check_seals(statement, run, addenda, what)


def _check_seals(
    statement: ReceiptStatement, run: SealedRun, addenda: Sequence[SealedRun], what: str
) -> Iterator[Finding]:
    """Whether the run still has the seal and the addenda that a package was made from."""
    said = statement.predicate
    try:
        seal, *found = (Digest.of(one.envelope.payload) for one in (run, *addenda))
    except FormatError:
        return  # a seal that does not read has been reported
    if said.seal != seal:
        yield contradicts("store_seal", f"{what}: was made under the seal {said.seal}, and the run now has {seal}")
    for ordinal, digest in enumerate(said.addenda, start=1):
        if digest not in found[ordinal - 1 : ordinal]:
            yield contradicts(
                "store_addendum", f"{what}: holds the addendum {ordinal} {digest}, which the store has no more"
            )
