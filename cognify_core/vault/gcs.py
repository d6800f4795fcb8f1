"""GCS Object Retention. A lock lies on one generation of an object; the bucket was made with object retention.

One insert carries the bytes, `ifGenerationMatch=0`, their CRC32C, and the retention; a hold is put on afterwards.
`Locked` is COMPLIANCE, `Unlocked` is GOVERNANCE. It needs `storage.objects.create`, `get`, `list`, `update`,
`setRetention` and, for a stronger lock alone, `overrideUnlockedRetention`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

from cognify_core.errors import VaultError
from cognify_core.model.digest import Digest
from cognify_core.model.names import utc_now
from cognify_core.vault.adopting import adopt
from cognify_core.vault.gcs_errors import SECONDS, in_our_words, retrying
from cognify_core.vault.protocol import Finding, Lock, Mode, Reading
from cognify_core.vault.uri import VaultUri

ARCHIVE_CLASS = "ARCHIVE"
"""The cheapest class; on GCS every class is read at once."""
_SAID = {Mode.COMPLIANCE: "Locked", Mode.GOVERNANCE: "Unlocked"}
_READ = {said: mode for mode, said in _SAID.items()}


class GcsVault:
    """A `Vault` (see `protocol`, where the promises are) in a GCS bucket."""

    def __init__(self, where: VaultUri, client: Any) -> None:
        self.uri = where.place
        self._where = where
        self._bucket = client.bucket(where.bucket)

    @classmethod
    def connect(cls, where: VaultUri) -> Self:
        """With the credentials that Google's client finds; `STORAGE_EMULATOR_HOST` names an emulator.

        Raises:
            VaultError: there are no credentials.
        """
        from google.cloud import storage

        endpoint = where.options.get("endpoint_url")
        with in_our_words(where.place):
            client = storage.Client(
                project=where.options.get("project"),
                client_options=None if endpoint is None else {"api_endpoint": endpoint},
            )
        return cls(where, client)

    def put_once(self, key: str, data: bytes, lock: Lock) -> Reading:
        """Insert and retain in one request."""
        blob, digest = self._blob(key), Digest.of(data)
        blob.retention.mode, blob.retention.retain_until_time = _SAID[lock.mode], lock.until
        with in_our_words(self.uri, expected=412) as taken:
            blob.upload_from_string(
                data,
                content_type="application/octet-stream",
                if_generation_match=0,
                checksum="crc32c",
                timeout=SECONDS,
                retry=retrying(),
            )
        if taken:
            return adopt(self, key, digest, lock)
        version = str(blob.generation)
        return self.hold(key, version, on=True) if lock.held else self.look(key, version)

    def look(self, key: str, version: str) -> Reading:
        """Reload the generation's properties, and hash its bytes: GCS keeps no SHA-256."""
        blob = self._there(key, version)
        now = utc_now()
        if blob is None:
            return Reading(key, version, now)
        mode = _READ.get(blob.retention.mode)
        return Reading(
            key=key,
            version=version,
            read_at=now,
            digest=Digest.of(self._bytes(blob)),
            size=blob.size,
            mode=mode,
            until=blob.retention.retain_until_time if mode else None,
            held=bool(blob.temporary_hold or blob.event_based_hold),
            tier=blob.storage_class,
        )

    def read(self, key: str, version: str) -> bytes:
        """Download the bytes."""
        blob = self._there(key, version)
        if blob is None:
            raise VaultError(f"{self.uri}/{key} is not there in the version {version}")
        return self._bytes(blob)

    def extend(self, key: str, version: str, lock: Lock) -> Reading:
        """Set a retention that is longer, or stronger, where there is a lesser one."""
        blob = self._there(key, version)
        if blob is None:
            return self.look(key, version)
        there, until = _READ.get(blob.retention.mode), blob.retention.retain_until_time
        mode = Mode.COMPLIANCE if Mode.COMPLIANCE in (there, lock.mode) else lock.mode
        longer = lock.until if until is None else max(until, lock.until)
        if (mode, longer) != (there, until):
            blob.retention.mode, blob.retention.retain_until_time = _SAID[mode], longer
            stronger = there is Mode.GOVERNANCE and mode is Mode.COMPLIANCE
            with in_our_words(self.uri):
                blob.patch(override_unlocked_retention=stronger, timeout=SECONDS)
        return self.hold(key, version, on=True) if lock.held else self.look(key, version)

    def hold(self, key: str, version: str, *, on: bool) -> Reading:
        """Put or lift a temporary hold."""
        blob = self._there(key, version)
        if blob is not None and bool(blob.temporary_hold) is not on:
            blob.temporary_hold = on
            with in_our_words(self.uri):
                blob.patch(timeout=SECONDS)
        return self.look(key, version)

    def archive(self, days: int) -> str:
        """Set a lifecycle rule: rewriting an object into another class would make a generation without its lock."""
        prefix = [f"{self._where.prefix}/"] if self._where.prefix else []
        with in_our_words(self.uri):
            self._bucket.reload(timeout=SECONDS)
            self._bucket.lifecycle_rules = [rule for rule in self._bucket.lifecycle_rules if not _is_ours(rule, prefix)]
            more = {"matches_prefix": prefix} if prefix else {}
            self._bucket.add_lifecycle_set_storage_class_rule(ARCHIVE_CLASS, age=days, **more)
            self._bucket.patch(timeout=SECONDS)
        return f"a lifecycle rule moves what is older than {days} days to {ARCHIVE_CLASS}, which is read at once"

    def remove(self, key: str, version: str) -> None:
        """Delete the generation."""
        with in_our_words(self.uri, expected=404):
            self._blob(key, version).delete(timeout=SECONDS)

    def versions(self, prefix: str = "") -> Iterator[tuple[str, str]]:
        """List all generations."""
        begin = f"{self._where.prefix}/" if self._where.prefix else ""
        with in_our_words(self.uri):
            for blob in self._bucket.list_blobs(prefix=begin + prefix, versions=True, timeout=SECONDS):
                yield blob.name.removeprefix(begin), str(blob.generation)

    def examine(self) -> list[Finding]:
        """Ask the bucket whether its objects can be retained, and what it retains by itself."""
        with in_our_words(self.uri):
            self._bucket.reload(timeout=SECONDS)
        enabled = self._bucket.object_retention_mode == "Enabled"
        findings = [Finding("lock", enabled, f"object retention is {'enabled' if enabled else 'not enabled'}")]
        if period := self._bucket.retention_period:
            fixed = ", and locked for good" if self._bucket.retention_policy_locked else ""
            findings.append(Finding("default", None, f"the bucket retains everything for {period} seconds{fixed}"))
        return findings

    def _there(self, key: str, version: str) -> Any:
        """The generation with its properties; none where it is not there."""
        if not version.isdecimal():
            return None
        blob = self._blob(key, version)
        with in_our_words(self.uri, expected=404) as missing:
            blob.reload(timeout=SECONDS, retry=retrying())
        return None if missing else blob

    def _bytes(self, blob: Any) -> bytes:
        with in_our_words(self.uri):
            data: bytes = blob.download_as_bytes(raw_download=True, timeout=SECONDS, retry=retrying())
        return data

    def _blob(self, key: str, version: str | None = None) -> Any:
        return self._bucket.blob(self._where.full_key(key), generation=None if version is None else int(version))


def _is_ours(rule: Any, prefix: list[str]) -> bool:
    action, condition = rule.get("action", {}), rule.get("condition", {})
    moves = (action.get("type"), action.get("storageClass")) == ("SetStorageClass", ARCHIVE_CLASS)
    return moves and (condition.get("matchesPrefix") or []) == prefix and set(condition) <= {"age", "matchesPrefix"}
