"""A run in a store: record, freeze, seal, rows and receipts, each against the others.

A store is not trusted: whoever can write to it can change any of these, but not all of them so that they still agree
under a pinned key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from typing import TypeVar

from cognify_core.errors import CognifyError, FormatError, RunStateError, StoreError
from cognify_core.export.inputs import SealedRun
from cognify_core.model.events import Event
from cognify_core.model.record import Freeze, Status
from cognify_core.seal.bundle import Bundle
from cognify_core.seal.ledger_body import LeafBody
from cognify_core.seal.ledger_proof import LedgerProof
from cognify_core.seal.signing import PublicKey
from cognify_core.seal.statement import LINEAGE_SUBJECT
from cognify_core.store.protocol import LeafKind, RunRow, Store
from cognify_core.verify.addenda_check import check_chain
from cognify_core.verify.ledger_check import NO_LOGS, Logs
from cognify_core.verify.report import RUN_CHECKS, Check, Finding, Report, contradicts, holds, unchecked
from cognify_core.verify.run_check import check_sealed_run
from cognify_core.verify.store_receipts import check_receipts, seal_that_is_gone

STORE_CHECKS: frozenset[Check] = RUN_CHECKS | {("intact", "store")}
Found = TypeVar("Found")


def check_run(store: Store, run_id: str, trusted: Sequence[PublicKey], logs: Logs = NO_LOGS) -> Report:
    """Check a run and its sealed addenda in a store, byte for byte as a package's would be.

    Raises:
        RunNotFoundError: the store holds no such run.
        StoreError: the store cannot be read at all.
    """
    try:
        row, rows_of_addenda = store.run(run_id), store.addenda(run_id)
    except FormatError as error:
        return Report(
            run_id, (contradicts("store_read", f"the store's rows of {run_id} do not read: {error}"),), STORE_CHECKS
        )
    if (gone := seal_that_is_gone(store, row)) is not None:
        return Report(run_id, (gone,), STORE_CHECKS, run_id)
    run, findings = _check_one(store, row, trusted, "", logs)
    addenda: list[SealedRun] = []
    for addendum in rows_of_addenda:
        if addendum.status is Status.AUDIT_SEALED:
            sealed, found = _check_one(store, addendum, trusted, f"addendum {addendum.ordinal}: ", logs)
            addenda += [sealed] if sealed else []
            findings += found
        else:
            told = f"addendum {addendum.ordinal} ({addendum.run_id}) is {addendum.status}; not sealed, not looked at"
            findings.append(holds("addendum_open", told))
    if run is not None:
        findings += check_chain(run, addenda)
        findings += check_receipts(store, run, addenda, trusted, logs)
    report = Report(run_id, tuple(findings), STORE_CHECKS, run_id, (*((run,) if run else ()), *addenda))
    return report.demanding_head(logs.outside is not None)


def read_sealed(store: Store, run_id: str, keys: Sequence[PublicKey]) -> tuple[SealedRun, ...]:
    """A sealed run and its sealed addenda, checked, each with the one of `keys` that signed it: to be rendered.

    Raises:
        RunNotFoundError: there is no such run.
        RunStateError: it is not sealed, or sealed with none of these keys.
        VerificationError: something in the store contradicts what was signed; the error carries the report.
    """
    report = check_run(store, run_id, keys)
    if report.contradictions:
        report.raise_for_status()
    if not report.runs:
        status = store.run(run_id).status
        first = "let it end, then seal it" if status is Status.RUNNING else "seal it"
        raise RunStateError(
            f"{run_id} is {status}, and only sealed runs are exported: {first} with `cognify seal {run_id}`"
        )
    for run in report.runs:
        if not run.public_key:
            raise RunStateError(
                f"{run.run_id} was sealed with the key {run.envelope.key_id[:16]}…, which is not known here: "
                "pin its public key with `cognify keys trust FILE`"
            )
    return report.runs


def _check_one(
    store: Store, row: RunRow, trusted: Sequence[PublicKey], where: str, logs: Logs
) -> tuple[SealedRun | None, list[Finding]]:
    bundle = store.bundle(row.run_id)
    if bundle is None:
        told = f"{where}{row.run_id} is {row.status} and not sealed: seal it with `cognify seal {row.run_id}`"
        return None, [unchecked("unsealed", told)]
    events, findings = _events(store, row, where)
    manifests: dict[str, bytes] = {}
    run = SealedRun(row.run_id, events, bundle, key_named_in(bundle, trusted), manifests)
    lost = _fetch_manifests(store, run, manifests, where)
    findings += check_sealed_run(run, trusted, carried=None, where=where, logs=logs)
    findings += lost
    leaf = () if logs.elsewhere else _check_leaf(store, run, row, where)
    rows = [*_check_freeze(run, row.freeze, where), *_check_row(run, row, where), *leaf]
    return run, [
        *findings,
        *(rows or [holds("store", f"{where}the store's own rows agree with the record and the seal")]),
    ]


def key_named_in(bundle: bytes, keys: Sequence[PublicKey]) -> bytes:
    """PEM of the key that a seal's bundle names, where it is one of these; whether it signed is checked elsewhere."""
    try:
        hint = Bundle.parse(bundle).key_id
    except FormatError:
        return b""
    return next((key.pem for key in keys if key.key_id == hint), b"")


