"""What routes answer of datasets."""

from __future__ import annotations

from cognify_core.api.told_datasets import ToldContent, ToldDataset
from cognify_core.server.forms import Shown


class DatasetShown(Shown):
    """A dataset of a workspace, by its name."""

    key: str
    """The SHA-256 of its name, hexadecimal: what its own address ends with."""
    name: str
    contents: int
    """How many different ones were seen under this name."""
    runs: int
    last_run: str
    record_count: int | None
    schema_version: str | None

    @classmethod
    def of(cls, told: ToldDataset) -> DatasetShown:
        """Show a dataset."""
        return cls(
            key=told.named.key,
            name=told.name,
            contents=told.named.contents,
            runs=told.named.runs,
            last_run=told.named.teller.run_id,
            record_count=told.body.record_count if told.body else None,
            schema_version=told.body.schema_version if told.body else None,
        )


class DatasetsPage(Shown):
    """Datasets, those that stood in a run last first; `next` is the cursor of the page after, where there is one."""

    datasets: list[DatasetShown]
    next: str | None


class UsedByShown(Shown):
    """A run that had a content of a dataset."""

    run_id: str
    roles: list[str]


class ContentShown(Shown):
    """What a dataset was, in some runs."""

    hash: str | None
    """None: it was not seen."""
    runs: int
    used_by: list[UsedByShown]
    """The newest of them."""
    schema_versions: list[str]
    record_count: int | None
    bytes: int | None
    assurances: list[str]
    declared: dict[str, str]
    undeclared: list[str]

    @classmethod
    def of(cls, told: ToldContent) -> ContentShown:
        """Show a content."""
        return cls(
            hash=str(told.digest) if told.digest else None,
            runs=told.runs,
            used_by=[UsedByShown(run_id=each.run_id, roles=list(each.roles)) for each in told.used_by],
            schema_versions=list(told.versions),
            record_count=told.records,
            bytes=told.size,
            assurances=list(told.assurances),
            declared=told.declared,
            undeclared=list(told.undeclared),
        )


class ContentsPage(Shown):
    """What a dataset was; `next` is the cursor of the page after, where there is one."""

    key: str
    contents: list[ContentShown]
    next: str | None
