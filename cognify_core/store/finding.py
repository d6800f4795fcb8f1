"""Which runs somebody looks for, and what a list shows of them."""

from __future__ import annotations

from dataclasses import dataclass

from cognify_core.model.digest import Digest
from cognify_core.model.record import Status

USER, RECORDED_BY = "user", "recorded_by"
"""The labels of the clear values that say who ran a training: the user of its process, and who began it at a server."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Runs of a workspace, addenda not among them; what is None is not asked."""

    project: str | None = None
    status: Status | None = None
    sealed: bool | None = None
    gaps: bool | None = None
    """Whether the run or an addendum to it names something that could not be seen."""
    person: str | None = None
    """Stands in the name of whoever ran it, in whatever case; nobody is found whose name was erased."""
    text: str | None = None
    """Stands in the id or in the name, in whatever case."""
    since: str | None = None
    """Begun then or later."""
    until: str | None = None
    """Begun before then."""
    holds: Digest | None = None
    """The run or an addendum to it used or produced something with this content."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many runs a workspace has, addenda not among them."""

    runs: int
    running: int
    unsealed: int
    """Ended, and not sealed."""
    sealed: int
    gaps: int
    """That name a gap."""


@dataclass(frozen=True, slots=True)
class Glance:
    """What a list shows of a run besides its row."""

    gaps: tuple[bytes, ...] = ()
    """The events of the run and its addenda that say what could not be seen."""
    person: str | None = None
    """Who ran it, as long as that is not erased."""
