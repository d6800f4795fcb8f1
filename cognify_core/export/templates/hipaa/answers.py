"""How the citations of 45 CFR Part 164 are answered, those that need more than an answer in the profile."""

from __future__ import annotations

from dataclasses import replace

from cognify_core.export.document.cells import cut, moment
from cognify_core.export.document.seals import anchored_by
from cognify_core.export.document.sections_limits import notes_of
from cognify_core.export.dossier import Dossier
from cognify_core.export.templates.hipaa.keeping import documentation
from cognify_core.export.templates.points import Findings, Point, answered, orientation
from cognify_core.export.templates.statements import (
    Statement,
    document,
    profile_evidence,
    referred,
    said_by_profile,
    signer,
    stated,
)
from cognify_core.export.templates.template import Answer
from cognify_core.model.profile import Addressable


def decided(dossier: Dossier, point: Point) -> Answer:
    """An addressable specification: implemented, or an equivalent alternative and why."""
    return answered(dossier, point, Findings(), (decision(dossier, point),))


def decision(dossier: Dossier, point: Point) -> Statement | None:
    """What the profile decides about it (164.306(d)(3))."""
    made = dossier.profile.hipaa.addressable.get(point.ref)
    if made is None:
        return None
    says, missing = _words(made)
    by = signer(dossier, made.stated_by)
    if made.decision == "not_reasonable" and not made.alternative:
        lack = "an equivalent alternative measure, or why none is reasonable and appropriate (164.306(d)(3)(ii)(B)(2))"
        return Statement(says, by, "profile", profile_evidence(dossier), (*missing, lack), counts=False)
    return Statement(says, by, "profile", profile_evidence(dossier), missing)


def _words(made: Addressable) -> tuple[tuple[str, ...], tuple[str, ...]]:
    lead = {"implemented": "Implemented", "alternative": "Alternative measure"}.get(made.decision, "Not reasonable")
    instead = f" ({cut(made.alternative, 600)})" if made.alternative else ""
    place, missing = document(made.reference, "Document: ")
    return (f"{lead}{instead}: {cut(made.rationale, 1500)}", *place), missing


def official(dossier: Dossier, point: Point) -> Answer:
    """164.308(a)(2): who is responsible for security."""
    name = dossier.profile.hipaa.security_official
    statement = said_by_profile(dossier, f"Security official: {name}") if name else None
    return answered(dossier, point, Findings(), (statement,))


def supervision(dossier: Dossier, point: Point) -> Answer:
    """164.308(a)(3)(ii)(A): somebody approved the run that is used."""
    approvals = [
        Statement(
            (f"Release approved; ran by {cut(told.body.ran_by, 120)}",),
            f"{cut(told.body.approved_by, 120)}, {cut(told.body.role, 120)}, {told.body.on}",
            "release",
            (told.evidence,),
        )
        for told in dossier.releases[-1:]
    ]
    return answered(dossier, point, Findings(), (*approvals, decision(dossier, point)))


def incident_procedures(dossier: Dossier, point: Point) -> Answer:
    """164.308(a)(6)(i): the incident policy, by reference."""
    profile = dossier.profile
    contact = said_by_profile(dossier, f"Contact: {profile.incident_contact}") if profile.incident_contact else None
    policy = referred(dossier, profile.incident_policy, "Incident policy")
    if policy is None:
        return answered(dossier, point, Findings(), (replace(contact, counts=False) if contact else None,))
    return answered(dossier, point, Findings(), (policy, contact))


def incidents(dossier: Dossier, point: Point) -> Answer:
    """164.308(a)(6)(ii): incidents that have to do with the run; none recorded is not none."""
    answer = answered(dossier, point, Findings(), (stated(dossier, dossier.profile.hipaa.incidents),))
    notes = notes_of(dossier, ("incident",))
    if not notes:
        return orientation(answer, "no incident is recorded, which is no statement that there was none")
    for note in notes[:6]:
        answer = orientation(answer, f"noted {moment(note.time)}: {cut(note.body.text)}", note)
    return answer


def vendors(dossier: Dossier, point: Point) -> Answer:
    """164.308(b), 164.314(a): who outside touches the data, and under which agreement."""
    said, lacking = [], []
    for vendor in dossier.profile.hipaa.vendors:
        name = cut(f"{vendor.name}{f' ({vendor.service})' if vendor.service else ''}", 200)
        if vendor.baa and vendor.baa_date:
            said.append(f"{name}: business associate agreement of {vendor.baa_date}")
        else:
            lacking.append(name)
            state = {True: "agreement without a date", False: "no agreement", None: "not said"}[vendor.baa]
            said.append(f"{name}: {state}")
    missing = tuple(f"the dated business associate agreement with {name}" for name in lacking[:6])
    statement = said_by_profile(dossier, *said, missing=missing) if said else None
    if statement and lacking:
        statement = replace(statement, counts=False)
    return answered(dossier, point, Findings(), (statement,))


def integrity(dossier: Dossier, point: Point) -> Answer:
    """164.312(c): digests and the seal."""
    found = Findings()
    for seal in dossier.seals[:1]:
        found.add(
            f"Every artifact that could be read has a SHA-256; the record is sealed with the key {seal.key_id}, root "
            f"{seal.root}; the seal's age rests on {anchored_by(seal)}",
            *dossier.evidence_of("seal"),
        )
    found.lack("the result of a verification by whoever reviews this: see How to verify")
    return answered(dossier, point, found, (decision(dossier, point),))


def in_writing(dossier: Dossier, point: Point) -> Answer:
    """164.316(b)(1)(ii): actions and activities, in writing, which may be electronic."""
    found = Findings()
    found.add("This document and the evidence.json within it", dossier.opened, dossier.closed)
    return answered(dossier, point, found, own="the other actions and activities that the rule asks to document")


def time_limit(dossier: Dossier, point: Point) -> Answer:
    """164.316(b)(2)(i) and 164.530(j): six years."""
    found = Findings()
    found.add(f"Keep {documentation(dossier)}", *(dossier.evidence_of("seal") or (dossier.closed,)))
    return answered(dossier, point, found, own="the day on which this documentation was last in effect")


def review(dossier: Dossier, point: Point) -> Answer:
    """164.316(b)(2)(iii): the next review."""
    day = dossier.profile.hipaa.next_review
    return answered(dossier, point, Findings(), (said_by_profile(dossier, f"Next review: {day}") if day else None,))