def _events(store: Store, row: RunRow, where: str) -> tuple[tuple[bytes, ...], list[Finding]]:
    try:
        return tuple(store.events(row.run_id)), []
    except StoreError as error:
        place = _last_missing(store, row)
        return (), [contradicts("store_events", f"{where}event {place} is missing from the store: {error}")]


def _last_missing(store: Store, row: RunRow) -> int:
    """The last place from which the record cannot be read to its end."""
    low, high = 0, row.size - 1
    while low < high:
        middle = (low + high + 1) // 2
        if _attempt(lambda start=middle: list(store.events(row.run_id, start))) is None:  # type: ignore[misc]
            low = middle
        else:
            high = middle - 1
    return low


def _attempt(read: Callable[[], Found]) -> Found | None:
    try:
        return read()
    except StoreError:
        return None


def _fetch_manifests(store: Store, run: SealedRun, into: dict[str, bytes], where: str) -> list[Finding]:
    """Fetch the manifests that readable events name; unreadable events are reported elsewhere."""
    bodies = [event.body for event in run.parsed if isinstance(event, Event)]
    named = list({digest: None for body in bodies for digest in body.manifests()})
    there = store.manifests(named)
    findings: list[Finding] = []
    for digest in named:
        try:
            into[str(digest)] = there[digest] if digest in there else store.manifest(digest)
        except StoreError as error:
            findings.append(contradicts("store_manifest", f"{where}the manifest {digest} does not read: {error}"))
    return findings


def _check_freeze(run: SealedRun, freeze: Freeze | None, where: str) -> Iterator[Finding]:
    try:
        signed = run.statement.predicate
        lineage = run.statement.digests.get(LINEAGE_SUBJECT)
    except FormatError:
        return
    if freeze is None or lineage is None:
        yield contradicts("store_freeze", f"{where}the run has a seal, and the store says nothing of a freeze")
        return
    expected = Freeze(signed.record.size, signed.record.root, lineage, signed.sealed_at)
    for field in fields(Freeze):
        kept, told = getattr(freeze, field.name), getattr(expected, field.name)
        if kept != told:
            yield contradicts(
                "store_freeze", f"{where}the store says that {field.name} was frozen as {kept}, and the seal {told}"
            )


def _check_leaf(store: Store, run: SealedRun, row: RunRow, where: str) -> Iterator[Finding]:
    """Whether the ledger beside the run has, where the seal says, the leaf that the seal proves."""
    kind: LeafKind = "seal" if row.amends is None else "addendum"
    found = store.find_leaf(kind, row.run_id, workspace=row.workspace)
    try:
        bundle = run.envelope
        proof = LedgerProof.parse(bundle.log_entries[0]) if len(bundle.log_entries) == 1 else None
        body = None if found is None else LeafBody.parse(found[1].body)
    except FormatError:
        return  # a seal or a proof that does not read has been reported
    if found is None or body is None:
        if proof is not None:
            told = f"{where}the seal is leaf {proof.index} of the ledger, and the store's ledger has no such leaf"
            yield contradicts("store_leaf", told, "ledger")
    elif (found[1].payload, body.signature) != (bundle.payload, bundle.signature):
        told = f"{where}the store's ledger has another seal of {row.run_id}, leaf {found[0]}"
        yield contradicts("store_leaf", told, "ledger")
    elif proof is not None and proof.index != found[0]:
        told = f"{where}the seal is leaf {proof.index} of the ledger, and in the store's it is leaf {found[0]}"
        yield contradicts("store_leaf", told, "ledger")


def _check_row(run: SealedRun, row: RunRow, where: str) -> Iterator[Finding]:
    try:
        opened, closed, first = run.record.opened, run.record.closed, run.record.events[0]
    except CognifyError:
        return
    expected = {
        "nonce": opened.nonce,
        "workspace": opened.workspace,
        "project": opened.project,
        "name": opened.name,
        "opened_at": first.time,
        "amends": opened.amends and opened.amends.run_id,
        "ordinal": opened.amends and opened.amends.ordinal,
        "size": len(run.events),
        "complete": closed.complete,
    }
    for name, value in expected.items():
        if getattr(row, name) != value:
            yield contradicts(
                "store_row", f"{where}the store lists {name} as {getattr(row, name)!r}, and the record says {value!r}"
            )
