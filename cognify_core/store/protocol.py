"""What a store promises. One contract test class (`tests/store/contract.py`) holds every implementation to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from cognify_core.merkle_nodes import Node
from cognify_core.model.digest import Digest
from cognify_core.model.events import Draft
from cognify_core.model.record import Freeze, Status
from cognify_core.store.access_log import AccessLog
from cognify_core.store.finding import Counts, Glance, Wanted
from cognify_core.store.keeping import Keeping
from cognify_core.store.mentions import Mentions
from cognify_core.store.tenancy import Tenancy
from cognify_core.store.visitors import Visitors
from cognify_core.store.working import Working
from cognify_core.store.written import Written


@dataclass(frozen=True, slots=True)
class RunRow:
    """What a store knows of a run. A view for listing: evidence is the record and the bundle, never this row."""

    run_id: str
    nonce: str
    workspace: str
    project: str
    name: str | None
    opened_at: str
    status: Status
    """SEALED once a bundle is stored; else from `run_closed`; else RUNNING."""
    complete: bool | None
    """As `run_closed` says; none while the run is open."""
    size: int
    amends: str | None = None
    ordinal: int | None = None
    freeze: Freeze | None = None


@dataclass(frozen=True, slots=True)
class Owner:
    """A process that writes a run, so that a later one can tell whether it still lives."""

    host: str
    boot_id: str
    pid: int
    started: str
    """Clock ticks since boot, from `/proc/<pid>/stat`: a pid alone is used again."""
    rank: int = 0
    """Which of the processes that train one model together it is; one that trains alone is rank 0."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The signed statement over one package file, and what the package was rendered from."""

    package_hash: Digest
    run_id: str
    format: str
    template: str | None
    renderer: str
    addenda: tuple[Digest, ...]
    """Statement digests of the addenda within, in order."""
    path: str
    bundle: bytes


@dataclass(frozen=True, slots=True)
class Opening:
    """The clear value behind a commitment, and the random bytes that open it. Erasable; never part of a record."""

    commitment: str
    label: str
    random: bytes
    value: str


@dataclass(frozen=True, slots=True)
class ProfileVersion:
    """What an organisation said of itself or of one project at a time; earlier versions stay."""

    version: int
    """From 1 on."""
    profile: bytes
    """Canonical JSON in the form of `cognify_core.model.profile.Profile`."""
    saved_at: str


@dataclass(frozen=True, slots=True)
class Tombstone:
    """What is left of a discarded run."""

    run_id: str
    reason: str
    discarded_at: str
    size: int
    root: str


TreeName: TypeAlias = Literal["ledger", "accesses"]
"""Which of the two logs of a workspace."""
LeafKind: TypeAlias = Literal["opened", "seal", "addendum", "receipt", "tombstone", "rotation"]
OF_WHAT_IS_GONE: tuple[LeafKind, ...] = ("opened", "tombstone")
"""By these a ledger tells of a run that is not there any more."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """What goes into the ledger: a statement, and who signed it. At most one of each (kind, subject)."""

    kind: LeafKind
    subject: str
    """The run's id; of a receipt the package hash, of a rotation the new key's id."""
    payload: bytes
    """The statement. It stays here; what is published is the body."""
    body: bytes
    """What is hashed: the payload's digest, its signature and the key, as Rekor v2 writes them."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a leaf stands, and the proof of it in the ledger of `size` leaves."""

    position: int
    size: int
    root: bytes
    proof: tuple[bytes, ...]
    """The inclusion proof (RFC 9162 §2.1.3.1)."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A leaf that is appended in the transaction that keeps what it speaks of."""

    leaf: Leaf
    finish: Callable[[Place], bytes]
    """The bundle to be kept, of where the leaf came to stand."""


