"""One seal, as documents print it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from cognify_core.canonical import Json
from cognify_core.export.inputs import SealedRun
from cognify_core.model.digest import Digest
from cognify_core.seal.encoding import base64_text


@dataclass(frozen=True, slots=True)
class SealFacts:
    """One seal: the run's own (`addendum` 0), or that of an addendum."""

    addendum: int
    run_id: str
    root: str
    size: int
    """Events."""
    sealed_at: str
    statement: str
    """`sha256:<hex>` of the signed payload."""
    key_id: str
    public_key: str
    """PEM."""
    signature: str
    """Base64, of the DSSE envelope."""
    time: str
    """`claimed`: the signer's own clock. `timestamped`: an authority says as well when it was there."""
    anchors: tuple[str, ...]
    """What the seal's age rests on; nothing as long as it is empty."""
    log: str | None
    """The key of the ledger that the seal names; none where it names none."""
    log_entries: tuple[Json, ...]
    """The proofs that it stands there, as the bundle has them: one, or none."""
    pointer: str

    @classmethod
    def of(cls, run: SealedRun, addendum: int) -> Self:
        """What the seal of a run, or of its addendum of that ordinal, says.

        Raises:
            FormatError: the bundle holds none, or timestamps that are none.
            SigningKeyError: the public key is none.
        """
        predicate = run.statement.predicate
        anchors = tuple(f"a timestamp of {stamp.told} by {stamp.authority} (RFC 3161)" for stamp in run.timestamps)
        if (received := run.statement.predicate.received) is not None:
            anchors += (f"a remote record, received from {received.first} to {received.last} by whoever sealed it",)
        return cls(
            addendum=addendum,
            run_id=run.run_id,
            root=predicate.record.root,
            size=predicate.record.size,
            sealed_at=predicate.sealed_at,
            statement=str(Digest.of(run.envelope.payload)),
            key_id=run.key.key_id,
            public_key=run.key.pem.decode("ascii"),
            signature=base64_text(run.envelope.signature),
            time=run.time,
            anchors=anchors,
            log=predicate.log,
            log_entries=run.envelope.log_entries,
            pointer="/seal" if addendum == 0 else f"/addenda/{addendum - 1}/seal",
        )
