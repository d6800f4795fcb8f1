"""RFC 3161 timestamps: the word of an authority, signed, that some bytes were there at a time.

They stand in a bundle under `timestampVerificationData`, as Sigstore has them, over the seal's signature. Nothing of
ours signs them: each is checked against a root that somebody here pinned, or counts for nothing. Certificates have to
be valid at the time that the timestamp tells, not now.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from cognify_core.canonical import Json
from cognify_core.errors import CannotVerifyError, FormatError, VerificationError
from cognify_core.seal.authorities import Authority
from cognify_core.seal.encoding import base64_text, strict_base64

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

MAX_BYTES = 1 << 16
"""No timestamp has more bytes."""
MOST = 16
"""No bundle has more timestamps."""
_GRANTED = 0
_NOT_TRUSTED = ("unable to get local issuer certificate", "self-signed certificate")
"""How OpenSSL says that a chain leads to no root that was given."""


@dataclass(frozen=True)
class Timestamp:
    """A `TimeStampResp` (RFC 3161 §2.4.2) that grants a timestamp, read and not believed."""

    data: bytes
    """DER, as the authority sent it: `openssl ts -verify -in` reads it."""

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read an answer's bytes, and only strict DER.

        Raises:
            FormatError: they are anything else, or the authority refused.
        """
        stamp = cls(data)
        if stamp._response.status != _GRANTED:
            raise FormatError(f"no timestamp was granted: status {stamp._response.status}")
        stamp.authority  # noqa: B018 - one that names nobody who signed it reads no further
        return stamp

    @property
    def time(self) -> datetime:
        """The time that it tells, UTC."""
        told: datetime = self._response.tst_info.gen_time
        return told.astimezone(UTC)

    @property
    def told(self) -> str:
        """The same in whole seconds, as seals write it."""
        return f"{self.time:%Y-%m-%dT%H:%M:%SZ}"

    @property
    def nonce(self) -> int | None:
        """The number that it answers."""
        nonce: int | None = self._response.tst_info.nonce
        return nonce

    @property
    def authority(self) -> str:
        """Whom the certificate names that signed it, as RFC 4514 writes it."""
        with _read_by_libraries():
            return self.certificate.subject.rfc4514_string()

    def check_imprint(self, message: bytes) -> None:
        """Check that it is for these bytes, whoever made it.

        Raises:
            VerificationError: it is for others, or uses a hash function that does not count.
        """
        from hashlib import sha256, sha384, sha512

        functions = {
            "2.16.840.1.101.3.4.2.1": sha256,
            "2.16.840.1.101.3.4.2.2": sha384,
            "2.16.840.1.101.3.4.2.3": sha512,
        }
        imprint = self._response.tst_info.message_imprint
        function = functions.get(imprint.hash_algorithm.dotted_string)
        if function is None or bytes(imprint.message) != function(message).digest():
            raise VerificationError("the timestamp is for other bytes (message imprint mismatch)")

    def check(self, message: bytes, authorities: Sequence[Authority]) -> Authority:
        """Check that one of these authorities made it, for these bytes; return which.

        Raises:
            CannotVerifyError: it leads to the root of none of them.
            VerificationError: it is for other bytes, is signed by a certificate that is not for timestamps or was not
                valid at that time, or its signature does not hold.
        """
        self.check_imprint(message)
        self._check_purpose()
        said = "no authority is pinned"
        for authority in authorities:
            try:
                self._check_chain(message, authority)
            except CannotVerifyError as error:
                said = str(error)
            else:
                return authority
        raise CannotVerifyError(said)

    @cached_property
    def certificate(self) -> Certificate:
        """The certificate that came along for the key that signed.

        Raises:
            FormatError: none did, or there is more than one signature.
        """
        from cryptography.x509 import load_der_x509_certificate

        signed = self._response.signed_data
        with _read_by_libraries():
            signers = [(each.issuer, each.serial_number) for each in signed.signer_infos]
            certificates = [load_der_x509_certificate(bytes(each)) for each in signed.certificates]
            found = [each for each in certificates if [(each.issuer, each.serial_number)] == signers]
        if len(found) != 1:
            raise FormatError("not a timestamp: it lacks the certificate of the one key that signed it")
        return found[0]

    @cached_property
    def _response(self) -> Any:
        from rfc3161_client import decode_timestamp_response

        if len(self.data) > MAX_BYTES:
            raise FormatError(f"not a timestamp: more than {MAX_BYTES:,} bytes")
        with _read_by_libraries():
            response = decode_timestamp_response(self.data)
            info, signed = response.tst_info, response.signed_data  # what is in them is read when it is asked for
            _ = info.gen_time, info.nonce, info.message_imprint.message, signed.signer_infos, signed.certificates
            same = bytes(response.as_bytes()) == self.data
        if not same:
            raise FormatError("not a timestamp: it is not strict DER")
        return response

    def _check_purpose(self) -> None:
        from cryptography.x509 import ExtendedKeyUsage
        from cryptography.x509.oid import ExtendedKeyUsageOID

        with _read_by_libraries():
            usages = [each for each in self.certificate.extensions if isinstance(each.value, ExtendedKeyUsage)]
        if not usages or not usages[0].critical or list(usages[0].value) != [ExtendedKeyUsageOID.TIME_STAMPING]:
            raise VerificationError(
                f"the certificate of {self.authority} is not one for timestamps, and for nothing else (RFC 3161 §2.3)"
            )

    def _check_chain(self, message: bytes, authority: Authority) -> None:
        from rfc3161_client import VerificationError as Refused
        from rfc3161_client import VerifierBuilder

        *between, root = [each for each in authority.certificates if each != self.certificate] or [self.certificate]
        verifier = VerifierBuilder(roots=[root], intermediates=between).build()
        try:
            verifier.verify_message(self._response, message)
        except Refused as error:
            said = str(error)
            if any(words in said for words in _NOT_TRUSTED):
                raise CannotVerifyError(f"{self.authority} leads to no root that is pinned here") from error
            raise VerificationError(f"the timestamp of {self.authority} does not hold: {_reason(said)}") from error
        except Exception as error:
            told = f"{type(error).__name__}: {str(error)[:200]}"
            raise VerificationError(f"the timestamp of {self.authority} does not read: {told}") from error


