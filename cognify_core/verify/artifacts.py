"""The artifacts themselves: is what the record names still where it lay, byte for byte?

Nothing is changed, no pickle is loaded, no framework is imported: files and folders are hashed as the capture hashed
them, rows in the worker process, and what differs is named by comparing manifests.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from cognify_core.export.inputs import SealedRun
from cognify_core.model.digest import Digest
from cognify_core.model.evaluation_facts import EvaluationFacts
from cognify_core.model.events import Artifact, Body, EvaluationSeen, Event
from cognify_core.verify.artifact_changes import changes
from cognify_core.verify.rehash import Rehash
from cognify_core.verify.report import Finding, Verdict

State: TypeAlias = Literal["present", "moved", "changed", "missing", "unreachable"]
Progress: TypeAlias = Callable[[int, int], None]

_VERDICTS: dict[State, Verdict] = {
    "present": "ok",
    "moved": "ok",
    "changed": "contradiction",
    "missing": "unchecked",
    "unreachable": "unchecked",
}


@dataclass(frozen=True, slots=True)
class ArtifactFinding:
    """What became of one artifact."""

    node: str
    """Its id, as the record gives it."""
    state: State
    location: str
    """Where it was looked for, or found."""
    message: str

    def finding(self) -> Finding:
        """The finding as reports hold it: in a section of its own, under the code `artifact_<state>`."""
        return Finding(f"artifact_{self.state}", "artifacts", _VERDICTS[self.state], f"{self.node}: {self.message}")


@dataclass(frozen=True, slots=True)
class _Sought:
    """One artifact with a place and a digest."""

    node: str
    digest: Digest
    form: str | None
    location: str
    manifest: bytes | None


def check_artifacts(
    runs: Sequence[SealedRun],
    *,
    rehash: Rehash,
    roots: Sequence[Path] = (),
    home: Path | None = None,
    progress: Progress | None = None,
) -> list[ArtifactFinding]:
    """Hash again whatever the records give a location for.

    Args:
        runs: a run and its addenda, as `Report.runs` has them.
        rehash: hashes one path; it knows where row indexes are kept.
        roots: folders in which to look, by name, for what is not where it was.
        home: what `~` stands for; this user's home by default.
        progress: told after each artifact how many are done, and of how many.
    """
    sought = list(_sought(runs))
    places = {one.location: {other.digest for other in sought if other.location == one.location} for one in sought}
    findings = []
    for done, one in enumerate(sought, start=1):
        findings.append(_look(one, places[one.location] - {one.digest}, rehash, roots, home or Path.home()))
        if progress is not None:
            progress(done, len(sought))
    return findings


def _sought(runs: Sequence[SealedRun]) -> Iterator[_Sought]:
    """The artifacts that have a digest and a place, each once."""
    seen: set[tuple[str, Digest]] = set()
    for run in runs:
        named = (one for event in run.parsed if isinstance(event, Event) for one in _named(event.body, run.manifests))
        for one in named:
            if (one.location, one.digest) not in seen:
                seen.add((one.location, one.digest))
                yield one


def _named(body: Body, manifests: Mapping[str, bytes]) -> Iterator[_Sought]:
    """What an event gives a digest and a place of: an artifact; of an evaluation also what was said of each sample."""
    if isinstance(body, Artifact) and body.hash is not None and body.location is not None:
        yield _Sought(body.id, body.hash, body.manifest, body.location, manifests.get(str(body.hash)))
    if isinstance(body, EvaluationSeen):
        kept = EvaluationFacts.of(body.facts).samples
        if kept is not None and kept.digest is not None and kept.location is not None:
            yield _Sought(f"{body.id} (samples)", kept.digest, "cognify.rows/v1", kept.location, None)


def _look(one: _Sought, others: set[Digest], rehash: Rehash, roots: Sequence[Path], home: Path) -> ArtifactFinding:
    """Look where the artifact lay; then, where nothing of that name is left, in the other places."""
    path = _local(one.location, home)
    if path is None:
        return _found(one, "unreachable", one.location, "lies outside this file system, and was not looked at")
    elsewhere = [place for place in _candidates(path, roots) if os.path.lexists(place)]
    if not _is_there(path) and elsewhere:
        return _compare(one, elsewhere[0], others, rehash, "moved")
    if not _is_there(path):
        return _found(one, "missing", str(path), f"nothing is at {path} any more")
    return _compare(one, path, others, rehash, "present")


def _compare(
    one: _Sought, path: Path, others: set[Digest], rehash: Rehash, same: Literal["present", "moved"]
) -> ArtifactFinding:
    now = rehash(path, one.form)
    if now.hash == one.digest:
        return _found(one, same, str(path), f"is at {path}, unchanged")
    if now.hash is None:
        gone = (now.reason or "").startswith("vanished")
        return _found(one, "missing" if gone else "unreachable", str(path), f"cannot be hashed at {path}: {now.reason}")
    if now.hash in others:
        told = f"is not at {path} any more: something that was recorded there as well is, {now.hash}"
        return _found(one, "missing", str(path), told)
    named = changes(path, one.digest, one.manifest, now, rehash.kept_indexes)
    what = "; ".join([f"it was {one.digest}, and is {now.hash}", *named])
    return _found(one, "changed", str(path), f"was changed at {path}: {what}")


def _found(one: _Sought, state: State, location: str, message: str) -> ArtifactFinding:
    return ArtifactFinding(one.node, state, location, message)


def _local(location: str, home: Path) -> Path | None:
    """The path that a recorded location means here; none for a URI, or a path that is relative to who knows what."""
    if location == "~" or location.startswith("~/"):
        return home / location[2:]
    return Path(location) if location.startswith("/") else None


def _is_there(path: Path) -> bool:
    return os.path.lexists(path) or any(mark in str(path) for mark in "*?[")


def _candidates(path: Path, roots: Sequence[Path]) -> Iterator[Path]:
    """Where a path's last parts may lie under other roots, the longest first."""
    parts = path.parts[1:]
    for root in roots:
        yield from (root.joinpath(*parts[-length:]) for length in range(min(len(parts), 3), 0, -1))
