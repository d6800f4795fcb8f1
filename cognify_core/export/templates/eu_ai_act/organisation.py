"""Annex IV, points that only the organisation can answer: oversight, risk, standards, declaration, monitoring."""

from __future__ import annotations

from cognify_core.export.document.cells import cut, listed
from cognify_core.export.document.sections_limits import notes_of
from cognify_core.export.dossier import Dossier
from cognify_core.export.templates.points import Findings, Point, answered, orientation
from cognify_core.export.templates.statements import referred, said_by_profile, stated
from cognify_core.export.templates.template import Answer

_SPECIFICATIONS = (
    "SHA-256 (FIPS 180-4), ECDSA P-256 (FIPS 186-5), Merkle trees (RFC 6962), canonical JSON (RFC 8785), in-toto "
    "statements and DSSE envelopes. They are technical specifications of this record, and no harmonised standards"
)


def oversight(dossier: Dossier, point: Point) -> Answer:
    """2(e): the assessment of human oversight; notes help, and are no assessment."""
    answer = answered(dossier, point, Findings(), (stated(dossier, dossier.profile.human_oversight),))
    for note in notes_of(dossier, ("oversight",))[:3]:
        answer = orientation(answer, cut(note.body.text), note)
    return answer


def risk_management(dossier: Dossier, point: Point) -> Answer:
    """5: the risk-management system."""
    return answered(dossier, point, Findings(), (stated(dossier, dossier.profile.risk_management),))


def standards(dossier: Dossier, point: Point) -> Answer:
    """7: harmonised standards; those of the record itself are listed apart, for they are none."""
    named = dossier.profile.standards
    statement = said_by_profile(dossier, f"Applied: {listed(named, 20)}") if named else None
    return orientation(answered(dossier, point, Findings(), (statement,)), f"this record uses {_SPECIFICATIONS}.")


def declaration(dossier: Dossier, point: Point) -> Answer:
    """8: the EU declaration of conformity, which is referred to and never made here."""
    copy = referred(dossier, dossier.profile.declaration_of_conformity, "Declaration")
    return answered(dossier, point, Findings(), (copy,))


def monitoring(dossier: Dossier, point: Point) -> Answer:
    """9: post-market monitoring and its plan."""
    return answered(dossier, point, Findings(), (stated(dossier, dossier.profile.post_market_monitoring),))
