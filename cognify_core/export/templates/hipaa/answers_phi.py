"""164.502(d) and 164.514: on which basis, if any, the data are de-identified."""

from __future__ import annotations

from dataclasses import replace

from cognify_core.export.dossier import Dossier
from cognify_core.export.templates.hipaa.phi import BASES, SUPPLY, phi_of, phi_statement
from cognify_core.export.templates.points import Findings, Point, answered
from cognify_core.export.templates.template import Answer


def de_identification(dossier: Dossier, point: Point) -> Answer:
    """164.502(d), 164.514(a): which basis is attested."""
    return _by_phi(dossier, point)


def expert(dossier: Dossier, point: Point) -> Answer:
    """164.514(b)(1)."""
    return _by_phi(dossier, point, "expert_determination")


def safe_harbor(dossier: Dossier, point: Point) -> Answer:
    """164.514(b)(2)."""
    return _by_phi(dossier, point, "safe_harbor")


def limited_data_set(dossier: Dossier, point: Point) -> Answer:
    """164.514(e)."""
    return _by_phi(dossier, point, "limited_data_set")


def _by_phi(dossier: Dossier, point: Point, basis: str = "") -> Answer:
    """As the attestation of the form `phi` says: another basis makes this one not applicable; none makes it a gap."""
    phi = phi_of(dossier)
    statement, found = phi_statement(dossier, phi), Findings()
    found.lack(SUPPLY, when=not phi.is_attested)
    if statement and phi.is_attested and basis not in ("", phi.basis):
        text = f"Not applicable: the attested basis is {BASES[phi.basis]}"
        statement = replace(statement, says=(text,), is_not_applicable=True)
    return answered(dossier, point, found, (statement,))
