"""Data provenance: each dataset with its digest, what it holds, where it came from, and what nobody has declared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from cognify_core.export.document.blocks import Callout, Cell, Facts, Prose, Section, Table
from cognify_core.export.document.cells import (
    count,
    cut,
    digest,
    gap,
    listed,
    mono,
    plain,
    said,
    table,
    with_digests,
)
from cognify_core.export.document.datasheets import ASKED, data_owner, declared, others
from cognify_core.export.document.graph import Dataset, distinct_datasets, sources
from cognify_core.export.dossier import Dossier, Told
from cognify_core.model.events import DatasetSeen

DETAILED = 25
"""Datasets that get a datasheet of their own; the table names the others."""
_DECLARE = "cognify.dataset(…, licence=…, obtained=…)"


def data_provenance(dossier: Dossier) -> tuple[Section, ...]:
    """The table of all datasets, then a datasheet for each of the first ones."""
    datasets, behind = distinct_datasets(dossier), sources(dossier)
    if not datasets:
        return (Section("Data provenance", (Callout("The record names no dataset.", "warning"),)),)
    overview = Section("Data provenance", (_overview(dossier, datasets, behind), *_not_detailed(datasets)))
    return (overview, *(_datasheet(dossier, dataset, behind[dataset.names[0]]) for dataset in datasets[:DETAILED]))


def source_category(dossier: Dossier, dataset: Dataset, behind: Iterable[Dataset]) -> Cell:
    """The category that is declared, or a gap with its owner."""
    value = declared(dataset, behind, "source_category")
    if value is not None:
        return plain(value, *dataset.every[:1])
    return gap(f"undeclared; owner: {data_owner(dossier)}")


def _overview(dossier: Dossier, datasets: Iterable[Dataset], behind: Mapping[str, tuple[Dataset, ...]]) -> Table:
    columns = (("Dataset", 2.0), ("Role", 0.9), ("Records", 0.9), ("Digest", 5.0), ("Source category", 1.7))
    rows = [
        (
            mono(dataset.names[0], *dataset.every[:2]),
            plain(dataset.role),
            records(dataset),
            digest(dataset.body.hash),
            source_category(dossier, dataset, behind[dataset.names[0]]),
        )
        for dataset in datasets
    ]
    return table(dossier, columns, rows, "Every dataset that the run read or was evaluated on, and its sources")


def records(dataset: Dataset) -> Cell:
    """How many records there are, or that nobody counted."""
    known = dataset.body.record_count
    return plain(count(known)) if known is not None else gap("not counted")


def _not_detailed(datasets: tuple[Dataset, ...]) -> tuple[Prose, ...]:
    left = len(datasets) - DETAILED
    if left <= 0:
        return ()
    return (
        Prose(f"The first {DETAILED} datasheets follow; those of {count(left, 'dataset')} stand in evidence.json."),
    )


def _datasheet(dossier: Dossier, dataset: Dataset, behind: tuple[Dataset, ...]) -> Section:
    told, body = dataset.first, dataset.body
    defaulted = " (by default; nobody declared one)" if body.schema_version_defaulted else ""
    rows = [
        ("Digest", digest(body.hash, *dataset.every)),
        ("Assurance", plain(_assurance(body.assurance, body.reason), told)),
        ("Records", records(dataset)),
        ("Columns", _columns(dossier, told)),
        ("Schema version", plain(f"{body.schema_version}{defaulted}")),
        ("Location", mono(body.location or "not recorded")),
        ("Made from", _made_from(dossier, dataset, behind)),
        *_declarations(dossier, dataset, behind),
        *((cut(key, 60), plain(said(value), told)) for key, value in others(body.provenance)),
    ]
    return Section(f"Dataset {cut(body.name, 80)}", (Facts(tuple(rows)),), level=2)


def _declarations(dossier: Dossier, dataset: Dataset, behind: tuple[Dataset, ...]) -> Iterator[tuple[str, Cell]]:
    found = {title: declared(dataset, behind, asked) for asked, title in ASKED.items()}
    yield from ((title, plain(value, *dataset.every[:1])) for title, value in found.items() if value is not None)
    missing = [title for title, value in found.items() if value is None]
    if missing:
        text = f"{listed(missing, len(ASKED))}; owner: {data_owner(dossier)}; supplied by {_DECLARE}"
        yield "Undeclared", gap(text)


def _assurance(assurance: str, reason: str | None) -> str:
    return {
        "content": "content: every byte or row was hashed",
        "sampled": "sampled: not every row was hashed",
        "declared": "declared: stated by a person or a tool, not checked",
    }.get(assurance, f"unresolved: {reason}")


def _columns(dossier: Dossier, told: Told[DatasetSeen]) -> Cell:
    value = dossier.manifest(told)
    columns = value.get("columns") if isinstance(value, dict) else None
    if isinstance(columns, dict):
        return mono(listed((f"{name}: {said(kind, 60)}" for name, kind in columns.items()), 40))
    return plain("not recorded: the digest is that of files or of a stream, not of rows")


def _made_from(dossier: Dossier, dataset: Dataset, behind: tuple[Dataset, ...]) -> Cell:
    if behind:
        return mono(with_digests((source.names[0], source.body.hash) for source in behind), *(s.first for s in behind))
    if dataset.body.role == "source":
        return plain("a source: the record begins here")
    return gap(f"no source is recorded; owner: {data_owner(dossier)}")
