"""The forms of attestations as fields: what each asks, and how what was sent becomes its facts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from cognify_core.canonical import Json
from cognify_core.export.templates.hipaa.phi import BASES
from cognify_core.model.attestation_forms import FORMS, IDENTIFIER_STATES, IDENTIFIERS, PHI_BASES

OWN_WORDS = ""
"""The form of what no document looks for."""
TITLES: dict[str, str] = {
    OWN_WORDS: "In your own words",
    "sign_off": "Sign-off",
    "test_report": "Test report",
    "annex_iv": "A point of Annex IV",
    "hipaa": "A specification of HIPAA",
    "phi": "Health information in the datasets",
    "encryption_at_rest": "Encryption at rest",
}
ABOUT: dict[str, str] = {OWN_WORDS: "A named person answers for a claim that no document looks for.", **FORMS}
_YES = (("", "Choose"), ("yes", "Yes"), ("no", "No"))
_STATES = (("", "Choose"), *((state, state.capitalize()) for state in IDENTIFIER_STATES))


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the form; one of the facts is named `facts.…`."""

    name: str
    label: str
    kind: str = "text"
    hint: str = ""
    required: bool = True
    options: tuple[tuple[str, str], ...] = ()
    most: int = 200
    suggestions: tuple[str, ...] = field(default=())


def fields_of(form: str, basis: str = "", *, subjects: Iterable[tuple[str, str]] = ()) -> tuple[Field, ...]:
    """What a form asks, in its order.

    Args:
        form: one of `TITLES`.
        basis: of `phi`.
        subjects: what it can be about, each with words for it: points of law, or storage locations.
    """
    return (*_about(form, tuple(subjects)), *_facts(form, basis), *_claim(form), *_person())


def facts_of(form: str, basis: str, said: Mapping[str, str]) -> dict[str, Json] | None:
    """The facts of an attestation: what was said in the fields that its form has, and nothing else."""
    found: dict[str, Json] = {"basis": basis} if form == "phi" else {}
    states: dict[str, Json] = {}
    for each in _facts(form, basis):
        name, value = each.name.removeprefix("facts."), said.get(each.name, "")
        if not value:
            continue
        if name.startswith("identifiers."):
            states[name.removeprefix("identifiers.")] = value
        else:
            found[name] = value == "yes" if each.options == _YES else value
    if form == "encryption_at_rest" and isinstance(encrypted := found.get("encrypted"), bool):
        for name in ("alternative", "rationale") if encrypted else ("algorithm", "custodian"):
            found.pop(name, None)
    return found | ({"identifiers": states} if states else {}) or None


def bases() -> Iterator[tuple[str, str, str]]:
    """Each basis of `phi`, its title, and the words that are attested."""
    return ((basis, BASES[basis], words) for basis, words in PHI_BASES.items())


def _about(form: str, subjects: tuple[tuple[str, str], ...]) -> Iterator[Field]:
    if form in ("annex_iv", "hipaa"):
        yield Field("subject", "Point of law", "select", options=(("", "Choose"), *subjects))
    elif form == "encryption_at_rest":
        hint = "As the record spells it, or a folder above it."
        places = tuple(name for name, _ in subjects)
        yield Field("subject", "Storage location", hint=hint, most=1000, suggestions=places)
    elif form != "phi":
        hint = "A node of the lineage, or a point of law, as in annex_iv/2(e)."
        yield Field("subject", "What it is about", hint=hint, required=False)


def _facts(form: str, basis: str) -> Iterator[Field]:
    if form == "encryption_at_rest":
        yield Field("facts.encrypted", "Is it encrypted?", "select", options=_YES)
        yield Field("facts.algorithm", "If so: algorithm and mode", required=False)
        yield Field("facts.custodian", "If so: who holds the keys", required=False)
        yield Field("facts.alternative", "If not: the equivalent alternative measure", required=False, most=2000)
        yield Field("facts.rationale", "If not: why (164.306(d)(3))", required=False, most=2000)
    if form == "phi":
        yield from _of_basis(basis)


def _of_basis(basis: str) -> Iterator[Field]:
    match basis:
        case "safe_harbor":
            for letter, title in IDENTIFIERS.items():
                yield Field(f"facts.identifiers.{letter}", f"({letter}) {title}", "select", options=_STATES)
            known = "No actual knowledge that what is left could identify anybody (164.514(b)(2)(ii))"
            yield Field("facts.no_actual_knowledge", known, "select", options=_YES)
        case "expert_determination":
            yield Field("facts.expert", "Expert")
            yield Field("facts.qualifications", "Qualifications", most=2000)
            yield Field("facts.determined_on", "Determined on", "date")
            yield Field("facts.valid_until", "Valid until", "date", required=False)
            yield Field("facts.recipient", "Anticipated recipient", most=2000)
            yield Field("facts.risk", "The risk, as determined", most=2000)
        case "limited_data_set" | "phi_under_authorization_or_baa":
            yield Field("facts.agreement", "Agreement", hint="Which one, with whom, of which day.", most=2000)


def _claim(form: str) -> Iterator[Field]:
    own = form != "phi"
    hint = "" if own else "Empty: the words above."
    yield Field("claim", "The exact words", "textarea", hint, required=own, most=10_000)


def _person() -> Iterator[Field]:
    yield Field("by", "Name, as printed")
    yield Field("role", "In which role")
    meaning = "As in: reviewed, approved, responsible for (21 CFR 11.50(a)(3))."
    yield Field("meaning", "What it means", hint=meaning, required=False)
    yield Field("on", "Day", "date", required=False, most=10)
    evidence = "The SHA-256 of a document that bears it out, as in sha256:… The document stays where it is."
    yield Field("evidence", "Evidence", hint=evidence, required=False, most=71)
