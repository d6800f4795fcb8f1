"""`cognify.watch`: streams whose rows are digested as they are read, and the runs that they are recorded in.

A stream is recorded as one dataset in each run that reads it: when a callback says that it feeds the training, else at
the first checkpoint after it was read, or at the end. Its digest is there when the run ends.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from cognify_core.api.datasets import DeclaredDataset, record_declared
from cognify_core.api.stream_sources import record_sources
from cognify_core.canonical import Json
from cognify_core.capture.config import to_facts
from cognify_core.capture.outcome import Outcome
from cognify_core.capture.stream import Watch
from cognify_core.capture.stream_files import StreamFiles, files_of_stream
from cognify_core.capture.stream_kinds import is_of, is_stream
from cognify_core.capture.stream_parts import PartState, sweep
from cognify_core.capture.stream_watched import watched_as, watches_of
from cognify_core.errors import ConfigurationError
from cognify_core.model.events import DatasetSeen
from cognify_core.model.names import slug
from cognify_core.model.streams import STREAM_FORMAT, StreamPart, in_order, stream_manifest

if TYPE_CHECKING:
    from cognify_core.api.live import LiveRun
    from cognify_core.api.session import Session

StreamT = TypeVar("StreamT")

_MEND_SOURCE = 'cognify.dataset("<the files>", name="…") before the training'
COVERED = "rows are those that the stream delivered: a loader may have fetched some that were not used"


@dataclass(frozen=True, slots=True)
class Stream:
    """What is said of a watched stream."""

    declared: DeclaredDataset
    """Its `data` is left out: this travels into other processes."""
    files: StreamFiles

    @property
    def node_id(self) -> str:
        """As in `ds_web_text_v1`."""
        return f"ds_{slug(self.declared.name)}_v{slug(self.declared.schema_version or '1')}"


def watch_stream(session: Session, stream: StreamT, declared: DeclaredDataset) -> StreamT:
    """An object to use in the stream's place; the stream itself where nothing is to be recorded.

    Raises:
        ConfigurationError: it is no stream.
    """
    _check(stream)
    if session.is_off:
        return stream
    watch = Watch(Stream(replace(declared, data=None), files_of_stream(stream)))
    session.watches.add(watch, session.current)
    watched: StreamT = watched_as(stream, watch)
    return watched


class Watches:
    """The streams that are watched in this process."""

    def __init__(self) -> None:
        self._watches: dict[str, Watch] = {}

    def add(self, watch: Watch, live: LiveRun | None) -> None:
        """Watch a stream, in the run that goes on if there is one, and in all that come."""
        self._watches[watch.key] = watch
        if live is not None and live.streams is not None:
            live.streams.expect([watch])

    def begin(self, live: LiveRun) -> None:
        """A run begins: what is read from now on is of that run."""
        sweep(_folder(live))
        live.streams = LiveStreams(live)
        live.streams.expect(self._watches.values())

    def record(self, live: LiveRun, dataset: Any, *, role: str, declared: Sequence[DeclaredDataset] = ()) -> str | None:
        """Record that a model is fed or evaluated on a watched stream, or on what was made of one; return the ref.

        None where it is no such thing.
        """
        if not (found := watches_of(dataset)):
            return None
        if live.streams is None:  # an addendum, which goes on where its run was
            live.streams = LiveStreams(live)
        sources = [each for each in declared if each.feeds(role) and not watches_of(each.data)]
        refs = [live.streams.record(watch, role, sourced=bool(sources)) for watch in found]
        for each in sources:
            live.run.relate(record_declared(live.run, each, role="source"), refs[0])
        live.run.add_inputs(*refs[1:])
        return refs[0]


class LiveStreams:
    """The watched streams of one run."""

    def __init__(self, live: LiveRun) -> None:
        self._live = live
        self._expected: dict[str, Watch] = {}
        self._recorded: dict[str, _Recorded] = {}

    def expect(self, watches: Iterable[Watch]) -> None:
        """From now on, what is read of these is of this run."""
        for watch in watches:
            watch.place(_folder(self._live), self._live.rank.number)
            self._expected[watch.key] = watch

    def look(self) -> None:
        """Record the streams that were read and that nobody spoke of: checkpoints from now on come from them too."""
        for watch in self._expected.values():
            if watch.key not in self._recorded and watch.was_read:
                declared = _said(watch).declared
                ref = self.record(watch, declared.role)
                if declared.feeds("train"):
                    self._live.run.add_inputs(ref)

    def record(self, watch: Watch, role: str, *, sourced: bool = False) -> str:
        """Record a stream, if that was not done; return its ref.

        `sourced` tells that somebody said where its rows come from.
        """
        if watch.key not in self._recorded:
            if watch.key not in self._expected and self._live.amends is None:
                self.expect([watch])
            self._recorded[watch.key] = _Recorded(self._live, watch, role, sourced=sourced)
        return self._recorded[watch.key].ref

    def settle(self) -> None:
        """Digest what was read of all streams: the run ends."""
        self.look()
        for recorded in self._recorded.values():
            recorded.settle()


class _Recorded:
    """A stream that was recorded in a run, and has its digest when the run ends."""

    def __init__(self, live: LiveRun, watch: Watch, role: str, *, sourced: bool) -> None:
        self._live, self._watch, self._said = live, watch, _said(watch)
        self._parts: tuple[StreamPart, ...] = ()
        self._done: Callable[[Outcome], None] = lambda _: None
        sources = record_sources(live, self._said.declared.name, self._said.files)
        if not sources and not sourced and live.rank.is_first:
            live.gap(self._said.node_id, "source: unresolved", mend=_MEND_SOURCE)
        self.ref = live.run.artifact(
            DatasetSeen,
            self._said.node_id,
            self._begin,
            fields=lambda outcome: self._fields(outcome, role),
            inputs=sources,
            facts=None if live.rank.is_alone else {"rank": live.rank.number},
        )
        live.run.reads.add(self.ref, self._said.declared.name, role, None, sources)

    def settle(self) -> None:
        """Record what was read until now."""
        try:
            outcome = self._outcome(self._watch.settle())
        except Exception as error:
            self._done(Outcome.unresolved(f"{type(error).__name__}: {error}"))
            raise
        self._done(outcome)

    def _begin(self, done: Callable[[Outcome], None]) -> None:
        self._done = done

    def _fields(self, outcome: Outcome, role: str) -> dict[str, Any]:
        declared, rows = self._said.declared, outcome.facts.get("rows")
        return {
            "name": declared.name,
            "role": role,
            "schema_version": declared.schema_version or "1",
            "schema_version_defaulted": declared.schema_version is None,
            "record_count": rows if isinstance(rows, int) else None,
            "provenance": to_facts(dict(declared.provenance)),
            "parts": None if outcome.manifest is None else self._parts,
        }

    def _outcome(self, found: Iterable[PartState]) -> Outcome:
        read = numbered(part for part in found if part.delivered or part.reason)
        facts: dict[str, Json] = {"delivered": sum(part.delivered for part in read)}
        refused = [f"{_place_of(part)}: {part.reason}" for part in read if part.reason]
        lost = [_lost(part) for part in read if part.rows < part.delivered and not part.reason]
        for what in lost:
            self._live.gap(self._said.node_id, what)
        if refused or (lost and not any(part.manifest for part in read)):
            return replace(Outcome.unresolved((refused or lost)[0]), facts=facts)
        self._parts = in_order(self._kept(part) for part in read if part.manifest)
        facts["rows"] = sum(part["rows"] for part in self._parts)
        return Outcome.of_manifest(stream_manifest(self._parts), STREAM_FORMAT, facts=facts, gaps=(COVERED, *lost))

    def _kept(self, part: PartState) -> StreamPart:
        """A part as the stream's manifest names it; its own manifest is kept in the store."""
        digest = self._live.workspace.store.put_manifest((part.manifest or "").encode())
        return {"rank": part.rank, "worker": part.worker, "pass": part.number, "digest": digest, "rows": part.rows}


