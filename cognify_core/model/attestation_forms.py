"""The forms of attestations that documents look for, and what each must say.

Nothing has a default: what a person does not say is not attested. Who states it, in which role, when, and in which
exact words, stands in the attestation itself; here is only what the form adds (`facts`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from cognify_core.canonical import Json
from cognify_core.errors import ConfigurationError
from cognify_core.model.words import meant

FORMS: dict[str, str] = {
    "phi": "whether the datasets hold protected health information (45 CFR 164.514)",
    "encryption_at_rest": "how a storage location is encrypted (45 CFR 164.312(a)(2)(iv))",
    "test_report": "that test logs and reports are what they should be, dated and signed (Annex IV, point 2(g))",
    "annex_iv": "a point of Annex IV, which is the subject: annex_iv/2(e)",
    "hipaa": "a specification of 45 CFR Part 164, which is the subject: hipaa/164.308(a)(1)(ii)(D)",
    "sign_off": "that the document was read, and what the signature means",
}
PHI_BASES: dict[str, str] = {
    "no_phi": "The datasets never held protected health information.",
    "safe_harbor": (
        "The identifiers of 45 CFR 164.514(b)(2)(i)(A) to (R) stand in the datasets as listed, and the covered entity "
        "has no actual knowledge that the information could be used alone or in combination with other information to "
        "identify an individual who is a subject of it (164.514(b)(2)(ii))."
    ),
    "expert_determination": (
        "A person with appropriate knowledge and experience has determined, and documented the methods and results, "
        "that the risk is very small that the information could be used by an anticipated recipient to identify an "
        "individual who is a subject of it (45 CFR 164.514(b)(1))."
    ),
    "limited_data_set": (
        "The datasets are a limited data set under a data use agreement (45 CFR 164.514(e)); it is still protected "
        "health information."
    ),
    "phi_under_authorization_or_baa": (
        "The datasets hold protected health information, and are used under an authorization or a business associate "
        "agreement."
    ),
}
"""Every basis, and the words that are attested where a person gives no others."""
IDENTIFIERS: dict[str, str] = {
    "A": "Names",
    "B": "Geographic subdivisions smaller than a state (the first three ZIP digits where above 20,000 people)",
    "C": "All elements of dates but the year; ages over 89",
    "D": "Telephone numbers",
    "E": "Fax numbers",
    "F": "Electronic mail addresses",
    "G": "Social security numbers",
    "H": "Medical record numbers",
    "I": "Health plan beneficiary numbers",
    "J": "Account numbers",
    "K": "Certificate and licence numbers",
    "L": "Vehicle identifiers and serial numbers, licence plates included",
    "M": "Device identifiers and serial numbers",
    "N": "Web addresses (URLs)",
    "O": "Internet protocol (IP) addresses",
    "P": "Biometric identifiers, finger and voice prints included",
    "Q": "Full-face photographs and comparable images",
    "R": "Any other unique identifying number, characteristic or code, except as 164.514(c) permits",
}
"""45 CFR 164.514(b)(2)(i), by letter."""
IDENTIFIER_STATES = ("removed", "absent", "present")
NEEDED: dict[str, tuple[str, ...]] = {
    "expert_determination": ("expert", "qualifications", "determined_on", "recipient", "risk"),
    "limited_data_set": ("agreement",),
    "phi_under_authorization_or_baa": ("agreement",),
}
"""What a basis cannot do without, beside the evidence."""
_WORD = re.compile(r"[a-z][a-z0-9_]{0,59}", re.ASCII)
_DAY = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])", re.ASCII)
_RANGE = re.compile(r"([A-R])(?:-([A-R]))?")


def check_form(
    form: str | None, facts: Mapping[str, Json] | None, *, subject: str | None, has_evidence: bool
) -> dict[str, Json] | None:
    """The facts of an attestation of that form, as it is recorded.

    Raises:
        ConfigurationError: the form is almost a known one, or lacks what it cannot do without; the message says what.
    """
    said: dict[str, Json] = dict(facts or {})
    match form:
        case "phi":
            _check_phi(said, has_evidence)
        case "encryption_at_rest":
            _check_encryption(said, subject)
        case "annex_iv" | "hipaa":
            points = subject is not None and subject.startswith(f"{form}/")
            _require(points, f"an attestation of the form {form} is about a point, as in subject='{form}/…'")
        case str() if form not in FORMS and (meant(form, FORMS) or not _WORD.fullmatch(form)):
            raise ConfigurationError(
                f"there is no form {form[:80]!r}{meant(form, FORMS)}; there are {', '.join(FORMS)}"
            )
    return said or None


def identifiers(texts: Mapping[str, str]) -> dict[str, str]:
    """Which of the eighteen identifiers were removed, absent or are present, of `{"A": "removed", "B-R": "absent"}`.

    Raises:
        ConfigurationError: a letter or a state is none, or a letter stands there twice.
    """
    found: dict[str, str] = {}
    for letters, state in texts.items():
        if (span := _RANGE.fullmatch(letters.strip().upper())) is None:
            raise ConfigurationError(f"identifiers are the letters A to R (164.514(b)(2)(i)); {letters[:40]!r} is none")
        if state not in IDENTIFIER_STATES:
            raise ConfigurationError(
                f"identifier {letters}: cannot be {state[:40]!r}{meant(state, IDENTIFIER_STATES)}; "
                f"it is one of {', '.join(IDENTIFIER_STATES)}"
            )
        first, last = span[1], span[2] or span[1]
        for code in range(ord(first), ord(last) + 1):
            if chr(code) in found:
                raise ConfigurationError(f"identifier {chr(code)} is said twice")
            found[chr(code)] = state
    return dict(sorted(found.items()))


def _check_phi(said: dict[str, Json], has_evidence: bool) -> None:
    basis = said.get("basis")
    if basis not in PHI_BASES:
        given = "is missing" if basis is None else f"cannot be {str(basis)[:80]!r}{meant(str(basis), PHI_BASES)}"
        raise ConfigurationError(f"the basis of a phi attestation {given}; it is one of {', '.join(PHI_BASES)}")
    if "identifiers" in said:
        said["identifiers"] = identifiers(_texts(said["identifiers"]))
    if basis == "safe_harbor":
        _check_safe_harbor(said)
    for key in NEEDED.get(basis, ()):
        _require(bool(said.get(key)), f"{basis} says {key}=… as well")
    if basis == "expert_determination":
        _require(has_evidence, f"{basis} has the expert's report as evidence: its methods and results are documented")
    for key in ("determined_on", "valid_until"):
        day = str(said.get(key, "2026-01-31"))
        _require(_DAY.fullmatch(day) is not None, f"{key} is a day, as in 2026-01-31; it cannot be {day[:40]!r}")


def _check_safe_harbor(said: dict[str, Json]) -> None:
    listed: dict[str, str] = said.get("identifiers", {})
    missing = ", ".join(letter for letter in IDENTIFIERS if letter not in listed)
    present = ", ".join(letter for letter, state in listed.items() if state == "present")
    _require(
        not missing, f"safe_harbor says of each of the identifiers A to R whether it was removed; missing: {missing}"
    )
    _require(not present, f"safe_harbor has all identifiers removed (164.514(b)(2)(i)); present: {present}")
    _require(
        said.get("no_actual_knowledge") is True,
        "safe_harbor says no_actual_knowledge=true as well: the other half of it (164.514(b)(2)(ii))",
    )


def _check_encryption(said: dict[str, Json], subject: str | None) -> None:
    what = "an attestation of encryption at rest"
    _require(bool(subject), f"{what} is about a storage location: name it as its subject")
    _require(isinstance(said.get("encrypted"), bool), f"{what} says encrypted=true or false")
    for key in ("algorithm", "custodian") if said["encrypted"] else ("alternative", "rationale"):
        _require(bool(said.get(key)), f"{what} says {key}=… as well (164.306(d)(3): addressable is not optional)")


def _texts(value: Json) -> dict[str, str]:
    if not isinstance(value, Mapping) or not all(isinstance(part, str) for pair in value.items() for part in pair):
        raise ConfigurationError("identifiers are said by letter, as in {'A': 'removed', 'B-R': 'absent'}")
    return dict(value)


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise ConfigurationError(message)
