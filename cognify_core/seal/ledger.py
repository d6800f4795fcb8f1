"""The workspace's ledger: what is signed into it, the heads it is at, and proofs of what it holds.

A leaf is appended in the transaction that keeps what it speaks of: a run begins with its `opened`, a bundle is kept
with its `seal`, a run goes with its `tombstone`. So a crash leaves both or neither, and a retry finds what is there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from cognify_core.errors import FormatError
from cognify_core.merkle_nodes import inclusion_ranges, needed, proof
from cognify_core.model.digest import Digest
from cognify_core.model.events import Event, RunOpened, parse_event
from cognify_core.model.record import RecordManifest
from cognify_core.seal.bundle import Bundle
from cognify_core.seal.ledger_body import leaf_of
from cognify_core.seal.ledger_proof import LedgerProof
from cognify_core.seal.ledger_statements import (
    KEY_SUBJECT,
    OPENED_SUBJECT,
    OpenedPredicate,
    OpenedStatement,
    RotationPredicate,
    RotationStatement,
    TombstonePredicate,
    TombstoneStatement,
)
from cognify_core.seal.signed_tree import SignedTree
from cognify_core.seal.signing import PublicKey, Signer
from cognify_core.seal.statement import RECORD_SUBJECT, Statement, subjects
from cognify_core.store.protocol import Entry, Leaf, Place, Tombstone, TreeName


@dataclass(frozen=True)
class Ledger(SignedTree):
    """One workspace's ledger: leaves in a store, heads signed with the log's own key."""

    keys: tuple[PublicKey, ...] = ()
    """The keys that are known here: of an envelope that waits for its leaf, one of them signed it."""
    tree: ClassVar[TreeName] = "ledger"
    record: ClassVar[str | None] = None

    @property
    def size(self) -> int:
        """How many leaves there are."""
        return self.store.ledger_size(workspace=self.workspace)

    def entry(self, bundle: Bundle, key: PublicKey) -> Entry:
        """The leaf of a signed statement, to be appended together with its bundle, which then proves it.

        Raises:
            FormatError: it is not a statement that leaves have.
        """
        leaf = leaf_of(bundle, key)
        return Entry(leaf, lambda place: replace(bundle, log_entries=(self._placed(leaf, place).to_json(),)).encode())

    def prove(self, index: int, size: int | None = None) -> LedgerProof:
        """That leaf `index` stands in the ledger as of now, or of `size` leaves.

        Raises:
            IndexError: there is no such leaf.
            StoreError: the ledger lacks a node.
        """
        head = self.head(size)
        ranges = inclusion_ranges(index, head.head.size)
        kept = self.store.nodes(needed(ranges), workspace=self.workspace)
        (leaf,) = self.store.leaves(index, index + 1, workspace=self.workspace)
        return LedgerProof(leaf.body, index, tuple(proof(ranges, kept)), head, self.key.log_id)

    def _placed(self, leaf: Leaf, place: Place) -> LedgerProof:
        head = self.log.sign(place.size, place.root)
        return LedgerProof(leaf.body, place.position, place.proof, head, self.key.log_id)


def opened_leaf(first: bytes, signer: Signer) -> Leaf:
    """The leaf of a run that begins with the event `first`.

    Raises:
        FormatError: that is not a first event.
        SigningKeyError: the signer cannot sign.
    """
    event: Event = parse_event(first)
    if not isinstance(event.body, RunOpened):
        raise FormatError(f"not a first event: {event.body.kind!r} of {event.run_id}")
    opened = event.body
    predicate = OpenedPredicate(
        run_id=event.run_id, nonce=opened.nonce, opened_at=event.time, recorder=opened.recorder, amends=opened.amends
    )
    named = subjects({OPENED_SUBJECT: Digest.of(first)})
    return _signed(OpenedStatement(subject=named, predicate=predicate), signer)


def tombstone_leaf(stone: Tombstone, signer: Signer) -> Leaf:
    """The leaf of a run that was discarded.

    Raises:
        SigningKeyError: the signer cannot sign.
    """
    record = RecordManifest(stone.run_id, stone.size, stone.root)
    predicate = TombstonePredicate(
        run_id=stone.run_id, reason=stone.reason, discarded_at=stone.discarded_at, size=stone.size, root=stone.root
    )
    named = subjects({RECORD_SUBJECT: record.digest})
    return _signed(TombstoneStatement(subject=named, predicate=predicate), signer)


def rotation_leaf(old: Signer, new: PublicKey, reason: str, rotated_at: str) -> Leaf:
    """The leaf by which the key that signed until now introduces the one that signs from now on.

    Raises:
        SigningKeyError: the old signer cannot sign.
    """
    predicate = RotationPredicate(old=old.public_key.key_id, new=new.pem.decode(), reason=reason, rotated_at=rotated_at)
    return _signed(RotationStatement(subject=subjects({KEY_SUBJECT: Digest.of(new.pem)}), predicate=predicate), old)


def _signed(statement: Statement, signer: Signer) -> Leaf:
    return leaf_of(Bundle.signed(statement.encode(), signer), signer.public_key)
