"""What the model should not be used for: notes by kind, deployment restrictions, the acceptable-use policy."""

from __future__ import annotations

from collections.abc import Iterable

from cognify_core.export.document.blocks import Block, Callout, Cell, Facts, Prose, Section
from cognify_core.export.document.cells import ROWS, bullets, count, cut, gap, moment, mono, plain, sentence
from cognify_core.export.document.told_gaps import owner
from cognify_core.export.dossier import Dossier, Told
from cognify_core.model.bodies import Body, Note
from cognify_core.model.profile import Person, Reference

LIMITS = ("limitation", "failure_mode")
_HEADINGS = {
    "limitation": "Known limitations",
    "failure_mode": "Known failure modes",
    "rationale": "Rationale of choices",
    "tradeoff": "Trade-offs",
}


def limitations(dossier: Dossier) -> tuple[Section, ...]:
    """Notes of each kind, limitations and failure modes first and always, then what the profile restricts."""
    kinds = dict.fromkeys((*LIMITS, *sorted(told.body.note_kind for told in dossier.notes)))
    return (
        Section("Limitations, restrictions and acceptable use", ()),
        *(_notes(dossier, kind) for kind in kinds),
        restrictions(dossier),
    )


def notes_of(dossier: Dossier, kinds: Iterable[str]) -> tuple[Told[Note], ...]:
    """The notes of some kinds, in the order of the record."""
    wanted = frozenset(kinds)
    return tuple(told for told in dossier.notes if told.body.note_kind in wanted)


def restrictions(dossier: Dossier) -> Section:
    """Deployment restrictions and the acceptable-use policy of the profile."""
    profile = dossier.profile
    whose = owner(profile, "compliance", "annex_iv/1(h)")
    told = (dossier.profile_told,) if dossier.profile_told else ()
    blocks: list[Block] = []
    if profile.deployment_restrictions:
        blocks.append(bullets(sentence(text, *told) for text in profile.deployment_restrictions[:ROWS]))
    else:
        blocks.append(Callout(f"No deployment restriction is stated in the profile; owner: {whose}.", "warning"))
    policy = profile.acceptable_use_policy
    cells = reference_rows(policy, *told) if policy else (("Policy", gap(f"none is referred to; owner: {whose}")),)
    by = (("Stated by", plain(person(profile.stated_by)) if profile.stated_by else gap("nobody is named")),)
    return Section("Deployment restrictions and acceptable-use policy", (*blocks, Facts((*cells, *by))), level=2)


def reference_rows(reference: Reference, *told: Told[Body]) -> tuple[tuple[str, Cell], ...]:
    """A document that lies elsewhere: title, place, digest, day."""
    rows = [("Document", plain(reference.title or "no title", *told))]
    rows += [("Place", mono(place)) for place in (reference.url, reference.path) if place]
    rows.append(
        ("Digest", mono(str(reference.sha256)) if reference.sha256 else gap("no digest of the document is recorded"))
    )
    return (*rows, ("Retrieved", plain(reference.retrieved or "no day is recorded")))


def person(who: Person) -> str:
    """As in `A. Person, clinical lead, 2026-01-31`."""
    return f"{cut(who.name, 120)}, {cut(who.role, 120)}, {who.on}"


def _notes(dossier: Dossier, kind: str) -> Section:
    notes = notes_of(dossier, (kind,))
    heading = _HEADINGS.get(kind, f"Notes: {cut(kind, 60)}")
    if not notes:
        whose = owner(dossier.profile, "engineer", "annex_iv/3")
        missing = f"No note of the kind {kind} is recorded. That is no statement that there is none; owner: {whose}."
        return Section(heading, (Callout(missing, "warning"),), level=2)
    left = len(notes) - ROWS
    more = (Prose(f"{count(left, 'more note')} not printed here; evidence.json holds them."),) if left > 0 else ()
    return Section(heading, (bullets(map(_note, notes[:ROWS])), *more), level=2)


def _note(told: Told[Note]) -> Prose:
    about = f" (about {cut(told.body.subject, 120)})" if told.body.subject else ""
    return sentence(f"{cut(told.body.text, 3600)}{about} — recorded {moment(told.time)}", told)
