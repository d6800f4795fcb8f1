"""Points of law as data, and how the record, the profile and attestations answer one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from cognify_core.export.document.blocks import RowStatus
from cognify_core.export.document.told_gaps import owner
from cognify_core.export.dossier import Dossier, Told
from cognify_core.export.evidence import Evidence
from cognify_core.export.templates.statements import UNNAMED, Statement, attested, stated
from cognify_core.export.templates.template import Answer
from cognify_core.model.bodies import Body


@dataclass(frozen=True, slots=True)
class Point:
    """One row of a template."""

    prefix: str
    """`annex_iv`, `hipaa`."""
    ref: str
    title: str
    asks: str
    """What the law asks for, abridged, in our words."""
    answer: Callable[[Dossier, Point], Answer]
    role: str = "compliance"
    """Who supplies it where the profile names nobody."""
    supply: str = ""
    """How it is supplied where nobody has."""
    kind: str = ""
    """`required`, `addressable`, `standard`, where a law tells them apart."""

    @property
    def name(self) -> str:
        """As profiles and attestations name it: `annex_iv/1(b)`."""
        return f"{self.prefix}/{self.ref}"


@dataclass(slots=True)
class Findings:
    """What the record says of a point, as it is gathered."""

    says: list[str] = field(default_factory=list)
    evidence: list[Evidence] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)

    def add(self, text: str | None, *told: Told[Body] | Evidence, source: str = "record") -> None:
        """Something that is recorded; nothing where there is no text."""
        if text:
            self.says.append(text)
            self.evidence += [item.evidence if isinstance(item, Told) else item for item in told]
            self.sources.append(source)

    def lack(self, text: str, *, when: bool = True) -> None:
        """Something that is not there yet."""
        if when:
            self.missing.append(text)


def answered(
    dossier: Dossier, point: Point, found: Findings, statements: Iterable[Statement | None] = (), *, own: str = ""
) -> Answer:
    """The answer out of what is recorded, what the profile says in its fields, and what was attested of this point.

    RECORDED where the record says something; `own` is what is missing beside that as long as nobody states it. Else as
    people answer: ATTESTED or NOT APPLICABLE with a name, a role and a date, and in any other case a GAP.
    """
    everyone = _statements(dossier, point, statements)
    named = [statement for statement in everyone if statement.by and statement.counts]
    if found.says:
        found.lack(own, when=bool(own) and not named)
        return _answer(dossier, point, RowStatus.RECORDED, found, everyone)
    if not named:
        found.lack(point.supply, when=not any(statement.counts for statement in everyone))
        return _answer(dossier, point, RowStatus.GAP, found, everyone)
    applies = any(not statement.is_not_applicable for statement in named)
    return _answer(dossier, point, RowStatus.ATTESTED if applies else RowStatus.NOT_APPLICABLE, found, everyone)


def by_people(dossier: Dossier, point: Point) -> Answer:
    """The answer of a point that no run can show."""
    return answered(dossier, point, Findings())


def orientation(answer: Answer, text: str, *told: Told[Body]) -> Answer:
    """The same answer, with something recorded that helps whoever supplies it, and answers nothing by itself."""
    evidence = tuple(item.evidence for item in told)
    return Answer(
        answer.ref,
        answer.title,
        answer.status,
        (*answer.says, f"For orientation only: {text}"),
        (*answer.evidence, *evidence),
        answer.source,
        answer.missing,
        answer.owner,
    )


def _statements(dossier: Dossier, point: Point, statements: Iterable[Statement | None]) -> list[Statement]:
    answers = (*statements, stated(dossier, dossier.profile.answers.get(point.name)), attested(dossier, point.name))
    return [statement for statement in answers if statement is not None]


def _answer(dossier: Dossier, point: Point, status: RowStatus, found: Findings, everyone: list[Statement]) -> Answer:
    said = map(str, everyone)
    missing = [*found.missing, *(text for statement in everyone for text in statement.missing)]
    if any(statement.by is None and statement.counts for statement in everyone):
        missing.append(UNNAMED)
    evidence = [*found.evidence, *(entry for statement in everyone for entry in statement.evidence)]
    sources = [*found.sources, *(statement.source for statement in everyone)]
    return Answer(
        point.ref,
        point.title,
        status,
        (*found.says, *said),
        tuple(dict.fromkeys(evidence)),
        " and ".join(dict.fromkeys(sources)) or "nobody yet",
        tuple(dict.fromkeys(missing)),
        owner(dossier.profile, point.role, point.name) if missing else "",
    )
