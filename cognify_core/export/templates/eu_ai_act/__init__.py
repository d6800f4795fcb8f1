"""The technical documentation of Annex IV of the EU AI Act, as far as a training run and its organisation answer it.

The document is an extract of evidence. It never says that a duty is met: that is for the provider and for authorities.
"""

from __future__ import annotations

from dataclasses import dataclass

from cognify_core.export.document.blocks import Composed, Prose, Section
from cognify_core.export.document.report import what_people_answer_for, what_was_recorded
from cognify_core.export.document.sections_access import access_log
from cognify_core.export.document.sections_identity import cover_rows
from cognify_core.export.document.sections_summary import summary
from cognify_core.export.dossier import Dossier
from cognify_core.export.templates.eu_ai_act.annex_iv import ANNEX_IV
from cognify_core.export.templates.eu_ai_act.compute import one_third_rule
from cognify_core.export.templates.eu_ai_act.keeping import retention
from cognify_core.export.templates.eu_ai_act.law import LAW, check_form
from cognify_core.export.templates.eu_ai_act.neighbours import neighbouring_articles
from cognify_core.export.templates.eu_ai_act.page_one import five_headings
from cognify_core.export.templates.rows import answer_all, coverage, details, meanings, open_rows, overview
from cognify_core.export.templates.template import Template


@dataclass(frozen=True)
class EuAiAct:
    """The template `eu_ai_act`. `form` is `full`: the simplified one is not published."""

    form: str = "full"
    name: str = "eu_ai_act"
    version: str = "1"
    formats: frozenset[str] = frozenset({"pdf"})
    shows_personal_data: bool = False

    def compose(self, dossier: Dossier) -> Composed:
        """The document.

        Raises:
            UnsupportedExportError: the form is not there.
        """
        check_form(self.form)
        answers = answer_all(dossier, ANNEX_IV)
        lead = Prose(
            "Each row of Annex IV, with what the record shows, what people state, and what is missing. This is "
            "an extract of evidence for the technical documentation of Art. 11; it does not say that a duty is met."
        )
        return Composed(
            title="Technical documentation, Annex IV",
            subtitle="Evidence extract of a fine-tuning run for Regulation (EU) 2024/1689 (AI Act), Art. 11",
            cover=cover_rows(dossier),
            sections=(
                Section("Annex IV: coverage", (lead, meanings(), overview(dossier, ANNEX_IV, answers)), new_page=True),
                Section("Annex IV: point by point", ()),
                *details(ANNEX_IV, answers),
                neighbouring_articles(dossier),
                one_third_rule(dossier),
                retention(dossier),
                summary(dossier),
                *what_was_recorded(dossier),
                *what_people_answer_for(dossier, *open_rows(dossier, ANNEX_IV, answers)),
                access_log(dossier),
            ),
            footer=f"{self.name}/{self.version} · {LAW}",
            first_page=five_headings(dossier),
            coverage=coverage(answers),
            banner=dossier.banner,
        )


TEMPLATE: Template = EuAiAct()
