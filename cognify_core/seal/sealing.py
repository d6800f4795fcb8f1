"""The act of sealing: freeze, state, sign, keep. And the receipt of a package."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeAlias

from cognify_core.errors import FormatError, RunStateError, VerificationError
from cognify_core.model.digest import Digest
from cognify_core.model.lineage import Lineage
from cognify_core.model.names import stamp_time, whole_seconds
from cognify_core.model.record import Freeze, Status
from cognify_core.seal.bundle import Bundle
from cognify_core.seal.closed import ClosedRecord
from cognify_core.seal.ledger import Ledger
from cognify_core.seal.signing import PublicKey, Signer
from cognify_core.seal.statement import (
    LINEAGE_SUBJECT,
    RECORD_SUBJECT,
    PopulationPredicate,
    PopulationStatement,
    ReceiptPredicate,
    ReceiptStatement,
    Received,
    RecordSummary,
    SealPredicate,
    SealStatement,
    subjects,
)
from cognify_core.seal.timestamps import Timestamp, timestamp_data
from cognify_core.store.protocol import Store

LEDGER_FAILED = "the ledger"
"""How the reason begins for which a record is incomplete whose beginning the ledger could not take."""


Stamp: TypeAlias = Callable[[bytes], Sequence[Timestamp]]
"""Asks authorities for timestamps over a signature. Raises nothing, and comes back soon."""


def seal_run(
    store: Store,
    run_id: str,
    signer: Signer,
    *,
    now: datetime,
    ledger: Ledger | None = None,
    stamp: Stamp | None = None,
) -> bytes:
    """Freeze a closed run, sign the statement over it, log it, and keep the bundle; return the one that is kept.

    May be called again after a crash at any point, and from several processes at once: the first freeze, the first
    envelope and the first bundle count. The envelope is on disk before it is published; the leaf and the bundle come in
    one transaction. Without a `ledger` the seal goes into none. What `stamp` gives comes between: nothing is locked
    meanwhile, and where it gives nothing, the time stays the signer's own.

    Raises:
        RunStateError: the record is not closed, or ends with an untrue count of its events.
        VerificationError: the record no longer is what was frozen, or the run had a seal that is gone.
        SigningKeyError: the signer cannot sign; the run stays frozen and can be sealed later.
        StoreError: the ledger cannot be written; likewise.
    """
    if (kept := store.bundle(run_id)) is not None:
        return kept
    _refuse_a_second_seal(store, run_id)
    record = ClosedRecord.read(tuple(store.events(run_id)))
    if (wrong := record.miscounted) is not None and store.run(run_id).freeze is None:
        raise RunStateError(f"{run_id} would not hold once it is sealed: {wrong}; it can be discarded")
    if ledger is not None:
        _refuse_what_never_began(store, record)
    frozen = store.freeze(run_id, record.freeze(whole_seconds(stamp_time(now))))
    _check_frozen(record, frozen)
    envelope = store.envelope(run_id)
    if envelope is None:
        named = None if ledger is None else str(ledger.key)
        statement = seal_statement(record, frozen.sealed_at, named, _received(store, run_id))
        signed = Bundle.signed(statement.encode(), signer).naming(signer.public_key)
        envelope = store.put_envelope(run_id, signed.encode())
    bundle, key = _check_envelope(envelope, record, frozen, signer, ledger)
    if stamp is not None:
        bundle = replace(bundle, timestamps=timestamp_data(stamp(bundle.signature)))
    return store.put_bundle(run_id, bundle.encode(), None if ledger is None else ledger.entry(bundle, key))


def _received(store: Store, run_id: str) -> Received | None:
    """When the record came here, where it came over a wire; a clock that was set back meanwhile ends no earlier."""
    if not (arrivals := store.arrivals(run_id)):
        return None
    times = [whole_seconds(arrival.arrived_at) for arrival in arrivals]
    return Received(first=times[0], last=max(times), parts=len(times))


def seal_statement(
    record: ClosedRecord, sealed_at: str, log: str | None = None, received: Received | None = None
) -> SealStatement:
    """The statement over a closed record, sealed at a time in whole seconds, for the ledger whose key is `log`."""
    frozen = record.freeze(sealed_at)
    named = {RECORD_SUBJECT: record.manifest.digest, LINEAGE_SUBJECT: frozen.lineage}
    return SealStatement(
        subject=subjects(named | artifact_digests(record.lineage)),
        predicate=SealPredicate(
            run_id=record.run_id,
            nonce=record.opened.nonce,
            status=record.closed.status,
            complete=record.closed.complete,
            reasons=record.closed.reasons,
            record=RecordSummary(size=record.manifest.size, root=record.manifest.root),
            sealed_at=sealed_at,
            recorder=record.opened.recorder,
            amends=record.opened.amends,
            log=log,
            received=received,
        ),
    )


def artifact_digests(lineage: Lineage) -> dict[str, Digest]:
    """The nodes whose every byte was hashed, as subjects `<type>/<id>`: no other digest is worth signing for."""
    return {
        f"{node.type}/{node.id}": node.hash
        for node in lineage.nodes
        if node.assurance == "content" and node.hash is not None
    }


def seal_package(package: bytes, name: str, made_from: ReceiptPredicate, signer: Signer) -> bytes:
    """The receipt of a package file: a bundle over a statement whose subject is the file's name and SHA-256.

    Raises:
        SigningKeyError: the signer cannot sign.
    """
    statement = ReceiptStatement(subject=subjects({name: Digest.of(package)}), predicate=made_from)
    return Bundle.signed(statement.encode(), signer).encode()


def seal_population(data: bytes, name: str, made_from: PopulationPredicate, signer: Signer) -> bytes:
    """The receipt of a list of runs, as `seal_package` makes that of a package.

    Raises:
        SigningKeyError: the signer cannot sign.
    """
    statement = PopulationStatement(subject=subjects({name: Digest.of(data)}), predicate=made_from)
    return Bundle.signed(statement.encode(), signer).encode()


def _check_envelope(
    envelope: bytes, record: ClosedRecord, frozen: Freeze, signer: Signer, ledger: Ledger | None
) -> tuple[Bundle, PublicKey]:
    """The envelope that is kept, opened, and the key that made it; it may be one that signed here before.

    Raises:
        VerificationError: it was not signed over this record, or not with a key that is known here.
    """
    told = f"the envelope that the store keeps of {record.run_id} is not a seal of its record"
    try:
        bundle = Bundle.parse(envelope)
        said = SealStatement.parse(bundle.payload).predicate
    except FormatError as error:
        raise VerificationError(f"{told}: {error}") from error
    if bundle.payload != seal_statement(record, frozen.sealed_at, said.log, said.received).encode():
        raise VerificationError(f"{told}: it says something else than the record; it was put there")
    if ledger is not None and said.log != str(ledger.key):
        raise VerificationError(f"{told}: it was signed for the ledger {said.log}, and this one is {ledger.key}")
    known = (signer.public_key, *(ledger.keys if ledger else ()))
    key = next((key for key in known if key.key_id == bundle.key_id), signer.public_key)
    bundle.verify(key)
    return bundle, key


def _refuse_a_second_seal(store: Store, run_id: str) -> None:
    """A seal that somebody took away is not made anew: the record under it may have been changed meanwhile."""
    logged = store.find_leaf("seal", run_id) or store.find_leaf("addendum", run_id)
    if logged is not None:
        raise VerificationError(
            f"{run_id} has no seal, and leaf {logged[0]} of the ledger is its seal: somebody took it away; "
            "check its packages with `cognify verify FILE`"
        )
    if store.receipts(run_id) or any(row.status is Status.AUDIT_SEALED for row in store.addenda(run_id)):
        raise VerificationError(
            f"{run_id} has packages or sealed addenda, and no seal: it was sealed, and somebody took the seal away; "
            "check its packages with `cognify verify FILE`"
        )


def _refuse_what_never_began(store: Store, record: ClosedRecord) -> None:
    """What was written into the database by hand gets no seal; a run that the ledger could not take says so itself."""
    if store.find_leaf("opened", record.run_id) is None and not any(
        reason.startswith(LEDGER_FAILED) for reason in record.closed.reasons
    ):
        raise VerificationError(
            f"no leaf of the ledger has opened {record.run_id}: it was put into the store by other means than ours; "
            f"look at it with `cognify show {record.run_id}`, and discard it"
        )


def _check_frozen(record: ClosedRecord, frozen: Freeze) -> None:
    if record.freeze(frozen.sealed_at) != frozen:
        raise VerificationError(
            f"{record.run_id} was frozen at {frozen.sealed_at} with {frozen.size} events under the root {frozen.root}, "
            f"and the store now holds {record.manifest.size} under {record.manifest.root}: it was changed since"
        )
