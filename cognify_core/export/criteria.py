"""SOC 2 (TSP section 100, 2017 criteria with the points of focus of 2022): which of them a record is evidence for.

Whether a control is suitable, and whether it worked, is for an auditor to say.
"""

from __future__ import annotations

from collections.abc import Mapping

from cognify_core.export.document.cells import mapping
from cognify_core.export.document.void import void
from cognify_core.export.dossier import Dossier, Told
from cognify_core.model.evaluation_facts import EvaluationFacts
from cognify_core.model.events import Artifact, Attestation, Body, DatasetSeen, EvaluationSeen, Gap, Note, ProfileSeen

FRAMEWORK = "SOC 2 (TSP section 100)"
CRITERIA: Mapping[str, tuple[str, ...]] = {
    "run_opened": ("CC2.1", "PI1.1", "PI1.3"),
    "run_closed": ("CC2.1", "PI1.3"),
    "dataset": ("CC8.1", "PI1.2"),
    "config": ("CC7.1", "CC8.1", "PI1.1"),
    "checkpoint": ("CC6.7", "PI1.4", "PI1.5"),
    "base_model": ("CC9.2", "PI1.2"),
    "model": ("PI1.4",),
    "evaluation": ("CC8.1", "PI1.4"),
    "environment": ("CC7.1", "CC8.1"),
    "code": ("CC7.1", "CC8.1"),
    "note": ("CC2.1",),
    "attestation": ("CC8.1",),
    "release": ("CC8.1",),
    "profile": ("CC2.1", "PI1.1"),
    "access": ("CC6.1", "CC6.2", "CC6.3", "CC7.2"),
    "gap": ("CC2.1", "CC7.3"),
    "failure": ("CC7.3", "CC7.4"),
    "seal": ("CC2.1", "CC7.1", "PI1.5"),
}
"""By the kind of event, and of the seal."""


OF_FORMS: Mapping[str, tuple[str, ...]] = {
    "phi": ("C1.1",),
    "encryption_at_rest": ("CC6.1", "C1.1"),
    "annex_iv": ("CC2.1",),
    "hipaa": ("CC2.1",),
}
"""Of attestations, by their form; those of others are about the change that a training is."""
_ABOUT = "soc2/"


def criteria_of(kind: str) -> str:
    """As in `CC8.1; PI1.2`: what events of a kind are evidence for in general."""
    return "; ".join(CRITERIA.get(kind, ()))


def criteria_in(body: Body) -> tuple[str, ...]:
    """What this very event is evidence for: an attestation speaks of what it is about, and of nothing else."""
    if isinstance(body, Attestation):
        about = body.subject or ""
        return (about.removeprefix(_ABOUT),) if about.startswith(_ABOUT) else OF_FORMS.get(body.form or "", ("CC8.1",))
    own = CRITERIA.get(body.node_type if isinstance(body, Artifact) else body.kind, ())
    return tuple(dict.fromkeys((*own, *declared_in(body))))


def declared_in(body: Body) -> tuple[str, ...]:
    """What it is evidence for by what people declare in it alone: incidents, suppliers, personal data."""
    match body:
        case Note(note_kind="incident"):
            return "CC7.3", "CC7.4"
        case DatasetSeen(provenance=said):
            supplier = ("CC9.2",) if said.get("obtained") else ()
            return (*supplier, "C1.1") if said.get("personal_data") else supplier
        case ProfileSeen(profile=said):
            vendors = mapping(said.get("hipaa")).get("vendors")
            incidents = ("CC7.3", "CC7.4") if said.get("incident_policy") else ()
            return (*incidents, "CC9.2") if vendors else incidents
    return ()


def status_of(dossier: Dossier, told: Told[Body]) -> str:
    """RECORDED, by the record itself; ATTESTED, by a named person; DECLARED, unchecked; VOID; GAP."""
    body = told.body
    match body:
        case Gap():
            return "GAP"
        case Attestation():
            return "VOID" if void(dossier, body) else "ATTESTED"
        case Note():
            return "DECLARED"
        case EvaluationSeen() if EvaluationFacts.of(body.facts).how == "declared":
            return "DECLARED"
        case Artifact():
            return {"declared": "DECLARED", "unresolved": "GAP"}.get(body.assurance, "RECORDED")
    return "ATTESTED" if body.kind == "release" else "DECLARED" if body.kind == "profile" else "RECORDED"


def actor_of(dossier: Dossier, told: Told[Body]) -> str:
    """Who says it: the person who answers for it, the commitment to a user's name, else what wrote the record."""
    body = told.body
    for name in ("approved_by", "by", "actor"):
        if (value := getattr(body, name, None)) is not None:
            return str(value)
    return recorder_of(dossier, told.addendum)


def recorder_of(dossier: Dossier, addendum: int) -> str:
    """What wrote the record of the run, or of one of its addenda."""
    run = dossier.addenda[addendum - 1] if addendum else dossier.run
    return run.record.opened.recorder


def when_of(told: Told[Body]) -> str:
    """When it was there to be seen; of what has no such time, when it was recorded."""
    at = getattr(told.body, "at", None)
    return at if isinstance(at, str) else told.time
