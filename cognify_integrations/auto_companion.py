"""What looks on while a script that knows nothing of us trains: tells `cognify run` of its runs."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import Any

from cognify_core.api.live import LiveRun
from cognify_core.api.reported import report


class Onlooker:
    """The companion of every session of this process."""

    def began(self, live: LiveRun) -> None:
        """Tell `cognify run`."""
        if live.rank.is_first:
            report("run", live.id)

    def sources_of(self, live: LiveRun, dataset: Any) -> Sequence[str]:
        """None that were seen."""
        return ()


def add(session: ModuleType) -> None:
    """Look on at every session."""
    session.Session.companion = Onlooker()
