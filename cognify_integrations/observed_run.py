"""The files of one run: those that rows were loaded from, and those that were only seen to be opened."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

from cognify_core.api.live import LiveRun
from cognify_core.api.stream_sources import MOST_BYTES, MOST_FILES
from cognify_core.capture.outcome import Outcome
from cognify_core.capture.redaction import strip_credentials
from cognify_core.model.events import DatasetSeen
from cognify_core.model.names import slug
from cognify_integrations.observed import OBSERVED
from cognify_integrations.observed_files import DATA, data_files, mapped
from cognify_integrations.observed_folders import Budget, ModelFiles, size_of
from cognify_integrations.observed_models import model_files
from cognify_integrations.origins import Origin, SourceFile, stamp_of

_FIRST = DATA | {".json", ".txt"}
_MEND = 'cognify.dataset("<the files>", name="…") before the training'


class RunFiles:
    """What was recorded of files in one run, each file once."""

    def __init__(self, live: LiveRun) -> None:
        self._live = live
        self._refs: dict[str, str] = {}
        self._left: dict[Path, int] = {}
        """Files that were not hashed as they were seen, with their size; they may turn out to be sources of rows."""
        self._budget = Budget(MOST_BYTES)
        self._is_models = model_files()
        self._models = ModelFiles(live, self._budget)

    def look(self, outputs: Collection[str]) -> None:
        """Record what was opened until now, but for `outputs`: what the process wrote since a run of it began."""
        self._observed((name, how) for name, how in OBSERVED.names() if name not in outputs)

    def look_again(self, outputs: Collection[str]) -> None:
        """Record what was opened since, and name what is not listed."""
        self.look(outputs)
        self._models.record()
        left = [size for path, size in self._left.items() if str(path) not in self._refs]
        if left:
            why = f"{len(left)} more, {sum(left)} bytes: too many to hash in passing"
            self._live.gap("observed files", why, mend=_MEND)
        if OBSERVED.left_out:
            self._live.gap("observed files", f"{OBSERVED.left_out} openings more were not looked at", mend=_MEND)
        if OBSERVED.failed is not None:
            self._live.gap("observed files", f"not all were seen: {OBSERVED.failed}")

    def sources(self, origin: Origin) -> list[str]:
        """Record what rows were loaded from; return the refs."""
        if not origin.whole:
            self._live.gap("source files", "some of the rows fed came from something that was not seen", mend=_MEND)
        room, refs = MOST_FILES, []
        for file in origin.files:
            if file.place not in self._refs and (room := room - 1) < 0:
                continue
            refs.append(self._source(file))
        if room < 0:
            self._live.gap(
                "source files", f"{-room} of {len(origin.files)} are too many to hash in passing", mend=_MEND
            )
        return refs

    def _source(self, file: SourceFile) -> str:
        if "://" in file.place:
            return self._refs.get(file.place) or self._declared(file.place)
        if file.stamp is not None and stamp_of(file.place) != file.stamp:
            self._live.gap(file.place, "changed between being loaded and being hashed")
        return self._refs.get(file.place) or self._file(Path(file.place), {"loaded_by": "datasets"})

    def _observed(self, names: Iterable[tuple[str, str]]) -> None:
        home = self._live.workspace.settings.home
        found = dict[Path, str]()
        for path, how in data_files([*names, *mapped()], home, self._is_models, since=OBSERVED.began):
            if str(path) in self._refs or self._live.run.covers(path):
                continue
            if self._is_models(path):
                self._models.saw(path, how)
            else:
                found.setdefault(path, how)
        for path in sorted(found, key=lambda each: each.suffix.lower() not in _FIRST):
            if len(self._refs) >= MOST_FILES or not self._budget.takes(size_of(path)):
                self._left[path] = size_of(path)
            else:
                self._file(path, {"observed": found[path]})

    def _file(self, path: Path, facts: dict[str, str]) -> str:
        ref = self._refs[str(path)] = self._live.run.file(path, name=path.name, facts=dict(facts))
        return ref

    def _declared(self, url: str) -> str:
        name = url.rpartition("/")[2] or url
        ref = self._refs[url] = self._live.run.artifact(
            DatasetSeen,
            f"ds_{slug(name)}_v1",
            Outcome("declared"),
            fields=lambda _: {"name": name, "role": "source", "schema_version_defaulted": True},
            location=strip_credentials(url),
            facts={"loaded_by": "datasets"},
        )
        return ref
