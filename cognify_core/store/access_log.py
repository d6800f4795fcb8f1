"""What a store keeps of who looked: an append-only log for each workspace, and clear values that can be erased."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

from cognify_core.model.events import Access

if TYPE_CHECKING:
    from cognify_core.store.protocol import Opening

SignHead: TypeAlias = Callable[[int, bytes], bytes]
"""The signed head of a log of so many entries under that root."""


@dataclass(frozen=True, slots=True)
class Look:
    """That somebody read, exported or sealed something, before it has a place in the log."""

    run_id: str | None
    """None: it was no single run."""
    access: Access
    openings: tuple[Opening, ...] = ()
    """The clear values behind its commitments."""
    within: int = 0
    """See `AccessEntry`."""


@dataclass(frozen=True, slots=True)
class KeptAccess:
    """A row of the log, as it lies there."""

    position: int
    run_id: str | None
    entry: bytes
    """A `cognify_core.model.access_entries.AccessEntry`."""
    head: bytes | None
    """The signed head that this entry made; none where others were appended with it, after it, or no key was there."""
    openings: tuple[Opening, ...]
    """Those that were not erased."""


class AccessLog(Protocol):
    """The part of a `Store` that is about who looked. As there: what is written is on disk when a method returns."""

    def put_accesses(
        self, looks: Sequence[Look], sign: SignHead | None = None, *, workspace: str = "default"
    ) -> list[int]:
        """Append to a workspace's log in one transaction; return the places.

        Of all who append, from however many processes, each comes after the other. With `sign` the last entry is kept
        with the head that is signed over it and all before. An entry outlives its run.

        Raises `RunNotFoundError` where there is no run of that id, and never was; then nothing is appended.
        """

    def accesses(self, run_id: str) -> list[Access]:
        """Who read or exported a run, oldest first; also of one that was discarded."""

    def access_size(self, *, workspace: str = "default") -> int:
        """How many entries a workspace's log has."""

    def access_rows(self, start: int, count: int, *, workspace: str = "default") -> list[KeptAccess]:
        """Up to `count` rows from place `start` on, in order; fewer where some are missing."""

    def find_accesses(
        self,
        *,
        run_id: str | None = None,
        person: str | None = None,
        since: str | None = None,
        until: str | None = None,
        before: int | None = None,
        limit: int = 100,
        workspace: str = "default",
    ) -> list[KeptAccess]:
        """Up to `limit` rows, newest first: of a run where it is named, of those before a place where one is.

        Of those by whom `person` stands in the name or the address, in whatever case: nobody is found whose name was
        erased. Of those from `since` on, and before `until`.
        """

    def count_clear(self, *, run_id: str | None = None, value: str | None = None, workspace: str = "default") -> int:
        """How many clear values `erase_accesses` would erase."""

    def erase_accesses(self, *, run_id: str | None = None, value: str | None = None, workspace: str = "default") -> int:
        """Erase clear values of entries: those of a run, those that say `value`, or all; return how many.

        As far as the database can, from the disk too. What was committed to stays in the entries.
        """
