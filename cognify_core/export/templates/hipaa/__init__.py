"""What a training run and its organisation can show for the HIPAA Security Rule and for de-identification.

It holds personal data: users and addresses stand in clear, as far as openings were given. Nothing is attested by
default.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cognify_core.export.document.blocks import Callout, Cell, Composed, Facts, Prose, Section
from cognify_core.export.document.cells import cut, gap, mono, plain
from cognify_core.export.document.clear_values import ClearValues
from cognify_core.export.document.report import what_people_answer_for, what_was_recorded
from cognify_core.export.document.sections_access import access_log
from cognify_core.export.document.sections_identity import cover_rows
from cognify_core.export.document.sections_signoff import attested_on
from cognify_core.export.document.sections_summary import summary
from cognify_core.export.document.told_gaps import owner
from cognify_core.export.dossier import Dossier
from cognify_core.export.templates.hipaa.citations import CITATIONS
from cognify_core.export.templates.hipaa.encryption import encryption_at_rest
from cognify_core.export.templates.hipaa.keeping import documentation
from cognify_core.export.templates.hipaa.law import LAW, PERSONAL, PROPOSED, SCOPE
from cognify_core.export.templates.hipaa.phi import Phi, phi_of, protected_health_information
from cognify_core.export.templates.rows import answer_all, coverage, details, meanings, open_rows, overview
from cognify_core.export.templates.statements import attested, profile_evidence, signer, stated
from cognify_core.export.templates.template import Template


@dataclass(frozen=True)
class Hipaa:
    """The template `hipaa`."""

    name: str = "hipaa"
    version: str = "1"
    formats: frozenset[str] = frozenset({"pdf"})
    shows_personal_data: bool = True

    def compose(self, dossier: Dossier) -> Composed:
        """The document."""
        answers = answer_all(dossier, CITATIONS)
        lead = Prose(
            "(R) is required, (A) addressable: implemented, or an equivalent alternative and why; never optional. "
            "Citations that a training pipeline does not touch are not listed."
        )
        return Composed(
            title="HIPAA evidence extract",
            subtitle="Safeguards and de-identification of the data of one fine-tuning run",
            cover=cover_rows(dossier),
            sections=(
                Section(
                    "Coverage by citation",
                    (lead, meanings(), overview(dossier, CITATIONS, answers), Callout(PROPOSED)),
                    new_page=True,
                ),
                *protected_health_information(dossier),
                access_log(dossier, clear=True),
                encryption_at_rest(dossier),
                Section("Citation by citation", ()),
                *details(CITATIONS, answers),
                summary(dossier),
                *what_was_recorded(dossier),
                *what_people_answer_for(dossier, *open_rows(dossier, CITATIONS, answers)),
            ),
            footer=f"{self.name}/{self.version} · {LAW}",
            first_page=(Callout(SCOPE, "warning"), Callout(PERSONAL, "alarm"), Facts(tuple(_first_page(dossier)))),
            coverage=coverage(answers),
            banner=dossier.banner,
        )


def _first_page(dossier: Dossier) -> Iterator[tuple[str, Cell]]:
    phi = phi_of(dossier)
    whose = owner(dossier.profile, "compliance", "hipaa/scope")
    yield "Organisation", _scope(dossier, whose)
    yield "PHI in the datasets", _phi(phi) if phi.is_attested else gap(f"{phi.words}; owner: {whose}")
    yield "Weights treated as ePHI", _weights(dossier)
    yield "Run by", _ran_by(dossier)
    yield "Retention", plain(str(documentation(dossier)))


def _scope(dossier: Dossier, whose: str) -> Cell:
    answers = (stated(dossier, dossier.profile.answers.get("hipaa/scope")), attested(dossier, "hipaa/scope"))
    named = [answer for answer in answers if answer and answer.by and answer.counts]
    if named:
        return plain(str(named[-1]), *named[-1].evidence)
    missing = "covered entity, business associate or neither: not stated by a named person"
    return gap(f"{missing}; owner: {whose}; supplied by answers → hipaa/scope, in the profile")


def _weights(dossier: Dossier) -> Cell:
    said = dossier.profile.hipaa
    whose = owner(dossier.profile, "compliance", "hipaa/weights")
    if said.weights_treated_as_ephi is None or dossier.profile.stated_by is None:
        missing = "a model may have memorised what it was trained on: not stated by a named person"
        return gap(f"{missing}; owner: {whose}; supplied by hipaa.weights_treated_as_ephi, in the profile")
    rationale = said.weights_rationale or "no rationale is given"
    by = signer(dossier, None)
    return plain(f"{said.weights_treated_as_ephi}: {rationale} — stated by {by}", *profile_evidence(dossier))


def _phi(phi: Phi) -> Cell:
    if phi.told is None:
        return plain(phi.words)
    body = phi.told.body
    by = f"{cut(body.by, 120)}, {cut(body.role, 120)}, {attested_on(phi.told)}"
    return plain(f"{phi.words} — attested by {by}", phi.told)


def _ran_by(dossier: Dossier) -> Cell:
    """The account that trained, on which machine: the environment's commitments, opened."""
    values = ClearValues.of(dossier.openings)
    for told in dossier.environments[:1]:
        personal = told.body.facts.get("personal")
        if isinstance(personal, dict):
            shown = (
                f"{name}: {values.show(str(personal[name]), clear=True)}"
                for name in ("user", "host")
                if name in personal
            )
            return mono("; ".join(shown), told)
    return gap("neither the account that ran it nor the machine is recorded")


TEMPLATE: Template = Hipaa()
