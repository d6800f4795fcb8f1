"""Sigstore bundles, v0.3, of the `publicKey` kind: one DSSE envelope and the hint that names its key.

`tlogEntries` and `timestampVerificationData` are read and kept where a bundle has them, because a ledger and a time
stamping authority put their proofs there; nothing here judges them (see `ledger_proof`, `timestamps`). The payload
stays opaque: it is checked as bytes before anyone parses it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from cognify_core.canonical import Json, encode, parse
from cognify_core.errors import FormatError
from cognify_core.seal.dsse import IN_TOTO, sign, verify
from cognify_core.seal.encoding import base64_text, strict_base64
from cognify_core.seal.signing import PublicKey, Signer

MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Signature(_Strict):
    sig: str
    keyid: str | None = None


class _Envelope(_Strict):
    payload: str
    payloadType: Literal["application/vnd.in-toto+json"]  # noqa: N815 - Sigstore's own name
    signatures: tuple[_Signature]


class _PublicKeyIdentifier(_Strict):
    hint: str


class _Material(_Strict):
    publicKey: _PublicKeyIdentifier  # noqa: N815
    tlogEntries: tuple[dict[str, Json], ...] = ()  # noqa: N815
    timestampVerificationData: dict[str, Json] | None = None  # noqa: N815


class _Document(_Strict):
    mediaType: Literal["application/vnd.dev.sigstore.bundle.v0.3+json"]  # noqa: N815
    verificationMaterial: _Material  # noqa: N815
    dsseEnvelope: _Envelope  # noqa: N815


@dataclass(frozen=True, slots=True)
class Bundle:
    """A payload with one signature, and the name of the key that made it."""

    payload: bytes
    signature: bytes
    key_id: str
    """A hint, which nothing signs: it says which key to try."""
    log_entries: tuple[Json, ...] = ()
    timestamps: Json = None
    dsse_key_id: str | None = None
    """What securesystemslib calls the key, beside the signature; none in bundles from before it stood there."""

    @classmethod
    def signed(cls, payload: bytes, signer: Signer) -> Self:
        """Sign a statement's bytes.

        Raises:
            SigningKeyError: the signer cannot.
        """
        return cls(payload, sign(payload, signer), signer.public_key.key_id)

    def naming(self, key: PublicKey) -> Self:
        """This bundle, whose envelope names the key that signed as securesystemslib does: it accepts no other."""
        return replace(self, dsse_key_id=key.dsse_key_id)

    def verify(self, key: PublicKey) -> None:
        """Check that `key` signed the payload.

        Raises:
            VerificationError: it did not.
        """
        verify(self.payload, self.signature, key)

    def encode(self) -> bytes:
        """The bundle as canonical JSON. A field that has nothing to say is left out, as protobuf's JSON has it."""
        material: dict[str, Json] = {"publicKey": {"hint": self.key_id}}
        if self.log_entries:
            material["tlogEntries"] = list(self.log_entries)
        if self.timestamps is not None:
            material["timestampVerificationData"] = self.timestamps
        signature = {"sig": base64_text(self.signature)}
        if self.dsse_key_id is not None:
            signature["keyid"] = self.dsse_key_id
        envelope = {"payload": base64_text(self.payload), "payloadType": IN_TOTO, "signatures": [signature]}
        return encode({"mediaType": MEDIA_TYPE, "verificationMaterial": material, "dsseEnvelope": envelope})

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a bundle's bytes, and only the bytes that `encode` would write.

        Raises:
            FormatError: they are anything else: more than one signature, another type, base64 that is not strict.
        """
        parse(data)  # refuses what two readers may read differently
        try:
            document = _Document.model_validate_json(data)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise FormatError(f"not a bundle that this version reads: {where}: {first['msg']}") from error
        material, envelope = document.verificationMaterial, document.dsseEnvelope
        bundle = cls(
            strict_base64(envelope.payload),
            strict_base64(envelope.signatures[0].sig),
            material.publicKey.hint,
            material.tlogEntries,
            material.timestampVerificationData,
            envelope.signatures[0].keyid,
        )
        if bundle.encode() != data:
            raise FormatError("not a bundle that this version reads: it is not written in its one form")
        return bundle
