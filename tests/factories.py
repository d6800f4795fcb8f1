"""Events, records and sealed runs with defaults, made without any store. Same arguments, same bytes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from cognify_core.canonical import encode
from cognify_core.export.inputs import SealedRun
from cognify_core.model.digest import Digest
from cognify_core.model.events import (
    Amends,
    Body,
    CheckpointSeen,
    ConfigSeen,
    DatasetSeen,
    Draft,
    EvaluationSeen,
    Gap,
    Note,
    RunClosed,
    RunOpened,
)
from cognify_core.model.record import counts_by_kind
from cognify_core.seal.bundle import Bundle
from cognify_core.seal.closed import ClosedRecord
from cognify_core.seal.sealing import seal_statement
from cognify_core.seal.signing import PublicKey

RUN_ID = "run_20250912_143022_a7f3c"
OTHER_RUN_ID = "run_20250913_080000_0b1c2"
NONCE = "000102030405060708090a0b0c0d0e0f"
OPENED_AT = "2025-09-12T14:30:22.000000Z"
TIME = "2025-09-12T15:00:00.250000Z"
CLOSED_AT = "2025-09-12T16:44:58.500000Z"
SEALED_AT = "2025-09-12T16:45:00Z"

TREE = b"# cognify.tree/v1\n" + b"0" * 64 + b"  model.safetensors\n"
ROWS = encode({"format": "cognify.rows/v1", "columns": {"text": "text"}, "rows": 3, "root": "1" * 64})
CONFIG = encode({"format": "cognify.config/v1", "redaction": "v1", "config": {"learning_rate": 0.0002}})
RESULTS = encode({"format": "cognify.config/v1", "redaction": "v1", "config": {"eval_loss": 0.25}})
MANIFESTS = {str(Digest.of(manifest)): manifest for manifest in (TREE, ROWS, CONFIG, RESULTS)}
"""The manifests that the default artifacts name."""


def opened(**fields: Any) -> RunOpened:
    return RunOpened(**_with({"nonce": NONCE, "project": "clinical-nlp", "recorder": "cognify-audit 0.1.0"}, fields))


def dataset(**fields: Any) -> DatasetSeen:
    named = {"ref": "train", "id": "ds_patient_notes_v3", "name": "patient_notes", "role": "train"}
    known = {"schema_version": "3", "record_count": 3}
    return DatasetSeen(**_with(_content(ROWS, "cognify.rows/v1"), named, known, fields))


def config(**fields: Any) -> ConfigSeen:
    named = {"ref": "config", "id": "cfg_llama3_8b_lora_r16"}
    return ConfigSeen(**_with(_content(CONFIG, "cognify.config/v1"), named, fields))


def checkpoint(step: int = 20, **fields: Any) -> CheckpointSeen:
    named = {"ref": f"checkpoint-{step}", "id": f"ckpt_step_{step}", "step": step, "inputs": ("train", "config")}
    return CheckpointSeen(**_with(_content(TREE, "cognify.tree/v1"), named, fields))


def evaluation(**fields: Any) -> EvaluationSeen:
    named = {"ref": "eval", "id": "eval_final_step_20", "name": "final", "step": 20, "results": {"eval_loss": 0.25}}
    return EvaluationSeen(**_with(_content(RESULTS, "cognify.config/v1"), named, fields))


def gap(**fields: Any) -> Gap:
    return Gap(**_with({"subject": "base model", "reason": "not found on disk", "mend": "cognify.dataset(…)"}, fields))


def note(**fields: Any) -> Note:
    return Note(**_with({"text": "fails on negation", "note_kind": "limitation"}, fields))


def closed(before: Iterable[Body], **fields: Any) -> RunClosed:
    """The closing event that belongs after `before`."""
    counts = counts_by_kind(body.kind for body in before)
    return RunClosed(**_with({"status": "COMPLETED", "complete": True, "counts": counts}, fields))


def _with(*layers: dict[str, Any]) -> dict[str, Any]:
    return {name: value for layer in layers for name, value in layer.items()}


def _content(manifest: bytes, form: str) -> dict[str, Any]:
    return {"at": TIME, "assurance": "content", "hash": Digest.of(manifest), "manifest": form}


def default_bodies() -> tuple[Body, ...]:
    """What an ordinary run records between `run_opened` and `run_closed`."""
    return (dataset(), config(), gap(), checkpoint(20))


def whole(bodies: Sequence[Body] | None = None, *, opening: RunOpened | None = None, **closing: Any) -> list[Body]:
    """`bodies` with their `run_opened` before and their `run_closed` behind."""
    inner = [opening or opened(), *(default_bodies() if bodies is None else bodies)]
    return [*inner, closed(inner, **closing)]


def drafts(bodies: Sequence[Body], *, writer: str = "main") -> list[Draft]:
    """A draft for each body, opened, recorded and closed at the default times."""
    last = len(bodies) - 1
    times = [OPENED_AT if place == 0 else CLOSED_AT if place == last else TIME for place in range(len(bodies))]
    return [Draft(time, body, writer, place) for place, (time, body) in enumerate(zip(times, bodies, strict=True))]


def record(bodies: Sequence[Body] | None = None, *, run_id: str = RUN_ID) -> tuple[bytes, ...]:
    """The event bytes of a whole record: `bodies` as they are, or an ordinary closed run."""
    everything = drafts(whole() if bodies is None else bodies)
    return tuple(draft.at(run_id, seq).encode() for seq, draft in enumerate(everything))


@dataclass(frozen=True, slots=True)
class FixedSigner:
    """A signer whose key is a number and whose signatures are deterministic (RFC 6979). Never for anything real."""

    secret: int = 1

    @property
    def public_key(self) -> PublicKey:
        pem = self._key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return PublicKey.parse(pem)

    def sign(self, message: bytes) -> bytes:
        return self._key().sign(message, ec.ECDSA(SHA256(), deterministic_signing=True))

    def _key(self) -> ec.EllipticCurvePrivateKey:
        return ec.derive_private_key(self.secret, ec.SECP256R1())


SIGNER = FixedSigner(1)
OTHER_SIGNER = FixedSigner(2)


def sealed_run(
    bodies: Sequence[Body] | None = None,
    *,
    run_id: str = RUN_ID,
    sealed_at: str = SEALED_AT,
    signer: FixedSigner = SIGNER,
    manifests: Mapping[str, bytes] = MANIFESTS,
) -> SealedRun:
    """A sealed run of `bodies` as they are, or an ordinary one; it carries those of `manifests` that it names."""
    events = record(bodies, run_id=run_id)
    closed_record = ClosedRecord.read(events)
    bundle = Bundle.signed(seal_statement(closed_record, sealed_at).encode(), signer).encode()
    named = {str(digest) for digest in closed_record.manifest_digests}
    carried = {name: data for name, data in manifests.items() if name in named}
    return SealedRun(run_id, events, bundle, signer.public_key.pem, carried)


def addendum(
    run: SealedRun,
    before: Sequence[SealedRun] = (),
    bodies: Sequence[Body] | None = None,
    *,
    run_id: str | None = None,
    signer: FixedSigner = SIGNER,
    **changed: Any,
) -> SealedRun:
    """The sealed addendum that follows on `run` and those `before` it; `changed` are fields of its `amends`."""
    ordinal = len(before) + 1
    previous = Digest.of((before[-1] if before else run).envelope.payload)
    link = _with({"run_id": run.run_id, "nonce": NONCE, "ordinal": ordinal, "previous": previous}, changed)
    opening = opened(nonce=f"{ordinal:032x}", amends=Amends(**link))
    inner = (evaluation(inputs=("@ckpt_step_20",)),) if bodies is None else bodies
    own_id = run_id or f"run_20250914_09000{ordinal}_0000{ordinal}"
    return sealed_run(whole(inner, opening=opening), run_id=own_id, sealed_at="2025-09-14T09:00:00Z", signer=signer)
