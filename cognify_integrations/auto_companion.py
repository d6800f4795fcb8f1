"""What looks on while a script that knows nothing of us trains: at its runs, its data files, where rows came from."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import Any

from cognify_core.api.live import LiveRun
from cognify_core.api.reported import report
from cognify_core.capture.stream_files import files_of_stream
from cognify_integrations.observed import OBSERVED
from cognify_integrations.observed_run import RunFiles
from cognify_integrations.origins import ORIGINS, Origin, SourceFile


class Onlooker:
    """The companion of every session of this process."""

    def __init__(self) -> None:
        self._files: dict[str, RunFiles] = {}
        self._made: frozenset[str] | None = None
        """What the process had written before its first run: data that it made or fetched, if it reads it."""

    def awaits(self) -> None:
        """Note what was written before the first run."""
        if self._made is None:
            self._made = frozenset(OBSERVED.written)

    def began(self, live: LiveRun) -> None:
        """Tell `cognify run`, and record the data files that were opened before."""
        self.awaits()
        if live.rank.is_first:
            report("run", live.id)
            live.closing.append(lambda: self._ends(live))
            self._files_of(live).look(self._outputs())

    def sources_of(self, live: LiveRun, dataset: Any) -> Sequence[str]:
        """Record the files that a dataset was loaded from, or that a stream reads."""
        origin = ORIGINS.of(dataset) or _of_stream(dataset)
        return () if origin is None else self._files_of(live).sources(origin)

    def _ends(self, live: LiveRun) -> None:
        self._files_of(live).look_again(self._outputs())
        del self._files[live.id]

    def _outputs(self) -> frozenset[str]:
        return frozenset(OBSERVED.written) - (self._made or frozenset())

    def _files_of(self, live: LiveRun) -> RunFiles:
        if live.id not in self._files:
            self._files[live.id] = RunFiles(live)
        return self._files[live.id]


def _of_stream(dataset: Any) -> Origin | None:
    files = files_of_stream(dataset)
    return Origin(tuple(map(SourceFile.now, (*map(str, files.local), *files.remote)))) if files else None


def add(session: ModuleType) -> None:
    """Look on at every session."""
    session.Session.companion = Onlooker()
