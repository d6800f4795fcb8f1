"""What a record says of the ranks that write it, and the checkpoints that their shards add up to.

A checkpoint of several ranks is hashed by all of them, each the files that it wrote. Whoever closes the record joins
those trees into one: the process of rank 0, or whoever finds the record of a training that died.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from cognify_core.capture.files import shown
from cognify_core.capture.outcome import Outcome
from cognify_core.capture.tree import NOT_COVERED
from cognify_core.capture.tree_manifest import TREE_FORMAT, parse_manifest, render
from cognify_core.model.digest import Digest
from cognify_core.model.events import Artifact, Body, CheckpointSeen, RankJoined, RankLeft, ShardsSeen, parse_event
from cognify_core.record.ranks import owner_of

Key: TypeAlias = tuple[str, str]
"""A checkpoint's node id and its place."""
Reports: TypeAlias = Mapping[int, ShardsSeen]
"""What each rank said of one checkpoint."""
Late: TypeAlias = Callable[[str, frozenset[str]], dict[bytes, str]]
"""Hashes those of the named files that still lie at a place: path → 64 hex digits."""

RANK_DIED = "its process ended before it had said that it was done"

_KINDS = tuple(
    b'"kind":"' + kind.model_fields["kind"].default.encode() + b'"'
    for kind in (RankJoined, RankLeft, ShardsSeen, CheckpointSeen)
)


@dataclass
class RollCall:
    """Who joined, who left, and what was reported, as far as the record has been read."""

    world_size: int = 1
    joined: set[int] = field(default_factory=set)
    left: dict[int, RankLeft] = field(default_factory=dict)
    reports: dict[Key, dict[int, ShardsSeen]] = field(default_factory=dict)
    _recorded: set[str] = field(default_factory=set)

    def read(self, events: Iterable[bytes]) -> int:
        """Take further events of the record, in order; return how many they were."""
        count = 0
        for data in events:
            count += 1
            if any(kind in data for kind in _KINDS):
                self.take(parse_event(data).body)
        return count

    def take(self, body: Body) -> None:
        """Take what one event says."""
        match body:
            case RankJoined():
                self.world_size = max(self.world_size, body.world_size)
                self.joined.add(body.rank)
            case RankLeft():
                self.left[body.rank] = body
            case ShardsSeen():
                self.reports.setdefault((body.id, body.location), {})[body.rank] = body
            case Artifact():
                self._recorded.add(body.ref)

    def ready(self) -> list[Key]:
        """The checkpoints of which every rank has reported, or has left, and which are not recorded yet."""
        return [
            key
            for key, reports in self.unrecorded().items()
            if 0 in reports and all(rank in reports or rank in self.left for rank in range(self.world_size))
        ]

    def unrecorded(self) -> dict[Key, Reports]:
        """The checkpoints that shards were reported of, and that no event records yet."""
        return {key: reports for key, reports in self.reports.items() if _first(reports).ref not in self._recorded}

    def absent(self) -> list[int]:
        """The ranks that have not left."""
        return [rank for rank in range(self.world_size) if rank not in self.left]


def joined_checkpoint(
    reports: Reports, absent: Iterable[int], manifest_of: Callable[[Digest], bytes], late: Late
) -> tuple[CheckpointSeen, bytes | None]:
    """One checkpoint from what the ranks said of it, and its manifest.

    Args:
        reports: what each rank said that said something.
        absent: ranks that may have had something to say and will not say it any more.
        manifest_of: gives the bytes of a manifest.
        late: hashes files that were left to a rank which did not report them, where they still lie there.

    Raises:
        StoreError: a manifest is not there.
    """
    first = _first(reports)
    outcome = _joined(reports, sorted(set(absent) - set(reports)), manifest_of, late)
    seen = CheckpointSeen(
        ref=first.ref,
        id=first.id,
        at=first.at,
        step=first.step,
        assurance=outcome.assurance,
        reason=outcome.reason,
        hash=outcome.hash,
        manifest=outcome.format,
        location=first.location,
        inputs=tuple(dict.fromkeys(ref for report in reports.values() for ref in report.inputs)),
        facts={**first.facts, **outcome.facts, **({"not_covered": list(outcome.gaps)} if outcome.gaps else {})},
    )
    return seen, outcome.manifest


def _joined(reports: Reports, silent: list[int], manifest_of: Callable[[Digest], bytes], late: Late) -> Outcome:
    files: dict[bytes, str] = {}
    for rank, report in sorted(reports.items()):
        if report.hash is None:
            return Outcome.unresolved(f"rank {rank}: {report.reason}")
        for name, digits in parse_manifest(manifest_of(report.hash)).items():
            if files.setdefault(name, digits) != digits:
                return Outcome.unresolved(f"rank {rank} read other bytes than another rank: {shown(name)}")
    shards = {str(rank): str(report.hash) for rank, report in sorted(reports.items())}
    missing = _missing(reports, files)
    found = late(_first(reports).location, missing) if missing else {}
    files |= found
    if missing := _missing(reports, files):
        who = f"rank {', '.join(map(str, silent))} was silent, and " if silent else ""
        return Outcome.unresolved(f"{who}no rank reported {min(missing)}")
    gaps = [NOT_COVERED, *(f"files that rank {rank} wrote after the others had listed the folder" for rank in silent)]
    facts = {"files": len(files), "shards": shards, **({"hashed_late": sorted(map(shown, found))} if found else {})}
    return Outcome.of_manifest(render(sorted(files.items())), TREE_FORMAT, facts=facts, gaps=tuple(gaps))


def _missing(reports: Reports, files: Mapping[bytes, str]) -> frozenset[str]:
    """Files that somebody saw and left to a rank which did not report, by their names.

    A rank that did report knows best what it wrote: what another saw of it may have been a temporary file.
    """
    left = {name for report in reports.values() for name in report.left}
    return frozenset(name for name in left if owner_of(name.encode()) not in reports) - frozenset(map(shown, files))


def _first(reports: Reports) -> ShardsSeen:
    return reports[min(reports)]
