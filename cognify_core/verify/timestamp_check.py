"""Timestamps, in a bundle or beside a package: whose they are, what they are for, and whether they hold.

One that is for other bytes, or does not hold under its own root, is a contradiction. One whose root nobody here pinned
says nothing: anybody may run an authority.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cognify_core.canonical import Json
from cognify_core.errors import CannotVerifyError, CognifyError, FormatError
from cognify_core.model.digest import Digest
from cognify_core.seal.authorities import Authority
from cognify_core.seal.bundle import Bundle
from cognify_core.seal.encoding import base64_text, strict_base64
from cognify_core.seal.timestamps import Timestamp, read_timestamps
from cognify_core.verify.report import Finding, contradicts, holds, unchecked

TOLERANCE = timedelta(minutes=5)
"""By how much a signer's clock may be ahead of an authority's."""
LATE = "timestamp"
"""The kind of the facts in `<package>.evidence.json` that are timestamps."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """What is known here of authorities."""

    pinned: tuple[Authority, ...] = ()
    required: bool = False
    """Whether every seal must have a timestamp that holds."""
    now: datetime | None = None
    """What time it is where this is checked; none: no time is held against it."""

    def is_to_come(self, stamp: Timestamp) -> bool:
        """Whether a timestamp tells a time that is not there yet: an authority that does so dates nothing."""
        return self.now is not None and stamp.time - self.now > TOLERANCE


NO_CLOCKS = Clocks()
_TO_COME = "a time that is not there yet, so one of these clocks is wrong"


def check_timestamps(bundle: Bundle, clocks: Clocks, what: str) -> Iterator[Finding]:
    """Check the timestamps that a bundle carries over its signature; of one that carries none there is nothing to tell.

    Args:
        bundle: the bundle, opened.
        clocks: what is known here of authorities.
        what: what the bundle is, as in `the seal`.
    """
    try:
        stamps = read_timestamps(bundle.timestamps)
    except FormatError as error:
        yield contradicts("timestamp", f"{what}: {error}", "anchor")
        return
    held: list[str] = []
    unknown: list[str] = []
    for stamp in stamps:
        try:
            stamp.check(bundle.signature, clocks.pinned)
        except CannotVerifyError:
            unknown.append(f"{stamp.told} by {stamp.authority}")
        except CognifyError as error:
            yield contradicts("timestamp", f"{what}: {error}", "anchor")
        else:
            if clocks.is_to_come(stamp):
                yield unchecked("timestamp", f"{what}: {stamp.authority} tells {stamp.told}: {_TO_COME}", "anchor")
            else:
                held.append(f"{stamp.told}, as {stamp.authority} signed")
    for told in held:
        yield holds("timestamp", f"{what}: timestamp: its signature was there at {told}", "anchor")
    for told in unknown:
        words = f"{what}: carries a timestamp of {told}, whose root nobody here pinned"
        if held:
            yield holds("timestamp_other", f"{words}; it does not count", "anchor")
        else:
            yield unchecked("timestamp", f"{words}: `cognify keys trust ROOT.pem` pins it", "anchor")


def check_claimed_time(bundle: Bundle, clocks: Clocks, sealed_at: str, what: str) -> Iterator[Finding]:
    """Hold the signer's clock against those of trusted authorities: a signature is not there before it is made."""
    try:
        claimed = datetime.strptime(sealed_at, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        for stamp in read_timestamps(bundle.timestamps):
            stamp.check(bundle.signature, clocks.pinned)
            if claimed - stamp.time > TOLERANCE:
                told = f"{what}: says that it was made at {sealed_at}, and {stamp.authority} saw it at {stamp.told}"
                yield unchecked("timestamp", f"{told}: one of these clocks is wrong", "anchor")
    except (CognifyError, ValueError):
        return  # has been reported


def late_fact(stamp: Timestamp, over: bytes) -> dict[str, Json]:
    """A timestamp over a package, or over the timestamp before, as the file beside the package has it."""
    return {
        "kind": LATE,
        "over": str(Digest.of(over)),
        "signedTimestamp": base64_text(stamp.data),
        "time": stamp.told,
        "authority": stamp.authority,
    }


def read_late(fact: dict[str, Json], covered: Mapping[str, bytes]) -> tuple[Timestamp, bytes]:
    """The timestamp of a fact, and the bytes that it is over; whose it is has not been checked.

    Args:
        fact: one of the kind `LATE`.
        covered: by their digest the package and the timestamps before this one.

    Raises:
        FormatError: it is over nothing of these, stands there already, or the fact tells it otherwise.
        VerificationError: it is for other bytes.
    """
    stamp = Timestamp.parse(strict_base64(str(fact.get("signedTimestamp"))))
    over = covered.get(str(fact.get("over")))
    if over is None:
        raise FormatError("it is neither over the package nor over a timestamp before it")
    if str(Digest.of(stamp.data)) in covered:
        raise FormatError("it stands there already")
    if fact != late_fact(stamp, over):
        raise FormatError(f"what stands beside it is not what it tells: {stamp.told}, by {stamp.authority}")
    stamp.check_imprint(over)
    return stamp, over


def check_late(data: bytes, facts: Sequence[dict[str, Json]], clocks: Clocks) -> list[Finding]:
    """Check the timestamps that stand beside a package: over its bytes, or over the one before.

    Nobody signs that file: what of it does not hold counts for nothing, and contradicts nothing.
    """
    covered, findings = {str(Digest.of(data)): data}, list[Finding]()
    for number, fact in enumerate((each for each in facts if each.get("kind") == LATE), start=1):
        what = f"timestamp {number} beside the package"
        try:
            stamp, over = read_late(fact, covered)
            stamp.check(over, clocks.pinned)
            if clocks.is_to_come(stamp):
                raise FormatError(f"{stamp.authority} tells {stamp.told}: {_TO_COME}")
        except CognifyError as error:
            findings.append(unchecked("late_timestamp", f"{what}: {error}; it does not count", "anchor"))
        else:
            covered[str(Digest.of(stamp.data))] = stamp.data
            told = "the package" if over is data else "the timestamp before it"
            words = f"{what}: {told} was there at {stamp.told}, as {stamp.authority} signed"
            findings.append(holds("late_timestamp", words, "anchor"))
    return findings
