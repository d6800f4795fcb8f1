"""Azure immutable blobs. A lock lies on one version of a blob; the container has version-level immutability.

One request carries the bytes, `If-None-Match: *`, their MD5, and the policy. `Locked` is COMPLIANCE, `Unlocked` is
GOVERNANCE. Some servers take the headers of a policy and drop them: what is said is what reads back.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from hashlib import md5
from typing import Any, Self

from cognify_core.errors import ConfigurationError, VaultError
from cognify_core.model.digest import Digest
from cognify_core.model.names import utc_now
from cognify_core.vault.adopting import adopt
from cognify_core.vault.azure_errors import in_our_words
from cognify_core.vault.protocol import Finding, Lock, Mode, Reading
from cognify_core.vault.uri import VaultUri

ARCHIVE_TIER = "Cold"
"""The cheapest tier that is read at once; `Archive` takes hours to come back."""
_SAID = {Mode.COMPLIANCE: "Locked", Mode.GOVERNANCE: "Unlocked"}
_READ = {said.lower(): mode for mode, said in _SAID.items()}
_ONE_PUT = 256 << 20
"""Bytes that go in one request; more go in blocks, and the one that ends them carries condition and policy."""
_ETAG = "etag:"
"""A version is called so where the account keeps no versions: there the bytes of that tag are all there is."""


class AzureVault:
    """A `Vault` (see `protocol`, where the promises are) in an Azure container."""

    def __init__(self, where: VaultUri, container: Any) -> None:
        self.uri = where.place
        self._where = where
        self._container = container

    @classmethod
    def connect(cls, where: VaultUri) -> Self:
        """With a connection string of the environment, or a key or signature for `account_url`.

        Raises:
            ConfigurationError: there is neither.
        """
        from azure.storage.blob import ContainerClient

        manners = {"retry_total": 2, "connection_timeout": 10, "read_timeout": 60, "max_single_put_size": _ONE_PUT}
        account_url = where.options.get("account_url")
        if account_url is not None:
            credential = os.environ.get("AZURE_STORAGE_KEY") or os.environ.get("AZURE_STORAGE_SAS_TOKEN")
            return cls(where, ContainerClient(account_url, where.bucket, credential=credential, **manners))
        connection = os.environ.get("AZURE_STORAGE_CONNECTION_STRING")
        if connection is None:
            raise ConfigurationError(
                f"{where.place}: which account? Set AZURE_STORAGE_CONNECTION_STRING, or say account_url=… in the URI"
            )
        try:
            return cls(where, ContainerClient.from_connection_string(connection, where.bucket, **manners))
        except ValueError as error:  # its message shows the string
            raise ConfigurationError("AZURE_STORAGE_CONNECTION_STRING is no connection string") from error

    def put_once(self, key: str, data: bytes, lock: Lock) -> Reading:
        """Upload and lock in one request."""
        from azure.storage.blob import ContentSettings

        digest = Digest.of(data)
        checksum = bytearray(md5(data, usedforsecurity=False).digest())
        with in_our_words(self.uri, expected=409) as taken:
            answer = self._blob(key).upload_blob(
                data,
                overwrite=False,
                content_settings=ContentSettings("application/octet-stream", content_md5=checksum),
                validate_content=True,
                immutability_policy=_policy(lock.mode, lock.until),
                legal_hold=lock.held,
            )
        if taken:
            return adopt(self, key, digest, lock)
        return self.look(key, answer.get("version_id") or f"{_ETAG}{_plain(answer['etag'])}")

    def look(self, key: str, version: str) -> Reading:
        """Get the version's properties, and hash its bytes: Azure keeps no SHA-256."""
        there = self._there(key, version)
        now = utc_now()
        if there is None:
            return Reading(key, version, now)
        policy = there.immutability_policy
        mode = _READ.get(str(policy.policy_mode or "").lower()) if policy is not None else None
        return Reading(
            key=key,
            version=version,
            read_at=now,
            digest=Digest.of(self.read(key, version)),
            size=there.size,
            mode=mode,
            until=policy.expiry_time if mode else None,
            held=bool(there.has_legal_hold),
            tier=there.blob_tier,
        )

    def read(self, key: str, version: str) -> bytes:
        """Download the bytes."""
        if self._there(key, version) is None:
            raise VaultError(f"{self.uri}/{key} is not there in the version {version}")
        with in_our_words(self.uri):
            data: bytes = self._blob(key, version).download_blob(**_if_it_is(version)).readall()
        return data

    def extend(self, key: str, version: str, lock: Lock) -> Reading:
        """Set a policy that is longer, or stronger, where there is a lesser one."""
        there = self.look(key, version)
        if there.digest is None:
            return there
        mode = Mode.COMPLIANCE if Mode.COMPLIANCE in (there.mode, lock.mode) else lock.mode
        until = lock.until if there.until is None else max(there.until, lock.until)
        if (mode, until) != (there.mode, there.until):
            with in_our_words(self.uri, expected=501):  # a server without policies: what reads back says so
                self._blob(key, version).set_immutability_policy(_policy(mode, until))
        return self.hold(key, version, on=True) if lock.held else self.look(key, version)

    def hold(self, key: str, version: str, *, on: bool) -> Reading:
        """Put or lift a legal hold."""
        there = self.look(key, version)
        if there.digest is not None and there.held is not on:
            with in_our_words(self.uri, expected=501):
                self._blob(key, version).set_legal_hold(on)
        return self.look(key, version)

    def archive(self, days: int) -> str:
        """Set the tier of every blob that is older; a policy does not mind."""
        moved, before = 0, utc_now() - timedelta(days=days)
        with in_our_words(self.uri):
            for each in self._listed(""):
                if each.last_modified < before and each.blob_tier != ARCHIVE_TIER:
                    client = self._container.get_blob_client(each.name, version_id=each.version_id)
                    client.set_standard_blob_tier(ARCHIVE_TIER)
                    moved += 1
        return (
            f"what is older than {days} days lies in the tier {ARCHIVE_TIER}, which is read at once ({moved} moved now)"
        )

    def remove(self, key: str, version: str) -> None:
        """Delete the version."""
        if self._there(key, version) is not None:
            with in_our_words(self.uri, expected=404):
                self._blob(key, version).delete_blob(**_if_it_is(version))

    def versions(self, prefix: str = "") -> Iterator[tuple[str, str]]:
        """List all versions."""
        begin = f"{self._where.prefix}/" if self._where.prefix else ""
        with in_our_words(self.uri):
            for each in self._listed(prefix):
                yield each.name.removeprefix(begin), each.version_id or f"{_ETAG}{_plain(each.etag)}"

    def examine(self) -> list[Finding]:
        """Ask the container whether its blobs can be locked one by one."""
        with in_our_words(self.uri):
            there = self._container.get_container_properties()
        enabled = there.get("immutable_storage_with_versioning_enabled")
        if enabled is None:
            return [Finding("lock", None, "the container does not tell whether its versions can be locked")]
        return [Finding("lock", bool(enabled), f"version-level immutability is {'' if enabled else 'not '}enabled")]

    def _listed(self, prefix: str) -> Any:
        begin = f"{self._where.prefix}/" if self._where.prefix else ""
        return self._container.list_blobs(name_starts_with=begin + prefix, include=["versions"])

    def _there(self, key: str, version: str) -> Any:
        """The version's properties; none where it is not there."""
        blob = self._blob(key, version)
        with in_our_words(self.uri, expected=404) as missing:
            there = blob.get_blob_properties()
        if missing or (version.startswith(_ETAG) and _plain(there.etag) != version.removeprefix(_ETAG)):
            return None
        return there

    def _blob(self, key: str, version: str | None = None) -> Any:
        version_id = None if version is None or version.startswith(_ETAG) else version
        return self._container.get_blob_client(self._where.full_key(key), version_id=version_id)


def _policy(mode: Mode, until: Any) -> Any:
    from azure.storage.blob import ImmutabilityPolicy

    return ImmutabilityPolicy(expiry_time=until, policy_mode=_SAID[mode])


def _if_it_is(version: str) -> dict[str, Any]:
    """Conditions under which a request means that version and no other."""
    if not version.startswith(_ETAG):
        return {}
    from azure.core import MatchConditions

    return {"etag": f'"{version.removeprefix(_ETAG)}"', "match_condition": MatchConditions.IfNotModified}


def _plain(etag: str) -> str:
    return etag.strip('"')
