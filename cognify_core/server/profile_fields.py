"""The form of a profile as data: its fields, the part in which each stands, and where in the profile it leads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

from cognify_core.export.templates.eu_ai_act.annex_iv import ANNEX_IV
from cognify_core.export.templates.hipaa.citations import CITATIONS
from cognify_core.export.templates.points import Point
from cognify_core.model.profile_fields import FIELDS

Path: TypeAlias = tuple[str, ...]
ASKS = {asked.field: asked.asks for asked in FIELDS}
DOCUMENT, PERSON = "A document that says it", "Somebody else states this"
"""Fields that stand behind a disclosure, under these words."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the form."""

    path: Path
    """Where it leads in the profile; in a row of `Rows`, below the entry."""
    label: str
    kind: str = "text"
    """Of an input; or `textarea`, `lines`, `select`, `file`."""
    hint: str = ""
    options: tuple[tuple[str, str], ...] = ()
    fold: str = ""


@dataclass(frozen=True, slots=True)
class Rows:
    """A map, or a list where there is no `key`: each entry a row of fields."""

    path: Path
    title: str
    fields: tuple[Field, ...]
    key: str = ""
    """What the entry's name is called."""
    plain: bool = False
    """An entry is a text, the row's only field."""


@dataclass(frozen=True, slots=True)
class Group:
    """What belongs together."""

    anchor: str
    title: str
    asks: str
    holds: tuple[Field | Rows, ...]
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """A page of the form."""

    name: str
    title: str
    lead: str
    groups: tuple[Group, ...]

    @property
    def fields(self) -> Iterator[Field]:
        """Those that are in no row."""
        return (each for group in self.groups for each in group.holds if isinstance(each, Field))

    @property
    def rows(self) -> Iterator[Rows]:
        """The maps and lists."""
        return (each for group in self.groups for each in group.holds if isinstance(each, Rows))


def _person(path: Path, fold: str = "") -> tuple[Field, ...]:
    return (
        Field((*path, "name"), "Name, as printed", fold=fold),
        Field((*path, "role"), "Role", fold=fold),
        Field((*path, "on"), "Day", "date", fold=fold),
    )


def _reference(path: Path, fold: str = "") -> tuple[Field, ...]:
    return (
        Field((*path, "path"), "File", "file", fold=fold),
        Field((*path, "url"), "URL of the document", fold=fold),
        Field((*path, "sha256"), "Its SHA-256", hint="As in sha256:… Nothing is fetched from here.", fold=fold),
        Field((*path, "title"), "Its title", fold=fold),
        Field((*path, "retrieved"), "Day on which it was read", "date", fold=fold),
    )


def _stated(*path: str) -> tuple[Field, ...]:
    return (
        Field((*path, "text"), "Answer", "textarea"),
        Field((*path, "not_applicable"), "Or: it does not apply, because"),
        *_reference((*path, "reference"), DOCUMENT),
        *_person((*path, "stated_by"), PERSON),
    )


def _asked(name: str, title: str, *holds: Field | Rows) -> Group:
    return Group(name, title, ASKS.get(name, ""), holds)


_SYSTEM = (
    _asked("stated_by", "Who answers for this profile", *_person(("stated_by",))),
    _asked(
        "provider",
        "Provider",
        Field(("provider", "name"), "Name"),
        Field(("provider", "address"), "Address"),
        Field(("provider", "contact"), "Contact"),
        Field(("provider", "authorised_representative"), "Authorised representative", hint="AI Act, Art. 22."),
    ),
    Group(
        "system_name",
        "The AI system",
        ASKS["system_name"],
        (
            Field(("system_name",), "Name"),
            Field(("system_version",), "Version", hint=ASKS["system_version"]),
            Field(("market_date",), "Placed on the market, or put into service, on", "date", ASKS["market_date"]),
            Field(
                ("high_risk",),
                "High-risk (AI Act, Art. 6)",
                "select",
                options=(("", "Not said"), ("annex_i", "Annex I"), ("annex_iii", "Annex III"), ("no", "No")),
            ),
        ),
    ),
    _asked("intended_purpose", "Intended purpose", *_stated("intended_purpose")),
    _asked(
        "deployment_restrictions",
        "Where it must not be used",
        Field(("deployment_restrictions",), "Restrictions, one a line", "lines"),
    ),
    _asked("acceptable_use_policy", "Acceptable-use policy", *_reference(("acceptable_use_policy",))),
    _asked(
        "incident_policy",
        "Incident policy",
        *_reference(("incident_policy",)),
        Field(("incident_contact",), "Who is told of an incident"),
    ),
)
_OWN: dict[str, tuple[Field, ...]] = {
    "annex_iv/1(h)": _stated("instructions_for_use"),
    "annex_iv/2(e)": _stated("human_oversight"),
    "annex_iv/5": _stated("risk_management"),
    "annex_iv/7": (
        Field(("standards",), "Harmonised standards, one a line", "lines"),
        *_stated("answers", "annex_iv/7"),
    ),
    "annex_iv/8": _reference(("declaration_of_conformity",)),
    "annex_iv/9": _stated("post_market_monitoring"),
}
"""Points that have fields of their own; all others stand among the answers."""
_DECISIONS = (
    ("", "Not said"),
    ("implemented", "Implemented"),
    ("alternative", "An equivalent alternative"),
    ("not_reasonable", "Not reasonable and appropriate"),
)


