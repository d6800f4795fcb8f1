"""The workbook of a run: an IPE sheet first, then one sheet for each type of thing that the record holds."""

from __future__ import annotations

from cognify_core.export.dossier import Dossier
from cognify_core.export.sheets.controls import controls
from cognify_core.export.sheets.data import datasets
from cognify_core.export.sheets.ipe import ipe, run_counts, run_facts
from cognify_core.export.sheets.people import approvals, notes
from cognify_core.export.sheets.results import eval_metrics, evaluations, training_metrics
from cognify_core.export.sheets.sheet import Book
from cognify_core.export.sheets.trail import access_log, gaps, lineage, seals
from cognify_core.export.sheets.weights import (
    base_models,
    checkpoints,
    code,
    config_values,
    configs,
    environments,
    models,
)
from cognify_core.export.sheets.workbook import workbook_bytes
from cognify_core.export.templates.template import Template
from cognify_core.export.watched import Watch, unwatched

RENDERER = "cognify-xlsx/1"
"""Changes whenever the same inputs would give other bytes."""
_SHEETS = (
    datasets,
    configs,
    checkpoints,
    eval_metrics,
    evaluations,
    config_values,
    base_models,
    models,
    training_metrics,
    environments,
    code,
    notes,
    lineage,
    access_log,
    approvals,
    controls,
    gaps,
    seals,
)


def render_dossier(dossier: Dossier, template: Template | None, watch: Watch = unwatched) -> bytes:  # noqa: ARG001
    """The workbook's bytes; it takes no template.

    Raises:
        FormatError: an input is not what it should be: an event, a bundle, a manifest that is not there.
        UnsupportedExportError: there are more rows than a sheet has.
    """
    watch("composing sheets")
    return workbook_bytes(compose_book(dossier), watch)


def compose_book(dossier: Dossier) -> Book:
    """The sheets.

    Raises:
        FormatError, UnsupportedExportError: as `render_dossier`.
    """
    sheets = tuple(compose(dossier) for compose in _SHEETS)
    counts = run_counts(dossier, {sheet.title: sheet for sheet in sheets})
    first = ipe(run_facts(dossier, RENDERER), sheets, counts, "In the JSON package")
    made_at = dossier.seals[-1].sealed_at if dossier.seals else f"{dossier.closed_at[:19]}Z"
    return Book((first, *sheets), dossier.run_id, made_at)
