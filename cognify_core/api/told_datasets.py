"""Datasets across the runs of a workspace, as lists and pages tell them: what each was, who had it, what is declared.

What is told is what the events say. A dataset of which no event reads has no name here, and `verify` says why.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cognify_core.errors import FormatError
from cognify_core.export.document.datasheets import ASKED, stated
from cognify_core.model.artifacts import DatasetSeen
from cognify_core.model.digest import Digest
from cognify_core.model.events import parse_event
from cognify_core.store.mentions import Content, NamedDataset, Teller
from cognify_core.store.protocol import Store

UNREADABLE = "(its event does not read)"


@dataclass(frozen=True, slots=True)
class ToldDataset:
    """A dataset, as a list has it."""

    named: NamedDataset
    body: DatasetSeen | None
    """What was last said of it; none where that does not read."""

    @property
    def name(self) -> str:
        """What it is called."""
        return UNREADABLE if self.body is None else self.body.name


@dataclass(frozen=True, slots=True)
class UsedBy:
    """A run that had some content of a dataset."""

    run_id: str
    roles: tuple[str, ...]
    """What it was for: `train`, `eval`, `source` …"""


@dataclass(frozen=True, slots=True)
class ToldContent:
    """What a dataset was, in some runs."""

    digest: Digest | None
    runs: int
    used_by: tuple[UsedBy, ...]
    """The newest of them."""
    bodies: tuple[DatasetSeen, ...]
    """What these say of it, newest first."""
    cursor: str
    """After which a page begins."""

    @property
    def versions(self) -> tuple[str, ...]:
        """The versions of the schema that it was given, those that nobody gave left out."""
        return tuple(dict.fromkeys(body.schema_version for body in self.bodies if not body.schema_version_defaulted))

    @property
    def records(self) -> int | None:
        """How many records it has, where that was counted."""
        return next((body.record_count for body in self.bodies if body.record_count is not None), None)

    @property
    def size(self) -> int | None:
        """Its bytes, where it is files."""
        sizes = (body.facts.get("bytes") for body in self.bodies)
        return next((size for size in sizes if isinstance(size, int) and not isinstance(size, bool)), None)

    @property
    def assurances(self) -> tuple[str, ...]:
        """How its digest was obtained."""
        return tuple(dict.fromkeys(body.assurance for body in self.bodies))

    @property
    def locations(self) -> tuple[str, ...]:
        """Where it lay."""
        return tuple(dict.fromkeys(body.location for body in self.bodies if body.location))

    @property
    def declared(self) -> dict[str, str]:
        """What is declared of it, by the titles of a datasheet."""
        said = {title: stated(self.bodies, asked) for asked, title in ASKED.items()}
        return {title: value for title, value in said.items() if value is not None}

    @property
    def undeclared(self) -> tuple[str, ...]:
        """The titles of a datasheet of which none of these says anything."""
        declared = self.declared
        return tuple(title for title in ASKED.values() if title not in declared)


def told_datasets(store: Store, *, after: str | None = None, limit: int = 50) -> list[ToldDataset]:
    """Datasets, those that stood in a run last first."""
    return [ToldDataset(each, _body(each.teller)) for each in store.datasets(after=after, limit=limit)]


def told_contents(store: Store, key: str, *, after: str | None = None, limit: int = 10) -> list[ToldContent]:
    """What a dataset was; none where no run of the workspace has a dataset whose name has that digest."""
    return [_told(content) for content in store.contents(key, after=after, limit=limit)]


def _told(content: Content) -> ToldContent:
    said = [(teller.run_id, body) for teller in content.tellers if (body := _body(teller)) is not None]
    bodies = tuple(body for _, body in said)
    return ToldContent(content.digest, content.runs, tuple(_used_by(said)), bodies, content.cursor)


def _used_by(said: Sequence[tuple[str, DatasetSeen]]) -> Iterator[UsedBy]:
    roles: dict[str, dict[str, None]] = {}
    for run_id, body in said:
        roles.setdefault(run_id, {})[body.role] = None
    return (UsedBy(run_id, tuple(each)) for run_id, each in roles.items())


def _body(teller: Teller) -> DatasetSeen | None:
    try:
        body = parse_event(teller.event).body
    except FormatError:
        return None
    return body if isinstance(body, DatasetSeen) else None
