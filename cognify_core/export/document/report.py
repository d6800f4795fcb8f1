"""The general audit report: what is recorded of one run, in the order in which auditors read."""

from __future__ import annotations

from cognify_core.export.document.blocks import Block, Composed, Section
from cognify_core.export.document.sections_access import access_log
from cognify_core.export.document.sections_config import hyper_parameters
from cognify_core.export.document.sections_data import data_provenance
from cognify_core.export.document.sections_evaluations import evaluations
from cognify_core.export.document.sections_gaps import open_gaps
from cognify_core.export.document.sections_identity import cover_rows, identification
from cognify_core.export.document.sections_limits import limitations
from cognify_core.export.document.sections_seal import seal_certificate
from cognify_core.export.document.sections_signoff import sign_off
from cognify_core.export.document.sections_summary import summary
from cognify_core.export.dossier import Dossier

REPORT = "cognify-report/1"
"""Changes whenever the same dossier would give another document."""


def compose_report(dossier: Dossier) -> Composed:
    """The document of a run without a template."""
    return Composed(
        title="Audit report of a fine-tuning run",
        subtitle="What was recorded, what people declared, and what is missing",
        cover=cover_rows(dossier),
        sections=(
            summary(dossier),
            *what_was_recorded(dossier),
            *what_people_answer_for(dossier),
            access_log(dossier),
        ),
        footer=REPORT,
        banner=dossier.banner,
    )


def what_was_recorded(dossier: Dossier) -> tuple[Section, ...]:
    """The standard sections on the model, the data, the configuration and the results."""
    return (
        identification(dossier),
        *data_provenance(dossier),
        *hyper_parameters(dossier),
        *evaluations(dossier),
    )


def what_people_answer_for(dossier: Dossier, *open_rows: Block) -> tuple[Section, ...]:
    """The standard sections that close a document: limits, gaps (`open_rows` those of a template), seal, sign-off."""
    return (
        *limitations(dossier),
        open_gaps(dossier, *open_rows),
        *seal_certificate(dossier),
        sign_off(dossier),
    )
