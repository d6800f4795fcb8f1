"""What a store keeps of keeping: facts about vaults, what a workspace says, until when, purges."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from cognify_core.model.digest import Digest

if TYPE_CHECKING:
    from cognify_core.store.protocol import Leaf, Tombstone


@dataclass(frozen=True, slots=True)
class VaultFact:
    """What a vault said, when it was asked, of one version of one file of a package. A fact outlives its run."""

    run_id: str
    package_hash: Digest
    part: Literal["package", "receipt", "oms"]
    vault: str
    """Where, without options: `s3://bucket/prefix`."""
    key: str
    version: str
    digest: Digest
    """Of the bytes that were put; where the state is `missing` they were not found."""
    mode: str | None
    until: str | None
    """Mode and date as they were read back; seconds, UTC."""
    held: bool
    asked_mode: str
    asked_until: str
    asked_held: bool
    state: str
    """A `cognify_core.vault.protocol.LockState`."""
    read_at: str


PolicyKind: TypeAlias = Literal["retention", "vault", "timestamps"]


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """What was said for a workspace at a time; earlier versions stay."""

    version: int
    """From 1 on."""
    policy: bytes
    """Canonical JSON."""
    saved_at: str


@dataclass(frozen=True, slots=True)
class KeepUntil:
    """Until which day a sealed run must be kept: an entry, which no later one shortens."""

    until: str | None
    """The last day, as in `2036-11-28`; none: an open hold."""
    why: str
    set_at: str


@dataclass(frozen=True, slots=True)
class Clocks:
    """What a frozen run is kept by, besides what its workspace says: days and laws that rows tell of."""

    run_id: str
    project: str
    sealed_at: str
    last_seal_at: str
    """Of the run, or of the last addendum to it."""
    is_sealed: bool
    """Whether it has its bundle."""
    templates: frozenset[str]
    """Those that documents of it were made with."""
    packages: int
    releases: tuple[bytes, ...]
    """The events of its addenda that state a release."""
    kept: KeepUntil | None
    """What is in force for it."""


@dataclass(frozen=True, slots=True)
class KeptDays:
    """Until when the runs of a workspace are kept."""

    first: str | None
    last: str | None
    """None: no run is kept until a day."""
    open_holds: int


@dataclass(frozen=True, slots=True)
class Purge:
    """Who had a sealed run deleted, and who agreed."""

    requested_by: str
    approved_by: str
    reason: str
    purged_at: str
    statement: str | None
    """The digest of the seal's statement."""
    remains: str
    """What stays in vaults, as canonical JSON."""


class Keeping(Protocol):
    """The part of a `Store` that is about keeping. As there: what is written is on disk when a method returns."""

    def put_fact(self, fact: VaultFact) -> None:
        """Keep what a vault said. Facts are never changed, and stay when their run is purged."""

    def facts(self, run_id: str | None = None, *, workspace: str | None = None) -> list[VaultFact]:
        """What vaults said of a run's packages, or of all, oldest first; of one workspace where it is named.

        A run that is gone was of the workspace whose ledger tells of it.
        """

    def find_locks(
        self,
        ends_before: str | None = None,
        *,
        lesser: bool = False,
        after: int | None = None,
        limit: int = 50,
        workspace: str = "default",
    ) -> list[tuple[int, VaultFact]]:
        """Up to `limit` packages of a workspace that lie in vaults, those first that no lock holds, then by its end.

        Of each version what was read last, with its position; of runs that are there. With `lesser`, only those whose
        lock is less than was asked for. `after` is the position of the last one known.
        """

    def put_policy(
        self, kind: PolicyKind, policy: bytes, saved_at: str, *, after: int | None = None, workspace: str = "default"
    ) -> PolicyVersion:
        """Keep what a workspace says now. Where it says what the last version says, that one is returned.

        Args:
            kind: what it is said of.
            policy: what is said.
            saved_at: when.
            after: the version that this rests on; 0, where nothing was said.
            workspace: who says it.

        Raises:
            PolicyChangedError: there is another version than `after` by now, and nothing is kept.
        """

    def policies(self, kind: PolicyKind, *, workspace: str = "default") -> list[PolicyVersion]:
        """Every version, oldest first."""

    def keep_until(self, run_id: str, entry: KeepUntil) -> KeepUntil:
        """Keep a sealed run until a day; return what is in force then.

        An earlier day than is in force changes nothing. An open hold takes the place of a day, and a day that of an
        open hold: its clock has started.
        """

    def keep_all_until(self, entries: Mapping[str, KeepUntil]) -> int:
        """The same for many frozen runs, some at a time in a transaction; of how many that is another day than before.

        A run that is gone meanwhile is passed over.
        """

    def kept_until(self, run_id: str) -> KeepUntil | None:
        """What is in force for a run; none where nothing was ever said."""

    def clocks(self, run_id: str) -> Clocks | None:
        """What keeps a run; none while it is not frozen."""

    def all_clocks(self, run_ids: Sequence[str] | None = None, *, workspace: str = "default") -> list[Clocks]:
        """The same of every run of a workspace that is frozen, or of those that are named, by the day of the seal.

        Addenda are not among them.
        """

    def count_kept(self, *, workspace: str = "default") -> KeptDays:
        """Until when the runs of a workspace are kept, all together."""

    def count_made(self, *, workspace: str = "default") -> dict[str, int]:
        """Of how many runs of a workspace documents were made with each template."""

    def purge(self, run_id: str, purge: Purge, log: Callable[[Tombstone], Leaf] | None = None) -> list[str]:
        """Delete a sealed run with its addenda, and leave tombstones; return the ids.

        As for `Store.discard`, the same transaction appends the leaf that `log` makes of each tombstone.

        Raises `RunStateError` where it must still be kept, or is not sealed. What vaults hold is not touched.
        """

    def purges(self) -> Sequence[tuple[str, Purge]]:
        """The sealed runs that were purged, oldest first."""