def numbered(parts: Iterable[PartState]) -> list[PartState]:
    """Parts in their order, the passes of each rank and worker counted from 0."""
    passes: Counter[tuple[int, int]] = Counter()
    found = []
    for part in sorted(parts, key=lambda part: (part.rank, part.worker, part.number)):
        found.append(replace(part, number=passes[part.rank, part.worker]))
        passes[part.rank, part.worker] += 1
    return found


def _lost(part: PartState) -> str:
    why = "it did not say what they were before the run ended" if part.is_open else "its process was ended from outside"
    return f"{_place_of(part)}: {part.delivered - part.rows} of {part.delivered} rows delivered have no digest: {why}"


def _place_of(part: PartState) -> str:
    return f"rank {part.rank}, worker {part.worker}, pass {part.number}"


def _said(watch: Watch) -> Stream:
    if not isinstance(watch.about, Stream):
        raise TypeError("this watch was not made by cognify.watch")
    return watch.about


def _folder(live: LiveRun) -> Path:
    return live.workspace.settings.spool_path / "streams"


def _check(stream: Any) -> None:
    class_ = type(stream)
    if getattr(stream, "_cognify_watch", None) is not None:
        raise ConfigurationError("this stream is watched already")
    if isinstance(stream, Mapping):
        raise ConfigurationError(f"a {class_.__name__} is no stream: watch one of its splits")
    if is_of(class_, "torch", "DataLoader"):
        raise ConfigurationError("watch the dataset that the DataLoader reads, not the DataLoader")
    if not is_stream(stream):
        raise ConfigurationError(
            f"a {class_.__name__} is no stream: its rows are hashed as a whole where a model is fed them; "
            "to name it, call cognify.dataset"
        )
