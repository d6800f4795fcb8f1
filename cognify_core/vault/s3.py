"""S3 Object Lock. A lock lies on one version of an object; the bucket keeps versions and was made with locks.

One PUT carries the bytes, `If-None-Match: *`, their SHA-256, the mode and the date. It needs the rights
`s3:PutObject`, `s3:PutObjectRetention` and `s3:GetObject*`, for holds `s3:PutObjectLegalHold`; never
`s3:BypassGovernanceRetention`, which no call here asks for.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any, Self

from cognify_core.aws import client_of
from cognify_core.errors import VaultError
from cognify_core.model.digest import Digest
from cognify_core.model.names import utc_now
from cognify_core.vault.adopting import adopt
from cognify_core.vault.protocol import Finding, Lock, Mode, Reading
from cognify_core.vault.s3_errors import in_our_words
from cognify_core.vault.s3_examining import examine
from cognify_core.vault.uri import VaultUri

ARCHIVE_CLASS = "GLACIER_IR"
"""The cheapest class that is read at once, without a request for restoring."""
_MISSING = ("404", "NoSuchKey", "NoSuchVersion", "NotFound", "405", "MethodNotAllowed")
"""405: that version is a delete marker."""
_TAKEN = ("412", "PreconditionFailed")
_RULE = "cognify-archive"


class S3Vault:
    """A `Vault` (see `protocol`, where the promises are) in an S3 bucket."""

    def __init__(self, where: VaultUri, client: Any) -> None:
        self.uri = where.place
        self._where = where
        self._client = client

    @classmethod
    def connect(cls, where: VaultUri) -> Self:
        """With the credentials that boto3 finds: environment, profile, instance role."""
        from botocore.config import Config

        options = where.options
        config = Config(
            connect_timeout=10,
            read_timeout=60,
            retries={"mode": "standard", "total_max_attempts": 3},
            s3={"addressing_style": "path"} if "endpoint_url" in options else {},
        )
        client = client_of(
            "s3", endpoint_url=options.get("endpoint_url"), region_name=options.get("region"), config=config
        )
        return cls(where, client)

    def put_once(self, key: str, data: bytes, lock: Lock) -> Reading:
        """Put and lock in one request."""
        digest = Digest.of(data)
        with in_our_words(self.uri, _TAKEN) as refusal:
            version = self._client.put_object(
                **self._object(key),
                Body=data,
                IfNoneMatch="*",
                ChecksumAlgorithm="SHA256",  # some servers refuse a bare checksum; the others do not mind
                ChecksumSHA256=b64encode(bytes.fromhex(digest.hex)).decode("ascii"),
                ObjectLockMode=str(lock.mode),
                ObjectLockRetainUntilDate=lock.until,
                **({"ObjectLockLegalHoldStatus": "ON"} if lock.held else {}),
            ).get("VersionId")
        if refusal:
            return adopt(self, key, digest, lock)
        if version is None:
            raise VaultError(
                f"{self.uri} keeps no versions, so no lock can be on one: enable versioning and Object Lock"
            )
        return self.look(key, version)

    def look(self, key: str, version: str) -> Reading:
        """Ask for the version's headers; its bytes are read where the server does not tell their SHA-256."""
        with in_our_words(self.uri, _MISSING) as refusal:
            head = self._client.head_object(**self._object(key), VersionId=version, ChecksumMode="ENABLED")
        now = utc_now()
        if refusal:
            return Reading(key, version, now)
        mode = head.get("ObjectLockMode")
        return Reading(
            key=key,
            version=version,
            read_at=now,
            digest=self._digest(key, version, head.get("ChecksumSHA256")),
            size=head["ContentLength"],
            mode=Mode(mode) if mode in set(Mode) else None,
            until=head.get("ObjectLockRetainUntilDate"),
            held=head.get("ObjectLockLegalHoldStatus") == "ON",
            tier=head.get("StorageClass"),
        )

    def _digest(self, key: str, version: str, told: str | None) -> Digest:
        with suppress(ValueError):  # a checksum of parts ("…-2") is none of the whole
            if told is not None and len(checksum := b64decode(told, validate=True)) == 32:
                return Digest(checksum.hex())
        return Digest.of(self.read(key, version))

    def read(self, key: str, version: str) -> bytes:
        """Get the bytes."""
        with in_our_words(self.uri):
            answer = self._client.get_object(**self._object(key), VersionId=version)
            data: bytes = answer["Body"].read()
        return data

    def extend(self, key: str, version: str, lock: Lock) -> Reading:
        """Put a retention that is longer, or stronger, where there is a lesser one."""
        there = self.look(key, version)
        if there.digest is None:
            return there
        until = lock.until if there.until is None else max(there.until, lock.until)
        stronger = there.mode is None or lock.mode is Mode.COMPLIANCE
        if not (stronger and self._retain(key, there, lock.mode, until)):
            self._retain(key, there, there.mode or lock.mode, until)
        if lock.held and not there.held:
            return self.hold(key, version, on=True)
        return self.look(key, version)

    def _retain(self, key: str, there: Reading, mode: Mode, until: datetime) -> bool:
        """Set the retention, where it is another; whether the server lets it be of that mode.

        Raises:
            VaultRefusedError: not even one of the mode that is there may be set.
        """
        if (mode, until) == (there.mode, there.until):
            return True
        retention = {"Mode": str(mode), "RetainUntilDate": until}
        stronger = there.mode is not None and mode is not there.mode  # needs a right that a vault should not have
        with in_our_words(self.uri, ("AccessDenied",) if stronger else ()) as refused:
            self._client.put_object_retention(**self._object(key), VersionId=there.version, Retention=retention)
        return not refused

    def hold(self, key: str, version: str, *, on: bool) -> Reading:
        """Put or lift a legal hold."""
        if self.look(key, version).digest is not None:
            with in_our_words(self.uri):
                status = {"Status": "ON" if on else "OFF"}
                self._client.put_object_legal_hold(**self._object(key), VersionId=version, LegalHold=status)
        return self.look(key, version)

    def archive(self, days: int) -> str:
        """Set a lifecycle rule: copying an object into another class would leave the locked one where it is."""
        move = {"StorageClass": ARCHIVE_CLASS}
        rule = {
            "ID": _RULE,
            "Status": "Enabled",
            "Filter": {"Prefix": f"{self._where.prefix}/" if self._where.prefix else ""},
            "Transitions": [{"Days": days, **move}],
            "NoncurrentVersionTransitions": [{"NoncurrentDays": days, **move}],
        }
        bucket = {"Bucket": self._where.bucket}
        with in_our_words(self.uri, ("NoSuchLifecycleConfiguration",)) as none:
            known = self._client.get_bucket_lifecycle_configuration(**bucket)
        rules = [] if none else [each for each in known["Rules"] if each.get("ID") != _RULE]
        with in_our_words(self.uri, ("NotImplemented", "InvalidStorageClass")) as cannot:
            self._client.put_bucket_lifecycle_configuration(**bucket, LifecycleConfiguration={"Rules": [*rules, rule]})
        if cannot:
            return f"{self.uri} has no storage classes to move to ({cannot[0]}); nothing older than {days} days moves"
        return f"a lifecycle rule moves what is older than {days} days to {ARCHIVE_CLASS}, which is read at once"

    def remove(self, key: str, version: str) -> None:
        """Delete the version, without bypassing anything."""
        with in_our_words(self.uri, _MISSING):
            self._client.delete_object(**self._object(key), VersionId=version)

    def versions(self, prefix: str = "") -> Iterator[tuple[str, str]]:
        """List all versions, also those under delete markers."""
        begin = f"{self._where.prefix}/" if self._where.prefix else ""
        with in_our_words(self.uri):
            pages = self._client.get_paginator("list_object_versions")
            for page in pages.paginate(Bucket=self._where.bucket, Prefix=begin + prefix):
                for each in page.get("Versions", ()):
                    yield each["Key"].removeprefix(begin), each["VersionId"]

    def examine(self) -> list[Finding]:
        """Ask the bucket whether it keeps versions and can lock."""
        return examine(self._client, self._where.bucket)

    def _object(self, key: str) -> dict[str, str]:
        return {"Bucket": self._where.bucket, "Key": self._where.full_key(key)}
