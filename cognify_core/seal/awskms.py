"""Signing keys in AWS KMS, by `awskms://[ENDPOINT]/KEY`: the private half never leaves it.

KEY is an id, `alias/NAME` or an ARN, as Sigstore's tools write it; without an endpoint, boto3 finds one, and region and
credentials as well. The key's spec is ECC_NIST_P256, its usage SIGN_VERIFY. KMS is sent digests alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from cognify_core.aws import client_of
from cognify_core.errors import (
    ConfigurationError,
    SignerUnavailableError,
    SigningKeyError,
    VerificationError,
)
from cognify_core.seal.signing import PublicKey, low_s

ALGORITHM = "ECDSA_SHA_256"
_ATTEMPTS, _SECONDS = 4, 5
_PASSING = frozenset({"KMSInternalException", "DependencyTimeoutException", "ThrottlingException", "InternalFailure"})


class KmsSigner:
    """A key in AWS KMS."""

    def __init__(self, client: Any, key: str, uri: str) -> None:
        """Ask for the public half.

        Raises:
            SignerUnavailableError: KMS did not answer.
            SigningKeyError: there is no such key, or it is not of the one kind.
        """
        self._client, self._key, self._uri = client, key, uri
        with _explained(uri):
            told = client.get_public_key(KeyId=key)
        if ALGORITHM not in told.get("SigningAlgorithms", ()):
            raise SigningKeyError(
                f"{uri} is a key of the spec {told.get('KeySpec')}: seals are made with ECC_NIST_P256, for SIGN_VERIFY"
            )
        self.public_key = PublicKey.of_der(told["PublicKey"])

    def sign(self, message: bytes) -> bytes:
        """The DER signature over `message`, checked before anybody gets it.

        Raises:
            SignerUnavailableError: KMS did not answer.
            SigningKeyError: it refused, or signed with another key.
        """
        with _explained(self._uri):
            told = self._client.sign(
                KeyId=self._key,
                Message=sha256(message).digest(),
                MessageType="DIGEST",
                SigningAlgorithm=ALGORITHM,
            )
        try:
            signature = low_s(told["Signature"])
            self.public_key.verify(signature, message)
        except VerificationError as error:
            raise SigningKeyError(f"{self._uri} signed with another key than it says it has: {error}") from error
        return signature


def open_signer(uri: str) -> KmsSigner:
    """The signer of an `awskms` URI.

    Raises:
        ConfigurationError: it is none; boto3 finds no region.
        SigningKeyError: as `KmsSigner`.
        ModuleNotFoundError: boto3 is not installed (extra `s3`).
    """
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    parts = urlsplit(uri)
    key = parts.path.removeprefix("/")
    if parts.scheme != "awskms" or not key or parts.query or parts.fragment:
        raise ConfigurationError(f"{uri[:120]!r} names no key: awskms:///KEY-ID, awskms:///alias/NAME or awskms:///ARN")
    retries = {"max_attempts": _ATTEMPTS, "mode": "standard"}
    try:
        client = client_of(
            "kms",
            endpoint_url=f"https://{parts.netloc}" if parts.netloc else None,
            region_name=_region(key),
            config=Config(retries=retries, connect_timeout=_SECONDS, read_timeout=_SECONDS),
        )
    except (BotoCoreError, ValueError) as error:
        raise ConfigurationError(f"{uri}: {error}") from error
    return KmsSigner(client, key, uri)


def _region(key: str) -> str | None:
    """The region that an ARN names: arn:partition:kms:region:account:key/id."""
    parts = key.split(":")
    return parts[3] if len(parts) > 5 and parts[0] == "arn" else None


@contextmanager
def _explained(uri: str) -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
    from botocore.exceptions import ConnectionError as Unreachable

    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code in _PASSING or status >= 500:
            raise SignerUnavailableError(f"{uri} did not sign: {error}") from error
        raise SigningKeyError(f"{uri}: {error}") from error
    except (HTTPClientError, Unreachable) as error:
        raise SignerUnavailableError(f"{uri} did not answer: {error}") from error
    except BotoCoreError as error:
        raise SigningKeyError(f"{uri}: {error}") from error
