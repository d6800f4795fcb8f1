"""The act of sealing: freeze, state, sign, keep. And the receipt of a package."""

from __future__ import annotations

from datetime import datetime

from cognify_core.errors import VerificationError
from cognify_core.model.digest import Digest
from cognify_core.model.lineage import Lineage
from cognify_core.model.names import stamp_time, whole_seconds
from cognify_core.model.record import Freeze, Status
from cognify_core.seal.bundle import Bundle
from cognify_core.seal.closed import ClosedRecord
from cognify_core.seal.signing import Signer
from cognify_core.seal.statement import (
    LINEAGE_SUBJECT,
    RECORD_SUBJECT,
    PopulationPredicate,
    PopulationStatement,
    ReceiptPredicate,
    ReceiptStatement,
    RecordSummary,
    SealPredicate,
    SealStatement,
    subjects,
)
from cognify_core.store.protocol import Store


def seal_run(store: Store, run_id: str, signer: Signer, *, now: datetime) -> bytes:
    """Freeze a closed run, sign the statement over it, and keep the bundle; return the one that is kept.

    May be called again after a crash at any point, and from several processes at once: the first freeze and the first
    bundle count, and the bytes signed are always those of that freeze.

    Raises:
        RunStateError: the record is not closed.
        VerificationError: the record no longer is what was frozen, or the run had a seal that is gone.
        SigningKeyError: the signer cannot sign; the run stays frozen and can be sealed later.
    """
    if (kept := store.bundle(run_id)) is not None:
        return kept
    _refuse_a_second_seal(store, run_id)
    record = ClosedRecord.read(tuple(store.events(run_id)))
    frozen = store.freeze(run_id, record.freeze(whole_seconds(stamp_time(now))))
    _check_frozen(record, frozen)
    bundle = Bundle.signed(seal_statement(record, frozen.sealed_at).encode(), signer)
    return store.put_bundle(run_id, bundle.encode())


def seal_statement(record: ClosedRecord, sealed_at: str) -> SealStatement:
    """The statement over a closed record, sealed at a time in whole seconds."""
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


def _refuse_a_second_seal(store: Store, run_id: str) -> None:
    """A seal that somebody took away is not made anew: the record under it may have been changed meanwhile."""
    if store.receipts(run_id) or any(row.status is Status.AUDIT_SEALED for row in store.addenda(run_id)):
        raise VerificationError(
            f"{run_id} has packages or sealed addenda, and no seal: it was sealed, and somebody took the seal away; "
            "check its packages with `cognify verify FILE`"
        )


def _check_frozen(record: ClosedRecord, frozen: Freeze) -> None:
    if record.freeze(frozen.sealed_at) != frozen:
        raise VerificationError(
            f"{record.run_id} was frozen at {frozen.sealed_at} with {frozen.size} events under the root {frozen.root}, "
            f"and the store now holds {record.manifest.size} under {record.manifest.root}: it was changed since"
        )
