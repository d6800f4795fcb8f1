"""What named persons answer for: in the profile, or by an attestation about a point of law.

Nothing is attested without a name, a role and a date. A statement of nobody is printed, and its row stays a gap.
"""

from __future__ import annotations

from dataclasses import dataclass

from cognify_core.export.document.cells import cut, joined
from cognify_core.export.document.sections_limits import person
from cognify_core.export.document.sections_signoff import attested_on
from cognify_core.export.document.void import void
from cognify_core.export.dossier import Dossier, Told
from cognify_core.export.evidence import Evidence
from cognify_core.model.bodies import Attestation
from cognify_core.model.profile import Person, Reference, Stated

UNNAMED = "the name, role and date of the person who states it (stated_by)"
NO_DIGEST = "the SHA-256 of the document that is referred to"


@dataclass(frozen=True, slots=True)
class Statement:
    """One thing that somebody says of a point."""

    says: tuple[str, ...]
    by: str | None
    """As in `A. Person, clinical lead, 2026-01-31`; none where nobody is named."""
    source: str
    evidence: tuple[Evidence, ...] = ()
    missing: tuple[str, ...] = ()
    is_not_applicable: bool = False
    counts: bool = True
    """Whether it answers anything: not if it was bound to other datasets, or lacks half of what the law asks."""

    def __str__(self) -> str:
        texts = joined(self.says)
        return f"{texts} — stated by {self.by or 'nobody who is named'}" if self.counts else texts


def profile_evidence(dossier: Dossier) -> tuple[Evidence, ...]:
    """Where the profile stands."""
    return (dossier.profile_told.evidence,) if dossier.profile_told else ()


def signer(dossier: Dossier, own: Person | None) -> str | None:
    """Who answers: the person that the answer names, else the profile's."""
    who = own or dossier.profile.stated_by
    return None if who is None else person(who)


def said_by_profile(
    dossier: Dossier, *said: str, own: Person | None = None, missing: tuple[str, ...] = ()
) -> Statement:
    """A statement of the profile."""
    texts = tuple(cut(text, 1500) for text in said)
    return Statement(texts, signer(dossier, own), "profile", profile_evidence(dossier), missing)


def stated(dossier: Dossier, answer: Stated | None, title: str = "") -> Statement | None:
    """An answer of the profile: a text, a document, or that the point does not apply and why."""
    if answer is None:
        return None
    lead = f"{title}: " if title else ""
    by = signer(dossier, answer.stated_by)
    evidence = profile_evidence(dossier)
    if answer.not_applicable is not None:
        says = (f"{lead}not applicable: {cut(answer.not_applicable, 1500)}",)
        return Statement(says, by, "profile", evidence, is_not_applicable=True)
    texts = tuple(f"{lead}{cut(text, 1500)}" for text in (answer.text,) if text)
    place, missing = document(answer.reference, lead)
    return Statement((*texts, *place), by, "profile", evidence, missing)


def referred(dossier: Dossier, reference: Reference | None, title: str) -> Statement | None:
    """A document that the profile refers to."""
    if reference is None:
        return None
    says, missing = document(reference, f"{title}: ")
    return Statement(says, signer(dossier, None), "profile", profile_evidence(dossier), missing)


def document(reference: Reference | None, lead: str = "") -> tuple[tuple[str, ...], tuple[str, ...]]:
    """A reference in words, and what it lacks."""
    if reference is None:
        return (), ()
    place = cut(reference.url or reference.path or "", 300)
    parts = [f"“{cut(reference.title, 200)}”"] if reference.title else []
    parts += [place, *([str(reference.sha256)] if reference.sha256 else ())]
    parts += [f"retrieved {reference.retrieved}"] if reference.retrieved else []
    return (f"{lead}{', '.join(parts)}",), (() if reference.sha256 else (NO_DIGEST,))


def attested(dossier: Dossier, subject: str) -> Statement | None:
    """The last attestation about a point of law; one that is void says so, and attests nothing."""
    return next((attested_by(dossier, told) for told in reversed(_about(dossier, subject))), None)


def attested_by(dossier: Dossier, told: Told[Attestation]) -> Statement:
    """An attestation, with who answers for it and since when."""
    body, reason = told.body, void(dossier, told.body)
    says = [cut(body.claim, 1500), *([f"Evidence: {body.evidence}"] if body.evidence else ())]
    is_named = bool(body.by.strip()) and bool(body.role.strip())
    if reason:
        return Statement(
            (f"An attestation of {cut(body.by, 120)} is {reason}.",), None, "attestation", (told.evidence,)
        )
    by = f"{cut(body.by.strip(), 120)}, {cut(body.role.strip(), 120)}, {attested_on(told)}" if is_named else None
    return Statement(tuple(says), by, "attestation", (told.evidence,))


def _about(dossier: Dossier, subject: str) -> list[Told[Attestation]]:
    return [told for told in dossier.attestations if told.body.subject == subject]
