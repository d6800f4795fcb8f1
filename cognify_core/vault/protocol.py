"""What a vault promises. One contract test class (`tests/vault/contract.py`) holds every implementation to it.

The promise is small: bytes go in once, and after every put the lock that lies on them is *read back*, by version. What
is said of an object is what was read, never what was asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from cognify_core.model.digest import Digest


class Mode(StrEnum):
    """How strong a lock is."""

    GOVERNANCE = "GOVERNANCE"
    """Holds for all but those to whom the account gives the right to lift it."""
    COMPLIANCE = "COMPLIANCE"
    """Holds for everybody; the storage API lets nobody shorten it, the account's owner included."""


class LockState(StrEnum):
    """What was found of a lock, from best to worst."""

    LOCKED = "locked"
    """At least the mode and the date that were asked for."""
    RETAINED = "retained-by-default"
    """A lock holds, but a weaker or a shorter one than was asked for, as a bucket's default gives it."""
    UNLOCKED = "unlocked"
    """The bytes are there, and nothing holds them."""
    EXPIRED = "expired"
    """The bytes are there; the lock ended."""
    MISSING = "missing"
    """That version is not there, or has other bytes."""


@dataclass(frozen=True, slots=True)
class Lock:
    """What is asked of a vault."""

    mode: Mode
    until: datetime
    """UTC, whole seconds."""
    held: bool = False
    """Also a hold without a date: nothing goes while it is on."""

    def __post_init__(self) -> None:
        if self.until.tzinfo is None or self.until.microsecond:
            raise ValueError("a lock ends at a time in UTC, in whole seconds")

    def outlasts(self, other: Lock) -> bool:
        """Whether it holds for longer than another one: until a later day, or with a hold that the other has not."""
        return self.until > other.until or (self.held and not other.held)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a vault said of one version of one object, at one time. Every field is as it was read."""

    key: str
    """Within the vault."""
    version: str
    """By this it is found again, whatever is put over it or deleted from above it."""
    read_at: datetime
    digest: Digest | None = None
    """Of the bytes that are there; none where they are not."""
    size: int = 0
    mode: Mode | None = None
    until: datetime | None = None
    held: bool = False
    tier: str | None = None
    """The storage class, where the vault has several."""

    def state(self, asked: Lock, digest: Digest) -> LockState:
        """How this compares with what was asked for of the bytes with that digest."""
        if self.digest != digest:
            return LockState.MISSING
        if self.mode is None or self.until is None:
            return LockState.UNLOCKED
        if self.until <= self.read_at:
            return LockState.EXPIRED
        weaker = asked.mode is Mode.COMPLIANCE and self.mode is not Mode.COMPLIANCE
        if weaker or self.until < asked.until or (asked.held and not self.held):
            return LockState.RETAINED
        return LockState.LOCKED


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that an examination of a vault found."""

    name: str
    ok: bool | None
    """None: it could not be found out, or it is only worth knowing."""
    detail: str


class Vault(Protocol):
    """Objects that are put once and kept until a day.

    Trusted for keeping bytes, as far as the lock goes that was read back, and for nothing else: what the bytes are is
    told by their digest. A lock binds the storage API; whoever closes the account, or has the disk below the server, is
    outside it. Keys are those of `keys.object_key`. Every method that names a version means that version and no other.

    All methods raise `VaultUnavailableError` where trying again may help, and `VaultError` where it will not.
    """

    @property
    def uri(self) -> str:
        """Where it is, without options and secrets; it ends in no slash."""

    def put_once(self, key: str, data: bytes, lock: Lock) -> Reading:
        """Put `data` there with its lock, in one request, and read back what is there; durable when this returns.

        Where the key has those very bytes already (a put whose answer was lost), nothing is put a second time: that
        version is given the lock, if it has a lesser one, and read back.

        Raises `VaultConflictError` where the key has other bytes, which stay.
        """

    def look(self, key: str, version: str) -> Reading:
        """What is there now. Not there: a reading without a digest."""

    def read(self, key: str, version: str) -> bytes:
        """The bytes. Raises `VaultError` where they are not there."""

    def extend(self, key: str, version: str, lock: Lock) -> Reading:
        """Make the lock at least as long and as strong as `lock`; it is never made lesser. Read back what is there."""

    def hold(self, key: str, version: str, *, on: bool) -> Reading:
        """Put a hold without a date on it, or take it off. Read back what is there."""

    def archive(self, days: int) -> str:
        """See to it that what was put more than `days` ago moves to a cheaper class that is still read at once.

        Returns what was done, or why nothing can be, in words.
        """

    def remove(self, key: str, version: str) -> None:
        """Delete that version for good, as far as no lock holds it; no lock is ever lifted for that.

        Raises `VaultRefusedError` where one does. A version that is not there is no error.
        """

    def versions(self, prefix: str = "") -> Iterator[tuple[str, str]]:
        """The key and version of everything that is there, under whatever was put or deleted above it."""

    def examine(self) -> list[Finding]:
        """Look at the vault itself: is it there, does it keep versions, can it lock. Nothing is put."""
