"""Whether the datasets hold protected health information: an attestation, bound to their digests, and never a default.

45 CFR 164.502(d), 164.514. A scan for identifiers supports an attestation; it is no determination.
"""

from __future__ import annotations

from dataclasses import dataclass

from cognify_core.errors import ConfigurationError
from cognify_core.export.document.blocks import Block, Callout, Cell, Facts, Prose, Section, Table
from cognify_core.export.document.cells import cut, digest, gap, mono, plain, said, table
from cognify_core.export.document.graph import distinct_datasets
from cognify_core.export.document.sections_signoff import attested_on
from cognify_core.export.document.told_gaps import owner
from cognify_core.export.document.void import void
from cognify_core.export.dossier import Dossier, Told
from cognify_core.export.templates.statements import Statement, attested_by
from cognify_core.model.attestation_forms import IDENTIFIERS, check_form
from cognify_core.model.bodies import Attestation

UNDECLARED = "undeclared"
BASES = {
    "no_phi": "no PHI",
    "safe_harbor": "de-identified, Safe Harbor (164.514(b)(2))",
    "expert_determination": "de-identified, Expert Determination (164.514(b)(1))",
    "limited_data_set": "limited data set, which is still PHI (164.514(e))",
    "phi_under_authorization_or_baa": "PHI, used under an authorization or a business associate agreement",
}
_EXPERT = ("expert", "qualifications", "determined_on", "valid_until", "recipient", "risk")
SUPPLY = 'cognify.attest(…, form="phi", facts={"basis": …}), bound to the digests of all datasets'


@dataclass(frozen=True, slots=True)
class Phi:
    """What is attested, if it holds."""

    basis: str
    """One of `BASES`, or `undeclared`."""
    told: Told[Attestation] | None = None
    problem: str = ""
    """Why nothing is attested."""

    @property
    def is_attested(self) -> bool:
        """Whether a named person answers for it, for these datasets."""
        return self.basis != UNDECLARED

    @property
    def words(self) -> str:
        """The basis as people read it."""
        return BASES.get(self.basis, f"undeclared: {self.problem}")


def phi_of(dossier: Dossier) -> Phi:
    """The last attestation of the form `phi`, or why there is none that holds."""
    told = next((told for told in reversed(dossier.attestations) if told.body.form == "phi"), None)
    if told is None:
        return Phi(UNDECLARED, problem="nobody has attested it")
    problem = _problem(dossier, told)
    return Phi(UNDECLARED, told, problem) if problem else Phi(str((told.body.facts or {})["basis"]), told)


def phi_statement(dossier: Dossier, phi: Phi) -> Statement | None:
    """The attestation as an answer to a point of law."""
    if phi.told is None:
        return None
    if phi.is_attested:
        return attested_by(dossier, phi.told)
    text = f"An attestation of {cut(phi.told.body.by, 120)} does not hold: {phi.problem}."
    return Statement((text,), None, "attestation", (phi.told.evidence,), counts=False)


def protected_health_information(dossier: Dossier) -> tuple[Section, ...]:
    """What is attested and by whom, for which datasets; then what the basis asks for."""
    phi = phi_of(dossier)
    blocks: tuple[Block, ...] = (Facts(tuple(_about(dossier, phi))), _datasets(dossier, phi))
    return (Section("Protected health information", blocks), *_by_basis(dossier, phi))


def _problem(dossier: Dossier, told: Told[Attestation]) -> str:
    body = told.body
    if not body.by.strip() or not body.role.strip():
        return "it names no person with a role"
    if body.datasets is None:
        return "it is bound to no dataset"
    if reason := void(dossier, body):
        return reason
    if not isinstance((body.facts or {}).get("basis"), str):
        return "it names no basis"
    try:
        facts = check_form("phi", body.facts, subject=body.subject, has_evidence=body.evidence is not None) or {}
    except ConfigurationError as error:
        return str(error)
    valid_until = str(facts.get("valid_until") or "9999-12-31")
    return f"its determination was valid until {valid_until} only" if valid_until < dossier.closed_at[:10] else ""


def _about(dossier: Dossier, phi: Phi) -> list[tuple[str, Cell]]:
    if phi.told is None or not phi.is_attested:
        whose = owner(dossier.profile, "compliance", "hipaa/164.514(a)")
        told = (phi.told,) if phi.told else ()
        return [("Status", gap(f"{phi.words}; owner: {whose}; supplied by {SUPPLY}", *told))]
    body = phi.told.body
    return [
        ("Status", plain(phi.words, phi.told)),
        ("Statement", Cell(cut(body.claim, 4000))),
        ("Attested by", plain(f"{body.by}, {body.role}, {attested_on(phi.told)}")),
        ("Meaning", plain(body.meaning or "not given")),
        ("Evidence", mono(str(body.evidence)) if body.evidence else plain("none referred to")),
    ]


def _datasets(dossier: Dossier, phi: Phi) -> Table:
    covered = frozenset(phi.told.body.datasets or ()) if phi.told else frozenset()
    rows = [
        (
            mono(data.names[0], *data.every[:2]),
            plain(data.role),
            digest(data.body.hash),
            plain("yes") if data.body.hash in covered else gap("no"),
        )
        for data in distinct_datasets(dossier)
    ]
    columns = (("Dataset", 2.0), ("Role", 1.0), ("Digest", 5.0), ("Bound to it", 1.0))
    return table(
        dossier, columns, rows, "The datasets of the record, sources too, and whether the attestation names them"
    )


def _by_basis(dossier: Dossier, phi: Phi) -> tuple[Section, ...]:
    facts = (phi.told.body.facts or {}) if phi.told else {}
    match phi.basis:
        case "safe_harbor":
            knowledge = Prose("Actual knowledge (164.514(b)(2)(ii)): none, as attested.")
            return (Section("Safe Harbor", (_identifiers(dossier, facts), knowledge), level=2),)
        case "expert_determination":
            rows = [(key.replace("_", " ").capitalize(), _fact(facts, key)) for key in _EXPERT]
            return (Section("Expert Determination", (Facts(tuple(rows)),), level=2),)
        case "limited_data_set" | "phi_under_authorization_or_baa":
            rows = [("Agreement", _fact(facts, "agreement"))]
            return (Section("Agreement", (Facts(tuple(rows)), Callout(_STILL, "warning")), level=2),)
        case _:
            return ()


_STILL = "The datasets hold protected health information: every safeguard of this document applies to them."


def _fact(facts: dict[str, object], key: str) -> Cell:
    return plain(said(facts[key])) if facts.get(key) else gap("not stated")


def _identifiers(dossier: Dossier, facts: dict[str, object]) -> Table:
    states = facts.get("identifiers")
    known = states if isinstance(states, dict) else {}
    rows = [
        (mono(f"({letter})"), plain(title), plain(said(known[letter])) if letter in known else gap("not stated"))
        for letter, title in IDENTIFIERS.items()
    ]
    caption = "The eighteen identifiers of 164.514(b)(2)(i), in the datasets above, as attested"
    return table(dossier, (("", 0.5), ("Identifier", 5.0), ("State", 1.2)), rows, caption)