class Store(AccessLog, Keeping, Mentions, Tenancy, Visitors, Working, Protocol):
    """Records, one append-only sequence of event bytes per run, and the bytes that belong to them.

    Not trusted: whoever can write to it can destroy a run, but cannot alter one unseen once its root is signed.
    Every method that writes is durable when it returns: the data is on disk. Safe to use from several threads, and
    several processes may use one store at once. Methods that name a run raise `RunNotFoundError` where there is none.
    """

    @property
    def place(self) -> str:
        """Where it is, for messages; without passwords."""

    @property
    def is_owned(self) -> bool:
        """Whether this user owns it, and so could delete it anyway."""

    @property
    def lost(self) -> str | None:
        """Why what is written to it is found by nobody after this process; none where it is found."""

    def create(
        self,
        run_id: str,
        opened: Draft,
        owner: Owner | None = None,
        *,
        meeting: str | None = None,
        leaf: Leaf | None = None,
    ) -> None:
        """Begin a record with `opened` (a `RunOpened`) as event 0.

        The same transaction says who writes it, and that it is the run of `meeting`, the name under which the ranks
        of one training find each other; and it appends `leaf` to the workspace's ledger.

        Raises `MeetingTakenError`, which tells the other run's id, where that meeting has a run: of all who create
        under one meeting, from however many processes, one succeeds. Raises `RecordError` where the store has a run
        of that id or has discarded one, and for an addendum to a run that is not frozen, has another nonce, or has an
        addendum of that ordinal already. Then nothing is created.
        """

    def met(self, meeting: str) -> str | None:
        """The run that was begun for `meeting`, whatever has become of it; none once it is discarded."""

    def meet(self, meeting: str, run_id: str) -> str:
        """Say that `run_id`, a run that is there, is that of `meeting` too; return the run that it has.

        Of all who say so of one meeting, the first one is right: for the others nothing changes.
        """

    def append(self, run_id: str, drafts: Sequence[Draft], *, at: int | None = None) -> int:
        """Append `drafts` in one transaction, numbering them; return the record's new length.

        A draft that the record already holds under its (writer, counter) is passed over, also after the record has
        ended. For any other, raises `RunSealedError` after the freeze or `run_closed`, `RecordLengthError` where `at`
        is given and is not the record's length (somebody else appended meanwhile), `RecordError` where a different
        draft had that (writer, counter), `FormatError` for a body that has no bytes; then nothing is appended.
        """

    def events(self, run_id: str, start: int = 0) -> Iterator[bytes]:
        """The record's event bytes from `start` on, in order, as of the moment of the call."""

    def written(self, run_id: str, start: int = 0) -> Iterator[Written]:
        """The same, each with the writer and the counter under which it came."""

    def run(self, run_id: str) -> RunRow:
        """What the store knows of one run."""

    def runs(self, *, workspace: str = "default", addenda: bool = False) -> list[RunRow]:
        """All runs of a workspace, newest first; addenda only where asked for."""

    def find_runs(
        self, wanted: Wanted, *, after: str | None = None, limit: int = 50, workspace: str = "default"
    ) -> list[RunRow]:
        """Up to `limit` of the runs that are wanted, newest first; of those that come after the run `after`.

        Raises `RunNotFoundError` where there is no run `after`.
        """

    def count_runs(self, *, since: str | None = None, until: str | None = None, workspace: str = "default") -> Counts:
        """How many runs a workspace has, and in which state; those begun at `since` or later, and before `until`."""

    def glance(self, run_ids: Sequence[str], *, workspace: str = "default") -> dict[str, Glance]:
        """What lists show besides rows, of each of these runs that the workspace has."""

    def projects(self, *, workspace: str = "default") -> list[str]:
        """The projects that a workspace's runs serve, by name."""

    def releases(self, project: str, *, workspace: str = "default") -> list[tuple[str, bytes]]:
        """What addenda say of which run of a project is the released one, oldest first: the run, and the event."""

    def addenda(self, run_id: str) -> list[RunRow]:
        """The addenda of a run, by ordinal."""

    def put_manifest(self, data: bytes, *, workspace: str = "default") -> Digest:
        """Keep a manifest under its digest, as one that the workspace has; keeping it twice is keeping it once."""

    def manifest(self, digest: Digest) -> bytes:
        """A manifest's bytes. Raises `StoreError` where there is none, or where they no longer have that digest."""

    def manifests(self, digests: Sequence[Digest]) -> dict[Digest, bytes]:
        """Those of many manifests that are there, whole; `manifest` says what is wrong with any other."""

    def freeze(self, run_id: str, freeze: Freeze) -> Freeze:
        """Fix the record's end in one transaction that checks its length; return what is fixed.

        A second call changes nothing and returns what the first one fixed. Raises `RecordError` where the length
        differs or the record is not closed.
        """

    def put_envelope(self, run_id: str, envelope: bytes) -> bytes:
        """Keep the signed statement of a frozen run before it goes anywhere; return the one kept, the first ever put.

        Raises `RecordError` where the run is not frozen.
        """

    def envelope(self, run_id: str) -> bytes | None:
        """The signed statement of a frozen run, where there is one."""

    def put_bundle(self, run_id: str, bundle: bytes, entry: Entry | None = None) -> bytes:
        """Keep the seal's bundle of a frozen run; return the one kept, which is the first one ever put.

        With an `entry`, the same transaction appends its leaf, and the bundle that `entry.finish` makes is kept.

        Raises `RecordError` where the run is not frozen, or the ledger has another leaf in that place.
        """

    def bundle(self, run_id: str) -> bytes | None:
        """The seal's bundle, where there is one."""

    def bundles(self, run_ids: Sequence[str], *, workspace: str = "default") -> dict[str, bytes]:
        """The bundles of those of these runs of a workspace that have one."""

    def put_receipt(self, receipt: Receipt, entry: Entry | None = None) -> Receipt:
        """Keep a package's receipt; return the one kept, which is the first one put for that package hash.

        With an `entry`, as `put_bundle`.

        Raises `RecordError` where the run is not frozen, or the ledger has another leaf in that place.
        """

    def receipts(self, run_id: str) -> list[Receipt]:
        """The receipts of a run's packages, oldest first."""

    def receipts_of(self, run_ids: Sequence[str], *, workspace: str = "default") -> dict[str, list[Receipt]]:
        """The same of those of these runs of a workspace of which packages were made."""

    def put_openings(self, run_id: str, openings: Sequence[Opening]) -> None:
        """Keep clear values behind commitments, in the side table that may be erased; each commitment once."""

    def openings(self, run_id: str) -> list[Opening]:
        """The clear values that have not been erased, those of its accesses last."""

    def erase_openings(self, run_id: str) -> int:
        """Erase a run's clear values, as far as the database can from the disk too; return how many.

        SQLite overwrites them. PostgreSQL's log and dead rows hold them for a time (docs/postgresql.md).
        """

    def put_profile(
        self,
        profile: bytes,
        saved_at: str,
        *,
        project: str | None = None,
        after: int | None = None,
        workspace: str = "default",
    ) -> ProfileVersion:
        """Keep a new version of a project's profile, or of the workspace's own; return it.

        Where it says what the last version says, that one is returned and nothing is kept.

        Raises:
            PolicyChangedError: `after` is said, the version that this rests on (0: none), and there is another by now.
        """

    def profiles(self, *, project: str | None = None, workspace: str = "default") -> list[ProfileVersion]:
        """Every version of a project's profile, or of the workspace's own, oldest first."""

    def set_owner(self, run_id: str, owner: Owner) -> None:
        """Say which process writes the run now, as the rank that `owner` is; those of other ranks stay."""

    def owners(self, run_id: str) -> list[Owner]:
        """The process of each rank that last said it writes the run, by rank."""

    def discard(
        self, run_id: str, reason: str, discarded_at: str, log: Callable[[Tombstone], Leaf] | None = None
    ) -> Tombstone:
        """Delete an unsealed run with all that is its own, and leave a tombstone; manifests stay, for runs share them.

        The same transaction appends the leaf that `log` makes of the tombstone. A run that the ledger lists goes with
        such a leaf alone.

        Raises `RunSealedError` for a frozen or sealed one, `RecordError` where the leaf is missing.
        """

    def tombstones(self) -> list[Tombstone]:
        """What is left of discarded runs, oldest first."""

    def log(self, leaves: Sequence[Leaf], *, workspace: str = "default") -> list[Place]:
        """Append leaves to a workspace's ledger in one transaction; return where they stand.

        Of all who append, from however many processes, each comes after the other. A leaf that stands there already,
        byte for byte, is passed over. Raises `RecordError` where another of its kind and subject, or of its statement,
        stands there; then nothing is appended.
        """

    def ledger_size(self, *, workspace: str = "default") -> int:
        """How many leaves a workspace's ledger has."""

    def leaves(self, start: int = 0, stop: int | None = None, *, workspace: str = "default") -> Iterator[Leaf]:
        """Leaves by position, as of the moment of the call.

        Raises `StoreError` where one is missing.
        """

    def find_leaf(self, kind: LeafKind, subject: str, *, workspace: str = "default") -> tuple[int, Leaf] | None:
        """The leaf of that kind and subject, and its position."""

    def leaf_bodies(self, start: int, count: int, *, workspace: str = "default") -> list[bytes]:
        """The bodies of up to `count` leaves from `start` on, as they lie there; fewer where some are missing."""

    def node_row(
        self, level: int, start: int, count: int, *, tree: TreeName = "ledger", workspace: str = "default"
    ) -> list[bytes]:
        """Up to `count` nodes of a level from `start` on, as they lie there; fewer where some are missing."""

    def nodes(
        self, wanted: Sequence[Node], *, tree: TreeName = "ledger", workspace: str = "default"
    ) -> Mapping[Node, bytes]:
        """Those nodes of a workspace's ledger, or of its access log. Raises `StoreError` where one is missing."""

    def check_writable(self) -> None:
        """Pass where something could be written now, and leave no trace.

        Raises `StoreVersionError` where a newer Cognify has changed the schema since it was opened, and `StoreError`
        where nothing can be written.
        """

    def close(self) -> None:
        """Let go of connections."""