def _decision(point: Point) -> tuple[Field, ...]:
    path = ("hipaa", "addressable", point.ref)
    return (
        Field((*path, "decision"), "Decision (164.306(d)(3))", "select", options=_DECISIONS),
        Field((*path, "rationale"), "Why", "textarea"),
        Field((*path, "alternative"), "The equivalent alternative measure"),
        *_reference((*path, "reference"), DOCUMENT),
        *_person((*path, "stated_by"), PERSON),
    )


def _point(point: Point) -> Group:
    stated = _OWN.get(point.name) or _stated("answers", point.name)
    holds = _decision(point) if point.kind == "addressable" else stated
    return Group(point.name, f"{point.ref} {point.title}", point.asks, holds, folded=True)


_SAID = (("", "Not said"), ("true", "Yes"), ("false", "No"))
_HIPAA = (
    Group(
        "hipaa/scope",
        "Covered entity, business associate, or neither",
        "Which of them the organisation is, for the data of these runs.",
        _stated("answers", "hipaa/scope"),
        folded=True,
    ),
    Group(
        "hipaa",
        "Security official, weights, review",
        "",
        (
            Field(("hipaa", "security_official"), "Security official (164.308(a)(2))"),
            Field(
                ("hipaa", "weights_treated_as_ephi"),
                "Are weights treated as ePHI?",
                "select",
                "A model may have memorised what it was trained on.",
                (("", "Not said"), ("yes", "Yes"), ("no", "No")),
            ),
            Field(("hipaa", "weights_rationale"), "Why"),
            Field(("hipaa", "next_review"), "Next review (164.316(b)(2)(iii))", "date"),
        ),
    ),
    Group(
        "hipaa.vendors",
        "Vendors who touch the data",
        "A cloud, a GPU host, a tracker, each with its business associate agreement (164.308(b), 164.314(a)).",
        (
            Rows(
                ("hipaa", "vendors"),
                "Vendors",
                (
                    Field(("name",), "Name"),
                    Field(("service",), "Service"),
                    Field(("baa",), "Agreement", "select", options=_SAID),
                    Field(("baa_date",), "Its date", "date"),
                ),
            ),
        ),
    ),
    Group(
        "hipaa.incidents",
        "Incidents",
        "Those that have to do with the runs, or a statement that there is none (164.308(a)(6)(ii)).",
        _stated("hipaa", "incidents"),
        folded=True,
    ),
)
_VALUE = ("value",)
_MEASURES = (
    _asked(
        "gap_owners",
        "Who mends a gap",
        Rows(
            ("gap_owners",),
            "Owners",
            (Field(_VALUE, "Who mends it"),),
            "Point of law, or role (engineer, compliance)",
            plain=True,
        ),
    ),
    _asked(
        "metric_rationale",
        "Why a metric is appropriate",
        Rows(("metric_rationale",), "Metrics", (Field(_VALUE, "Why it is appropriate"),), "Metric", plain=True),
    ),
    _asked(
        "base_compute",
        "Training compute of base models",
        Rows(
            ("base_compute",),
            "Base models",
            (
                Field(("flop",), "FLOP", hint="As in 7.2e23."),
                Field(("source",), "Who says so"),
                Field(("systemic_risk",), "Systemic risk", "select", options=_SAID),
            ),
            "Base model",
        ),
    ),
)
PARTS = (
    Part("system", "System and provider", "What the AI system is, whose it is, and who answers for that.", _SYSTEM),
    Part(
        "annex_iv",
        "AI Act, Annex IV",
        "What no training run can show of the technical documentation. The provider, the system and its purpose are "
        "the first part of this form, metrics the last.",
        tuple(map(_point, ANNEX_IV)),
    ),
    Part(
        "hipaa",
        "HIPAA",
        "45 CFR Part 164. Addressable is not optional: implement it, or say why not and what is done instead.",
        (*_HIPAA, *map(_point, CITATIONS)),
    ),
    Part("owners", "Owners, metrics, compute", "Who mends gaps; why metrics are appropriate.", _MEASURES),
)
ROWS = tuple(rows for part in PARTS for rows in part.rows)


def part_of(name: str) -> Part:
    """A part by its name; the first where there is none of it."""
    return next((part for part in PARTS if part.name == name), PARTS[0])


def place_of(anchor: str) -> tuple[str, str] | None:
    """The part in which a group or a field stands, and the group's anchor."""
    return _places().get(anchor)


@cache
def _places() -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    for part in PARTS:
        for group in part.groups:
            own = [".".join(each.path[:depth]) for each in group.holds for depth in (1, 2)]
            for name in (group.anchor, *(() if "/" in group.anchor else own)):
                found.setdefault(name, (part.name, group.anchor))
    return found
