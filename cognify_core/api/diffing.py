"""What differs between two things of one kind, each difference named."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cognify_core.api.accesses import note_access
from cognify_core.canonical import Json, encode
from cognify_core.capture.files import file_outcome
from cognify_core.capture.tree import tree_outcome
from cognify_core.capture.tree_manifest import diff_trees, parse_manifest
from cognify_core.errors import CaptureError, ConfigurationError, FormatError
from cognify_core.model.events import parse_event
from cognify_core.model.lineage import Node, fold
from cognify_core.verify.package_form import read_package

if TYPE_CHECKING:
    from cognify_core.api.session import Session
    from cognify_core.capture.row_diff import RowChange

ROW_SUFFIXES = {".jsonl", ".csv", ".parquet", ".arrow"}


@dataclass(frozen=True, slots=True)
class Change:
    """One difference."""

    subject: str
    """As in `row 17`, `file config.json`, `node ckpt_step_20`."""
    change: str
    """`changed`, `added` or `missing`, with what is known of it."""


@dataclass(frozen=True, slots=True)
class Diff:
    """What differs between two datasets, folders, packages or runs."""

    kind: str
    """`rows`, `tree`, `file` or `lineage`."""
    changes: tuple[Change, ...]

    @property
    def equal(self) -> bool:
        """Whether nothing differs."""
        return not self.changes

    def lines(self) -> list[str]:
        """One line per difference, for people."""
        return [f"{change.subject}: {change.change}" for change in self.changes] or ["no difference"]

    def to_json(self) -> dict[str, Json]:
        """The same for programs."""
        changes = [{"subject": change.subject, "change": change.change} for change in self.changes]
        return {"kind": self.kind, "equal": self.equal, "changes": changes}


def diff_of(session: Session, first: str | Path, second: str | Path) -> Diff:
    """Compare two things of one kind: paths of datasets, folders or packages, or run ids.

    Raises:
        ConfigurationError: they are not of one kind, or there is nothing there.
        CaptureError: one of them cannot be read.
    """
    paths = Path(first), Path(second)
    there = [path.exists() for path in paths]
    if there == [True, True]:
        return _paths(*paths)
    if there == [False, False] and all(len(path.parts) == 1 for path in paths):
        return _lineages(_nodes_of_run(session, str(first)), _nodes_of_run(session, str(second)))
    missing = first if not there[0] else second
    raise ConfigurationError(f"there is nothing at {missing}: compare two paths, or two runs by their ids")


def _paths(first: Path, second: Path) -> Diff:
    if first.is_dir() and second.is_dir():
        return _trees(first, second)
    if first.is_dir() or second.is_dir():
        kinds = ["a folder" if path.is_dir() else "a file" for path in (first, second)]
        raise ConfigurationError(f"not of one kind: {first} is {kinds[0]}, {second} is {kinds[1]}")
    if first.suffix in ROW_SUFFIXES and second.suffix in ROW_SUFFIXES:
        return _rows(first, second)
    nodes = _nodes_of_package(first), _nodes_of_package(second)
    if nodes[0] is not None and nodes[1] is not None:
        return _lineages(nodes[0], nodes[1])
    return _files(first, second)


def _rows(first: Path, second: Path) -> Diff:
    from cognify_core.capture.row_diff import diff_columns, diff_rows

    columns = [
        Change(f"column {name}", f"changed from {encode(old).decode()} to {encode(new).decode()}")
        for name, (old, new) in diff_columns(first, second).items()
    ]
    return Diff("rows", (*columns, *(_row_change(change) for change in diff_rows(first, second))))


def _row_change(change: RowChange) -> Change:
    which, _, how = str(change).partition(f" {change.kind}")
    return Change(which, f"{change.kind}{how}")


def _trees(first: Path, second: Path) -> Diff:
    outcomes = [tree_outcome(path) for path in (first, second)]
    for outcome in outcomes:
        if outcome.manifest is None:
            raise CaptureError(outcome.reason or "unresolved")
    found = diff_trees(*(parse_manifest(outcome.manifest or b"") for outcome in outcomes))
    named = (("changed", found.changed), ("missing", found.missing), ("added", found.added))
    return Diff("tree", tuple(Change(f"file {path}", change) for change, paths in named for path in paths))


def _files(first: Path, second: Path) -> Diff:
    one, other = file_outcome(first), file_outcome(second)
    if one.hash is None or other.hash is None:
        raise CaptureError(one.reason or other.reason or "unresolved")
    return Diff("file", () if one.hash == other.hash else (Change(f"file {second.name}", "changed"),))


def diff_lineages(first: Iterable[Node], second: Iterable[Node]) -> Diff:
    """Which nodes differ in their content, or stand in one of two lineages alone."""
    return _lineages(_contents(first), _contents(second))


def _lineages(first: dict[str, str], second: dict[str, str]) -> Diff:
    changes = [
        Change(f"node {name}", "missing" if name not in second else "added" if name not in first else "changed")
        for name in sorted(first.keys() | second.keys())
        if first.get(name) != second.get(name)
    ]
    return Diff("lineage", tuple(changes))


def _nodes_of_package(path: Path) -> dict[str, str] | None:
    """The digest of each node, by id; none where the file is no package."""
    try:
        lineage = read_package(path.read_bytes()).run.record.lineage
    except (FormatError, OSError):
        return None
    return _contents(lineage.nodes)


def _nodes_of_run(session: Session, wanted: str) -> dict[str, str]:
    workspace = session.workspace
    run_id = workspace.find(wanted).run_id
    lineage = fold((parse_event(data) for data in workspace.store.events(run_id)), still_open=True)
    note_access(session, run_id, "diff")
    return _contents(lineage.nodes)


def _contents(nodes: Iterable[Node]) -> dict[str, str]:
    return {node.id: str(node.hash or node.reason) for node in nodes}
