"""The sheet of the datasets: what each is, how it was hashed, where it came from, and what is declared of it."""

from __future__ import annotations

from collections.abc import Mapping

from cognify_core.export.document.datasheets import ASKED, declared, others
from cognify_core.export.document.graph import Dataset, distinct_datasets, node_name, sources
from cognify_core.export.dossier import Dossier, Told
from cognify_core.export.sheets.common import DIGEST, ID, TOLD, digest_cell, facts_cell, told_cells
from cognify_core.export.sheets.sheet import Column, Sheet
from cognify_core.export.sheets.values import Value
from cognify_core.model.events import DatasetSeen

_COLUMNS = (
    ID,
    Column("name", 40),
    Column("role", 16),
    Column("records"),
    DIGEST,
    Column("assurance", 14),
    Column("manifest", 24, mono=True),
    Column("schema version", 16),
    Column("location", 60, mono=True),
    Column("made from", 60, mono=True),
    *(Column(title, 40) for title in ASKED.values()),
    Column("declared beside", 60),
    *TOLD,
)


def datasets(dossier: Dossier) -> Sheet:
    """A row for each node of type dataset; a dataset that an addendum meets again is a node of that addendum."""
    behind = sources(dossier)
    group = {name: dataset for dataset in distinct_datasets(dossier) for name in dataset.names}
    rows = (_row(dossier, told, group[node_name(dossier, told)], behind) for told in dossier.datasets)
    about = "Every dataset that the run read or was evaluated on, and its sources."
    return Sheet.of("datasets", about, _COLUMNS, rows)


def _row(
    dossier: Dossier, told: Told[DatasetSeen], dataset: Dataset, behind: Mapping[str, tuple[Dataset, ...]]
) -> tuple[Value, ...]:
    body, made_from = told.body, behind[dataset.names[0]]
    by_default = " (by default)" if body.schema_version_defaulted else ""
    return (
        node_name(dossier, told),
        body.name,
        body.role,
        body.record_count,
        digest_cell(body),
        body.assurance,
        body.manifest,
        f"{body.schema_version}{by_default}",
        body.location,
        "; ".join(source.names[0] for source in made_from),
        *(declared(dataset, made_from, asked) or "undeclared" for asked in ASKED),
        facts_cell(dict(others(body.provenance))),
        *told_cells(dossier, told),
    )
