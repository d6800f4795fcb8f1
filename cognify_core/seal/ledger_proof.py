"""A leaf's place in a ledger, as a Sigstore bundle carries it: body, inclusion proof, and the head that it is under."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from cognify_core.canonical import Json, encode
from cognify_core.errors import FormatError, VerificationError
from cognify_core.merkle import HASH_SIZE, leaf_hash, verify_inclusion
from cognify_core.seal.encoding import base64_text, strict_base64
from cognify_core.seal.ledger_body import KIND, VERSION
from cognify_core.seal.notes import SignedHead


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Kind(_Strict):
    kind: Literal["dsse"]
    version: Literal["0.0.2"]


class _LogId(_Strict):
    keyId: str  # noqa: N815 - Sigstore's own names


class _Checkpoint(_Strict):
    envelope: str


class _Proof(_Strict):
    checkpoint: _Checkpoint
    hashes: tuple[str, ...]
    logIndex: str  # noqa: N815
    rootHash: str  # noqa: N815
    treeSize: str  # noqa: N815


class _Entry(_Strict):
    canonicalizedBody: str  # noqa: N815
    inclusionProof: _Proof  # noqa: N815
    kindVersion: _Kind  # noqa: N815
    logId: _LogId  # noqa: N815
    logIndex: str  # noqa: N815


@dataclass(frozen=True, slots=True)
class LedgerProof:
    """That a leaf stands at `index` of a log, under a signed head."""

    body: bytes
    index: int
    hashes: tuple[bytes, ...]
    head: SignedHead
    log_id: bytes

    def to_json(self) -> Json:
        """The entry as it stands under `tlogEntries`."""
        head = self.head.head
        return {
            "canonicalizedBody": base64_text(self.body),
            "inclusionProof": {
                "checkpoint": {"envelope": self.head.note.decode()},
                "hashes": [base64_text(each) for each in self.hashes],
                "logIndex": str(self.index),
                "rootHash": base64_text(head.root),
                "treeSize": str(head.size),
            },
            "kindVersion": {"kind": KIND, "version": VERSION},
            "logId": {"keyId": base64_text(self.log_id)},
            "logIndex": str(self.index),
        }

    @classmethod
    def parse(cls, entry: Json) -> Self:
        """Read an entry, and only what `to_json` would write.

        Raises:
            FormatError: it is anything else, or its root and size are not those of its head.
        """
        try:
            read = _Entry.model_validate_json(encode(entry))
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise FormatError(f"not a ledger's proof: {where}: {first['msg']}") from error
        proof = read.inclusionProof
        found = cls(
            strict_base64(read.canonicalizedBody),
            _number(proof.logIndex),
            tuple(strict_base64(each) for each in proof.hashes),
            SignedHead.parse(proof.checkpoint.envelope.encode()),
            strict_base64(read.logId.keyId),
        )
        if any(len(each) != HASH_SIZE for each in (*found.hashes, found.log_id)):
            raise FormatError("not a ledger's proof: a hash is not 32 bytes long")
        if encode(found.to_json()) != encode(entry):
            raise FormatError("not a ledger's proof: its parts do not agree with its head, or have another form")
        return found

    def check(self, body: bytes) -> None:
        """Check that `body` is the leaf, and stands where the proof says, under the head; the head is not verified.

        Raises:
            VerificationError: it does not.
        """
        if body != self.body:
            raise VerificationError("the leaf is not that of this statement, signature and key")
        head = self.head.head
        verify_inclusion(leaf_hash(body), self.index, head.size, self.hashes, head.root)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 18 and str(int(text)) == text):
        raise FormatError("not a ledger's proof: a number is not in its one spelling")
    return int(text)
