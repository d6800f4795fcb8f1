"""What looks at a process from beside its code, where `cognify run` started it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from cognify_core.api.live import LiveRun


class Companion(Protocol):
    """Told of every run of this process. What it raises becomes part of the record."""

    def awaits(self) -> None:
        """A run was asked for; it may begin later, in another thread. From now on what the process does is of it."""

    def began(self, live: LiveRun) -> None:
        """A run has begun; what is put on `live.closing` is called before its record closes."""

    def sources_of(self, live: LiveRun, dataset: Any) -> Sequence[str]:
        """Record the files that a dataset's rows came from, where they were seen to be read; return their refs."""
