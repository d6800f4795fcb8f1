"""Which time stamping authorities this workspace asks, and timestamps that come after the seal."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cognify_core.api.evidence_file import SUFFIX, add_evidence, read_evidence
from cognify_core.canonical import Json, encode, parse
from cognify_core.errors import (
    CognifyError,
    ConfigurationError,
    FormatError,
    RunStateError,
    TimestampError,
    VerificationError,
)
from cognify_core.model.digest import Digest
from cognify_core.model.names import stamp_time, utc_now
from cognify_core.seal.timestamping import Clock, ask, check_url
from cognify_core.seal.timestamps import MOST, Timestamp
from cognify_core.verify.timestamp_check import LATE, late_fact, read_late

if TYPE_CHECKING:
    from cognify_core.api.workspace import Workspace
    from cognify_core.seal.authorities import Authority
    from cognify_core.seal.keys import KeyRing
    from cognify_core.settings import Settings
    from cognify_core.store.protocol import Store

_TRIAL = b"cognify: a trial"


@dataclass(frozen=True, slots=True)
class Trial:
    """What an authority said when it was tried."""

    url: str
    authority: str | None
    time: str | None
    pinned: bool
    """Whether its root is pinned here; else its timestamps say nothing here."""
    error: str | None


@dataclass(frozen=True, slots=True)
class Renewal:
    """Timestamps that were added beside a package."""

    evidence: Path
    timestamps: tuple[Timestamp, ...]
    failures: tuple[str, ...]


def clock_in_force(settings: Settings, store: Store, ring: KeyRing) -> Clock:
    """The authorities that are asked at a seal, and those that are believed.

    Raises:
        SigningKeyError: the pinned ones do not read.
    """
    urls = urls_in_force(settings, store)
    return Clock(urls, ring.authorities.trusted() if urls else (), settings.timestamp_seconds)


def urls_in_force(settings: Settings, store: Store) -> tuple[str, ...]:
    """`COGNIFY_TIMESTAMP_URLS`, else what `cognify timestamp set` said, else none."""
    if settings.timestamp_urls is not None:
        return settings.timestamp_urls
    known = store.policies("timestamps")
    said = parse(known[-1].policy) if known else []
    return tuple(map(str, said)) if isinstance(said, list) else ()


def set_urls(store: Store, urls: Sequence[str]) -> tuple[str, ...]:
    """Say which authorities this workspace asks. Nothing is asked of them: `try_authorities` does that.

    Raises:
        ConfigurationError: one is no URL, holds a secret, or stands there twice.
    """
    checked = tuple(map(check_url, urls))
    if len(set(checked)) != len(checked) or len(checked) > MOST:
        raise ConfigurationError(f"name each authority once, and {MOST} at most")
    store.put_policy("timestamps", encode(list(checked)), stamp_time(utc_now()))
    return checked


def try_authorities(workspace: Workspace, urls: Sequence[str]) -> list[Trial]:
    """Ask each of these, or of those in force, for a timestamp over nothing of importance."""
    clock = workspace.clock
    trusted = workspace.ring.authorities.trusted()
    return [_tried(url, trusted, clock.seconds) for url in (urls or clock.urls)]


def _tried(url: str, trusted: Sequence[Authority], seconds: float) -> Trial:
    message = _TRIAL + str(time.time_ns()).encode()
    try:
        stamp = ask(check_url(url), message, (), seconds)
    except CognifyError as error:
        return Trial(url, None, None, pinned=False, error=str(error))
    try:
        stamp.check(message, trusted)
    except CognifyError as error:
        return Trial(url, stamp.authority, stamp.told, pinned=False, error=str(error))
    return Trial(url, stamp.authority, stamp.told, pinned=True, error=None)


def package_of(workspace: Workspace, target: str | Path) -> Path:
    """The package file that is meant: by its path, or the newest of a run.

    Raises:
        RunNotFoundError, RunStateError: there is no such file and no such run, or it has no package.
    """
    path = Path(target)
    if path.is_file():
        return path
    run_id = workspace.find(str(target)).run_id
    receipts = workspace.store.receipts(run_id)
    if not receipts:
        raise RunStateError(f"{run_id} has no package yet: make one with `cognify export {run_id}`")
    return Path(receipts[-1].path)


def renew(workspace: Workspace, package: Path) -> Renewal:
    """Have a package dated anew, beside it: over its bytes the first time, then over the newest timestamp before.

    Raises:
        RunStateError: no authority is configured.
        ConfigurationError: a file cannot be read or written.
        FormatError: what stands beside the package is damaged, or of another.
        TimestampError: none of the authorities gave a timestamp; nothing is written.
    """
    clock = workspace.clock
    if not clock.urls:
        raise RunStateError("no time stamping authority is configured: name one with `cognify timestamp set URL`")
    try:
        data = package.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{package} cannot be read: {error.strerror}") from error
    package_hash = Digest.of(data)
    over = _newest(data, read_evidence(package.with_name(package.name + SUFFIX), package_hash))
    stamped = clock.stamp(over)
    if not stamped.timestamps:
        raise TimestampError(f"no timestamp for {package}: {'; '.join(stamped.failures)}")
    facts = [late_fact(stamp, over) for stamp in stamped.timestamps]
    return Renewal(add_evidence(package, package_hash, facts), stamped.timestamps, stamped.failures)


def _newest(data: bytes, facts: Sequence[dict[str, Json]]) -> bytes:
    """What the next timestamp is over: the newest one that leads back to the package, else the package."""
    covered, newest = {str(Digest.of(data)): data}, data
    for fact in facts:
        if fact.get("kind") == LATE:
            try:
                stamp, _ = read_late(fact, covered)
            except (FormatError, VerificationError):
                continue  # `verify` says so
            newest = covered[str(Digest.of(stamp.data))] = stamp.data
    return newest