def _reason(said: str) -> str:
    """What OpenSSL found, out of all that the library tells of it."""
    reasons: list[str] = re.findall(r'reason: "([^"]*)"', said)
    return (
        said.partition("Verify error: ")[2].strip('"} ])') or ": ".join(dict.fromkeys(reversed(reasons))) or said[:200]
    )


@contextmanager
def _read_by_libraries() -> Iterator[None]:
    """Libraries raise what they like at bytes that they cannot read; to us it is one thing.

    Raises:
        FormatError: they raised something.
    """
    try:
        yield
    except FormatError:
        raise
    except Exception as error:
        raise FormatError(f"not a timestamp: {type(error).__name__}: {str(error)[:200]}") from error


def timestamp_data(stamps: Sequence[Timestamp]) -> Json:
    """Timestamps as they stand under `timestampVerificationData`; none where there are none."""
    if not stamps:
        return None
    return {"rfc3161Timestamps": [{"signedTimestamp": base64_text(stamp.data)} for stamp in stamps]}


def read_timestamps(value: Json) -> tuple[Timestamp, ...]:
    """The timestamps that stand in a bundle.

    Raises:
        FormatError: what stands there is anything else.
    """
    if value is None:
        return ()
    listed = value.get("rfc3161Timestamps") if isinstance(value, dict) and len(value) == 1 else None
    if not isinstance(listed, list) or not 1 <= len(listed) <= MOST:
        raise FormatError(f"not timestamps: not a list of one to {MOST} under `rfc3161Timestamps`, and nothing else")
    stamps = tuple(map(_read, listed))
    if len(set(stamps)) < len(stamps):
        raise FormatError("not timestamps: one of them stands there twice")
    return stamps


def _read(each: Json) -> Timestamp:
    encoded = each.get("signedTimestamp") if isinstance(each, dict) and len(each) == 1 else None
    if not isinstance(encoded, str):
        raise FormatError("not a timestamp: it does not stand under `signedTimestamp`, alone")
    return Timestamp.parse(strict_base64(encoded))
