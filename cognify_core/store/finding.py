"""Which runs somebody looks for."""

from __future__ import annotations

from dataclasses import dataclass

from cognify_core.model.record import Status


@dataclass(frozen=True, slots=True)
class Wanted:
    """Runs of a workspace, addenda not among them; what is None is not asked."""

    project: str | None = None
    status: Status | None = None
    text: str | None = None
    """Stands in the id or in the name, in whatever case."""
    since: str | None = None
    """Begun then or later."""
    until: str | None = None
    """Begun before then."""
