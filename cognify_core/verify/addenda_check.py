"""The chain of addenda: numbered from 1 without a hole, each naming the run and the statement before it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cognify_core.errors import CognifyError
from cognify_core.export.inputs import SealedRun
from cognify_core.model.digest import Digest
from cognify_core.verify.record_check import capped_each
from cognify_core.verify.report import Finding, contradicts


def check_chain(run: SealedRun, addenda: Sequence[SealedRun]) -> list[Finding]:
    """What is wrong with the order and the links of the addenda of `run`; nothing, if nothing is.

    Addenda whose own record or seal does not read have been reported as such, and are passed over.
    """
    findings: list[Finding] = []
    known = _nodes(run)
    for number, addendum in enumerate(addenda, start=1):
        before = addenda[number - 2] if number > 1 else run
        findings += _check_link(run, before, addendum, number)
        findings += _check_references(run, addendum, known, number)
        known |= _nodes(addendum)
    return capped_each(findings)


def _check_link(run: SealedRun, before: SealedRun, addendum: SealedRun, number: int) -> Iterator[Finding]:
    where = f"addendum {number} ({addendum.run_id})"
    try:
        link = addendum.record.opened.amends
    except CognifyError:
        return
    if link is None:
        yield contradicts("addendum_run", f"{where}: is no addendum, but a run of its own")
        return
    if link.ordinal != number:
        yield contradicts(
            "addendum_order", f"{where}: its record says that it is number {link.ordinal}; one is missing or moved"
        )
    if link.run_id != run.run_id:
        yield contradicts("addendum_run", f"{where}: amends another run, {link.run_id}")
    try:
        nonce, previous = run.record.opened.nonce, Digest.of(before.envelope.payload)
    except CognifyError:
        return
    if link.nonce != nonce:
        yield contradicts("addendum_run", f"{where}: amends a run of the same name with another nonce, {link.nonce}")
    if link.previous != previous:
        yield contradicts(
            "addendum_previous", f"{where}: follows the statement {link.previous}, and before it lies {previous}"
        )


def _check_references(run: SealedRun, addendum: SealedRun, known: set[str], number: int) -> Iterator[Finding]:
    prefix = f"{run.run_id}/"
    for node in sorted(_ends(addendum)):
        if node.startswith(prefix) and node.removeprefix(prefix) not in known:
            yield contradicts(
                "addendum_input",
                f"addendum {number} ({addendum.run_id}): names {node}, a node that the run does not have",
            )


def _nodes(run: SealedRun) -> set[str]:
    try:
        return {node.id for node in run.record.lineage.nodes}
    except CognifyError:
        return set()


def _ends(run: SealedRun) -> set[str]:
    try:
        return {end for edge in run.record.lineage.edges for end in (edge.source, edge.target)}
    except CognifyError:
        return set()
