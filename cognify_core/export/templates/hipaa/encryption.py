"""Encryption at rest: an attestation for each place in which checkpoints lie (164.312(a)(2)(iv)), or a gap for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cognify_core.canonical import Json
from cognify_core.errors import ConfigurationError
from cognify_core.export.document.blocks import Callout, Cell, Section
from cognify_core.export.document.cells import count, cut, gap, listed, mono, plain, said, table
from cognify_core.export.document.told_gaps import owner
from cognify_core.export.document.void import void
from cognify_core.export.dossier import Dossier, Told
from cognify_core.model.attestation_forms import check_form
from cognify_core.model.bodies import Attestation
from cognify_core.model.events import CheckpointSeen

FORM = "encryption_at_rest"
SUPPLY = 'cognify.attest(…, form="encryption_at_rest", subject=<location>, facts={"encrypted": …})'


@dataclass(frozen=True, slots=True)
class Place:
    """A storage location, what lies there, and who attests how it is encrypted."""

    location: str
    checkpoints: tuple[Told[CheckpointSeen], ...]
    attested: Told[Attestation] | None
    problem: str = ""
    """Why an attestation of it does not hold."""

    @property
    def facts(self) -> Mapping[str, Json]:
        """What is attested."""
        return (self.attested.body.facts or {}) if self.attested else {}


def places(dossier: Dossier) -> tuple[Place, ...]:
    """Every location of a checkpoint. The last attestation about it, or about a folder above it, counts."""
    found: dict[str, list[Told[CheckpointSeen]]] = {}
    for told in dossier.checkpoints:
        found.setdefault(told.body.location or "not recorded", []).append(told)
    attestations = [told for told in dossier.attestations if told.body.form == FORM]
    return tuple(_place(dossier, location, told, attestations) for location, told in found.items())


def encryption_at_rest(dossier: Dossier) -> Section:
    """The table of the locations."""
    found = places(dossier)
    if not found:
        return Section(
            "Encryption at rest", (Callout("No checkpoint is recorded, so no location is known.", "warning"),)
        )
    columns = (
        ("Location", 2.6),
        ("Checkpoints", 1.4),
        ("Encrypted", 1.6),
        ("Key custodian", 1.4),
        ("Attested by", 2.0),
    )
    rows = [_row(dossier, place) for place in found]
    is_open = any(place.attested is None for place in found)
    caption = f"Supplied by {SUPPLY}" if is_open else ""
    return Section("Encryption at rest", (table(dossier, columns, rows, caption),))


def _place(
    dossier: Dossier, location: str, told: list[Told[CheckpointSeen]], attestations: Iterable[Told[Attestation]]
) -> Place:
    about = [each for each in attestations if _covers(each.body.subject, location)]
    if not about:
        return Place(location, tuple(told), None)
    problem = _problem(dossier, about[-1].body)
    return Place(location, tuple(told), None if problem else about[-1], problem)


def _covers(subject: str | None, location: str) -> bool:
    folder = (subject or "").rstrip("/")
    return bool(folder) and (location.rstrip("/") == folder or location.startswith(f"{folder}/"))


def _problem(dossier: Dossier, body: Attestation) -> str:
    if not body.by.strip() or not body.role.strip():
        return "it names no person with a role"
    if reason := void(dossier, body):
        return reason
    try:
        check_form(FORM, body.facts, subject=body.subject, has_evidence=body.evidence is not None)
    except ConfigurationError as error:
        return str(error)
    return ""


def _row(dossier: Dossier, place: Place) -> tuple[Cell, ...]:
    names = f"{count(len(place.checkpoints))}: {listed((told.node_id for told in place.checkpoints), 3)}"
    head = (mono(place.location, *place.checkpoints[:2]), mono(names))
    if place.attested is None:
        whose = owner(dossier.profile, "compliance", "hipaa/164.312(a)(2)(iv)")
        reason = f"an attestation does not hold: {place.problem}" if place.problem else "not attested"
        return (*head, gap(f"{reason}; owner: {whose}"), plain("unknown"), plain("nobody"))
    body, facts = place.attested.body, place.facts
    how = f"yes, {said(facts.get('algorithm'))}" if facts.get("encrypted") else _instead(facts)
    by = f"{cut(body.by, 120)}, {cut(body.role, 120)}, {body.on or place.attested.time[:10]}"
    return (*head, plain(how, place.attested), plain(said(facts.get("custodian") or "not stated")), plain(by))


def _instead(facts: Mapping[str, Json]) -> str:
    return f"no; alternative: {said(facts.get('alternative'))}; because: {said(facts.get('rationale'))}"
