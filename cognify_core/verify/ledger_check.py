"""A seal's or a receipt's place in a ledger: is it there, under a head that a log signed which somebody here pinned?

The seal names its log, so that a proof cannot be taken away or given by another log without a contradiction. Whether
that log is one to be believed is for whoever pins its key. With a head from outside, more is known: the ledger that
the head speaks of holds the seal, and is the one that proved it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from cognify_core.errors import CognifyError, FormatError, VerificationError
from cognify_core.merkle import leaf_hash, verify_consistency, verify_inclusion
from cognify_core.seal.bundle import Bundle
from cognify_core.seal.ledger_body import leaf_of
from cognify_core.seal.ledger_proof import LedgerProof
from cognify_core.seal.notes import Head, LogKey
from cognify_core.seal.signing import PublicKey
from cognify_core.verify.report import Finding, contradicts, holds, unchecked
from cognify_core.verify.timestamp_check import NO_CLOCKS, Clocks

Between: TypeAlias = Callable[[int, int], Sequence[bytes] | None]
"""The consistency proof between two sizes; none where there is nothing to make one of."""


@dataclass(frozen=True, slots=True)
class OutsideHead:
    """A head that came from outside, verified under a pinned key, and how to get from a seal's head to it."""

    head: Head
    key: LogKey
    between: Between | None = None
    index: int | None = None
    """Of a proof file: the leaf that it is of."""
    hashes: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Logs:
    """What is known here of logs, and of the authorities that date what goes into them."""

    pinned: tuple[LogKey, ...] = ()
    outside: OutsideHead | None = None
    clocks: Clocks = NO_CLOCKS
    elsewhere: bool = False
    """Whether the ledger lies with a server, so that the store beside a run has none to be asked."""


NO_LOGS = Logs()


def check_ledger(bundle: Bundle, key: PublicKey | None, named: str | None, logs: Logs, what: str) -> Iterator[Finding]:
    """Check that a bundle's leaf is where the bundle says, under a head of the log that its statement names.

    Args:
        bundle: the bundle, opened.
        key: the key that made its signature; none where that is not known.
        named: the key of the log that its statement names; none of one that names none.
        logs: what is known here.
        what: what the bundle is, as in `the seal`.
    """
    if not bundle.log_entries:
        yield _in_none(named, what)
        return
    if key is None:
        yield unchecked("ledger", f"{what}: its leaf holds the signature, which could not be checked", "ledger")
        return
    try:
        proof, log = _proof_of(bundle, key, named, logs)
    except CognifyError as error:
        yield contradicts("ledger_proof", f"{what}: its place in a ledger is not proved: {error}", "ledger")
        return
    if log is None:
        yield unchecked("proofs", f"{what}: carries the proof of a ledger that it does not name and nobody here pinned")
        yield unchecked("ledger", f"{what}: is in a ledger that is not known here", "ledger")
        return
    place = f"leaf {proof.index} of {proof.head.head.size} under a head of {log.origin}"
    if log in logs.pinned:
        yield holds("ledger", f"{what}: {place}", "ledger")
    else:
        told = "which the seal names and nobody here pinned; its key is"
        yield unchecked("ledger", f"{what}: {place}, {told} {log}; `cognify keys trust FILE` pins it", "ledger")
    if logs.outside is not None:
        yield _under_outside(proof, logs.outside, what)


def _in_none(named: str | None, what: str) -> Finding:
    if named is None:
        return unchecked("ledger", f"{what} is in no ledger", "ledger")
    told = f"names the ledger {named[:120]}, and the proof of its place there was taken away"
    return contradicts("ledger_missing", f"{what}: {told}", "ledger")


def _proof_of(bundle: Bundle, key: PublicKey, named: str | None, logs: Logs) -> tuple[LedgerProof, LogKey | None]:
    """The proof, checked, and the log whose signature is under its head; none where that log is not known.

    Raises:
        CognifyError: something of it does not hold.
    """
    if len(bundle.log_entries) != 1:
        raise FormatError(f"there are {len(bundle.log_entries)} entries, and not one")
    proof = LedgerProof.parse(bundle.log_entries[0])
    proof.check(leaf_of(bundle, key).body)
    log = next((pin for pin in logs.pinned if pin.log_id == proof.log_id), None)
    if named is not None:
        said = LogKey.parse(named)
        if said.log_id != proof.log_id:
            raise VerificationError(f"it was signed for the ledger {said.origin}, and the proof is of another")
        log = said
    if log is not None:
        proof.head.verify(log)
    return proof, log


def _under_outside(proof: LedgerProof, outside: OutsideHead, what: str) -> Finding:
    """Whether the ledger that a head from outside speaks of holds this leaf."""
    mine, theirs = proof.head.head, outside.head
    if mine.origin != theirs.origin or proof.log_id != outside.key.log_id:
        told = f"{what}: is in the ledger {mine.origin}, and the head from outside is one of {theirs.origin}"
        return unchecked("head", told, "anchor")
    place = f"the published head of {theirs.size} leaves"
    try:
        if outside.index is not None:
            if outside.index != proof.index:
                return unchecked("head", f"{what}: the proof given is of leaf {outside.index}", "anchor")
            verify_inclusion(leaf_hash(proof.body), proof.index, theirs.size, outside.hashes, theirs.root)
        elif not _leads(mine, theirs, outside.between):
            told = f"nothing here leads from {mine.size} leaves to {place}: give a published ledger, or a proof file"
            return unchecked("head", f"{what}: {told}", "anchor")
    except VerificationError as error:
        return contradicts("head", f"{what}: is not in the ledger of {place}: {error}", "anchor")
    if theirs.size <= proof.index:
        return unchecked("head", f"{what}: {place} is of the same ledger, and older than leaf {proof.index}", "anchor")
    return holds("head", f"{what}: published head: {place} covers leaf {proof.index}", "anchor")


def _leads(mine: Head, theirs: Head, between: Between | None) -> bool:
    """Whether a proof was found that two heads are of one history, and holds.

    Raises:
        VerificationError: they are not of one history.
    """
    old, new = (mine, theirs) if mine.size <= theirs.size else (theirs, mine)
    path: Sequence[bytes] | None = ()
    if old.size != new.size:
        path = between(old.size, new.size) if between and old.size else None
    if path is None:
        return False
    verify_consistency(old.size, new.size, old.root, new.root, path)
    return True
