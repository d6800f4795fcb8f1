"""The workspace's ledger, as people ask for it: its head, what it lists, proofs, and whether it holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cognify_core.api.workspace_tree import Where, WorkspaceTree
from cognify_core.errors import (
    CannotVerifyError,
    ConfigurationError,
    RunNotFoundError,
    RunStateError,
    StoreError,
)
from cognify_core.model.names import stamp_time, utc_now
from cognify_core.model.shown import plain
from cognify_core.seal.ledger import rotation_leaf
from cognify_core.seal.ledger_file import ProofFile, is_proof_file
from cognify_core.seal.ledger_statements import OpenedStatement, parse_leaf_statement
from cognify_core.seal.ledger_tiles import CHECKPOINT, PublishedLedger, Tiles, publish
from cognify_core.seal.notes import MAX_NOTE, SignedHead
from cognify_core.seal.shelves import read_file
from cognify_core.store.protocol import Leaf, LeafKind
from cognify_core.verify.ledger_check import Logs, OutsideHead
from cognify_core.verify.ledger_fsck import LedgerReport, check_whole_ledger
from cognify_core.verify.ledger_tree import Progress

if TYPE_CHECKING:
    from cognify_core.api.workspace import Workspace
    from cognify_core.seal.keys import KeyRing
    from cognify_core.seal.signing import PublicKey, Signer


@dataclass(frozen=True, slots=True)
class OpenRun:
    """A run that the ledger saw begin and has not seen sealed or discarded."""

    position: int
    run_id: str
    opened_at: str
    status: str | None
    """As the store has it; none where the run is gone from it."""


class WorkspaceLedger(WorkspaceTree):
    """What can be asked of the ledger of a workspace."""

    what = "ledger"
    leaves_are = "leaves"

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._ledger = workspace.ledger
        super().__init__(self._ledger)

    def leaves(self) -> Iterator[Leaf]:
        """Every leaf, in order."""
        return self._ledger.store.leaves()

    def open_runs(self) -> list[OpenRun]:
        """The runs that were begun, and neither sealed nor discarded; those that are gone from the store too."""
        rows = {row.run_id: str(row.status) for row in self._ledger.store.runs(addenda=True)}
        begun: dict[str, OpenRun] = {}
        for position, leaf in enumerate(self.leaves()):
            if leaf.kind == "opened":
                statement = parse_leaf_statement(leaf.payload)
                at = statement.predicate.opened_at if isinstance(statement, OpenedStatement) else ""
                begun[leaf.subject] = OpenRun(position, leaf.subject, at, rows.get(leaf.subject))
            elif leaf.kind in ("seal", "addendum", "tombstone"):
                begun.pop(leaf.subject, None)
        return list(begun.values())

    def check(self, head: Where | None = None, progress: Progress | None = None) -> LedgerReport:
        """Compute everything again, and hold the store against what the ledger lists.

        Raises:
            CannotVerifyError: the head cannot be read, or is of a log that is not pinned here.
            VerificationError: nobody signed the head.
        """
        trusted = tuple(self._workspace.ring.trusted())
        outside = None if head is None else self._own(head)
        return check_whole_ledger(self._ledger.store, trusted, head=outside, progress=progress)

    def publish(self, folder: Where) -> PublishedLedger:
        """Write the ledger as static files into a folder, below a URL or into a bucket, or bring them up to date.

        Raises:
            VerificationError: what was published there before is another history.
        """
        return publish(self._ledger, folder)

    def prove(self, wanted: str) -> tuple[int, ProofFile]:
        """The proof of a run's seal (of its beginning, where it is not sealed), or of a leaf by its number.

        Raises:
            RunNotFoundError: there is no such run or leaf.
            RunStateError: the ledger does not list the run.
        """
        if wanted.isascii() and wanted.isdigit() and len(wanted) < 16:
            if int(wanted) >= self._ledger.size:
                raise RunNotFoundError(f"the ledger has {self._ledger.size} leaves, and no leaf {wanted}")
            return int(wanted), ProofFile.of(self._ledger.prove(int(wanted)))
        run_id = self._workspace.find(wanted).run_id
        kinds: tuple[LeafKind, ...] = ("seal", "addendum", "opened")
        found = (self._ledger.store.find_leaf(kind, run_id) for kind in kinds)
        place = next((each for each in found if each is not None), None)
        if place is None:
            raise RunStateError(f"{run_id} is in no leaf of the ledger")
        return place[0], ProofFile.of(self._ledger.prove(place[0]))


@dataclass(frozen=True, slots=True)
class KeyRotation:
    """What a rotation came to."""

    old: str
    new: str
    leaf: int
    """The leaf by which the old key introduces the new one."""


def rotate(workspace: Workspace, reason: str, to: str | None = None) -> KeyRotation:
    """Have a new key sign from now on, introduced by a leaf that the old one signs; or the signer of a URI.

    Raises:
        ConfigurationError: no reason was given.
        SigningKeyError, StoreError: a key or the ledger cannot be written.
    """
    if not reason.strip():
        raise ConfigurationError("a key is rotated for a reason, which the ledger keeps: give one")
    store = workspace.ledger.store
    old = workspace.signer.public_key

    def introduce(signer: Signer, new: PublicKey) -> None:
        if store.find_leaf("rotation", new.key_id) is None:
            store.log([rotation_leaf(signer, new, reason, stamp_time(utc_now()))])

    ring = workspace.ring
    new = ring.rotate(introduce) if to is None else ring.hand_over(to, introduce)
    found = store.find_leaf("rotation", new.key_id)
    if found is None:
        raise StoreError(f"the ledger does not list the key {new.key_id}, which signs now: see `cognify ledger fsck`")
    return KeyRotation(old.key_id, new.key_id, found[0])


def known_logs(
    ring: KeyRing, head: Where | None, tiles: Where | None, own: Callable[[], WorkspaceLedger | None]
) -> Logs:
    """What is known of logs for a verification: the pinned ones, and the head from outside, verified.

    Args:
        ring: the keys.
        head: a head, or a `.tlog-proof`: a file, a URL or an object in a bucket.
        tiles: a published ledger, to get from one head to another; else the workspace's own, where it is the same log.
        own: opens that.

    Raises:
        CannotVerifyError: the head cannot be read, or is of a log that is not pinned here.
        VerificationError: nobody signed it.
    """
    pinned = ring.logs.trusted()
    if head is None:
        return Logs(pinned)
    data = read_file(head, MAX_NOTE + 1)
    proof = ProofFile.parse(data) if is_proof_file(data) else None
    note = SignedHead.parse(data) if proof is None else proof.head
    key = next((pin for pin in pinned if pin.origin == note.head.origin), None)
    if key is None:
        raise CannotVerifyError(
            f"{head} is a head of the log {plain(note.head.origin)}, which is not pinned here: pin its key with "
            "`cognify keys trust FILE`"
        )
    note.verify(key)
    if proof is not None:
        return Logs(pinned, OutsideHead(note.head, key, index=proof.index, hashes=proof.hashes))
    if tiles is None and str(head).endswith(f"/{CHECKPOINT}") and "://" in str(head):
        tiles = str(head).removesuffix(f"/{CHECKPOINT}")  # where a head was published its tiles are
    if tiles is not None:
        return Logs(pinned, OutsideHead(note.head, key, Tiles(tiles).consistency))
    mine = own()
    if mine is None or mine.key != key:
        return Logs(pinned, OutsideHead(note.head, key))
    mine.refuse_rolled_back(note.head)
    return Logs(pinned, OutsideHead(note.head, key, mine.between))
