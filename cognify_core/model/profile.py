"""What an organisation says of itself and of an AI system: what no training run can show.

A profile of a project (the AI system) stands over that of the workspace (the organisation). Nothing here has a default
that says something: what is not said is a gap, with an owner.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails

from cognify_core.canonical import Json
from cognify_core.errors import ConfigurationError
from cognify_core.model.bodies import Day
from cognify_core.model.digest import Digest
from cognify_core.model.words import meant

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
_DAYS = ("on", "retrieved", "baa_date", "next_review", "market_date")
Point = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]+/\S+$")]
"""A point of law, as templates name theirs: `annex_iv/1(b)`, `hipaa/164.308(a)(2)`."""


class _Said(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Person(_Said):
    """Who states something: a printed name, a role, and the day."""

    name: Text
    role: Text
    on: Day


class Reference(_Said):
    """A document that lies elsewhere, and the hash of what it was when it was referred to."""

    url: Text | None = None
    path: Text | None = None
    """Of a file that was hashed where the profile was made."""
    sha256: Digest | None = None
    retrieved: Day | None = None
    title: Text | None = None

    @model_validator(mode="before")
    @classmethod
    def _in_one_word(cls, value: Any) -> Any:
        """A text alone is a URL, or the path of a file."""
        if isinstance(value, str):
            return {"url" if "://" in value else "path": value}
        return value

    @model_validator(mode="after")
    def _names_a_place(self) -> Self:
        if self.url is None and self.path is None:
            raise ValueError("a reference names a url or a path")
        return self


class Stated(_Said):
    """An answer: in words, by a document, or that the question does not apply and why."""

    text: Text | None = None
    reference: Reference | None = None
    not_applicable: Text | None = None
    """The reason why not."""
    stated_by: Person | None = None
    """Else the profile's."""

    @model_validator(mode="before")
    @classmethod
    def _in_words(cls, value: Any) -> Any:
        return {"text": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.text is None and self.reference is None and self.not_applicable is None:
            raise ValueError("an answer has a text, a reference, or a reason why it is not applicable")
        if self.not_applicable is not None and (self.text is not None or self.reference is not None):
            raise ValueError("what is not applicable has no answer beside the reason")
        return self


class Provider(_Said):
    """The provider of the AI system (AI Act, Art. 3(3))."""

    name: Text
    address: Text | None = None
    contact: Text | None = None
    authorised_representative: Text | None = None

    @model_validator(mode="before")
    @classmethod
    def _by_name(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value


class Vendor(_Said):
    """Somebody outside who touches the data: a cloud, a GPU host, a tracker (45 CFR 164.308(b))."""

    name: Text
    service: Text | None = None
    baa: bool | None = None
    """Whether there is a business associate agreement; none: not said."""
    baa_date: Day | None = None


class Addressable(_Said):
    """What was decided about an addressable specification (45 CFR 164.306(d)(3))."""

    decision: Literal["implemented", "alternative", "not_reasonable"]
    rationale: Text
    alternative: Text | None = None
    reference: Reference | None = None
    stated_by: Person | None = None

    @model_validator(mode="after")
    def _an_alternative_is_named(self) -> Self:
        if self.decision == "alternative" and self.alternative is None:
            raise ValueError("an equivalent alternative measure is named")
        return self


class Hipaa(_Said):
    """What the HIPAA template asks an organisation, beside `answers` by citation."""

    security_official: Text | None = None
    weights_treated_as_ephi: Literal["yes", "no"] | None = None
    """A model may have memorised what it was trained on."""
    weights_rationale: Text | None = None
    vendors: tuple[Vendor, ...] = ()
    addressable: dict[str, Addressable] = Field(default_factory=dict)
    """By citation, as in `164.312(a)(2)(iv)`."""
    incidents: Stated | None = None
    """Incidents linked to the run or the system. Where nobody says so, none is known: not the same as none."""
    next_review: Day | None = None


class BaseCompute(_Said):
    """The training compute of a base model, as its provider declares it (AI Act, Annex XI 1.2(d))."""

    flop: float = Field(gt=0, allow_inf_nan=False)
    source: Text
    systemic_risk: bool = False


class Profile(_Said):
    """All of it optional: what is absent stands in the documents as a gap."""

    stated_by: Person | None = None
    """Who answers for what follows, where an answer names nobody of its own."""
    provider: Provider | None = None
    system_name: Text | None = None
    system_version: Text | None = None
    intended_purpose: Stated | None = None
    deployment_restrictions: tuple[Text, ...] = ()
    acceptable_use_policy: Reference | None = None
    incident_policy: Reference | None = None
    incident_contact: Text | None = None
    risk_management: Stated | None = None
    instructions_for_use: Stated | None = None
    human_oversight: Stated | None = None
    declaration_of_conformity: Reference | None = None
    post_market_monitoring: Stated | None = None
    standards: tuple[Text, ...] = ()
    """Harmonised standards that are applied."""
    metric_rationale: dict[Text, Text] = Field(default_factory=dict)
    """Why a metric is appropriate, by its name."""
    market_date: Day | None = None
    """When the system was placed on the market or put into service: the retention clock of Art. 18(1)."""
    high_risk: Literal["annex_i", "annex_iii", "no"] | None = None
    base_compute: dict[Text, BaseCompute] = Field(default_factory=dict)
    """By the base model's name."""
    answers: dict[Point, Stated] = Field(default_factory=dict)
    """Any other point of a template."""
    gap_owners: dict[Text, Text] = Field(default_factory=dict)
    """Who mends a gap, by point of law or by the owner that a gap names (`engineer`, `compliance` …)."""
    hipaa: Hipaa = Hipaa()

    @field_validator("deployment_restrictions", "standards", mode="before")
    @classmethod
    def _one_is_a_list(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @classmethod
    def parse(cls, value: Json) -> Self:
        """Read a profile from JSON or YAML values.

        Raises:
            ConfigurationError: a field is unknown, or says what it cannot say; the message names it.
        """
        try:
            return cls.model_validate(value)
        except ValidationError as error:
            found = error.errors(include_url=False, include_context=False)
            more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
            raise ConfigurationError(f"the profile: {_said_of(found[0])}{more}") from None

    def over(self, below: Profile) -> Profile:
        """This profile on top of another: each field that is said here wins, maps are merged key by key."""
        upper, lower = self.to_json(), below.to_json()
        merged = lower | upper
        for key in ("metric_rationale", "base_compute", "answers", "gap_owners"):
            if both := {**lower.get(key, {}), **upper.get(key, {})}:
                merged[key] = both
        if hipaa := {**lower.get("hipaa", {}), **upper.get("hipaa", {})}:
            merged["hipaa"] = hipaa
        return Profile.model_validate(merged)

    def to_json(self) -> dict[str, Json]:
        """Only what is said."""
        said: dict[str, Json] = self.model_dump(mode="json", exclude_unset=True, exclude_none=True)
        return {key: value for key, value in said.items() if value not in ({}, [], ())}


def problems(value: Json) -> dict[tuple[str, ...], str]:
    """Everything that is wrong with a profile's values, by the place of each; nothing where it reads."""
    try:
        Profile.model_validate(value)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False)
        return {tuple(map(str, each["loc"])): _why(each) for each in reversed(found)}
    return {}


def _why(error: ErrorDetails) -> str:
    if error["type"] == "missing":
        return "this is needed as well"
    if error["type"] == "string_pattern_mismatch" and error["loc"][-1] in _DAYS:
        return "a day, as in 2026-01-31"
    return error["msg"].removeprefix("Value error, ")


def _said_of(error: ErrorDetails) -> str:
    """Which field is wrong, and why; what was given is not repeated, for it may be long or secret."""
    where = ".".join(str(part)[:80] for part in error["loc"]) or "it"
    if error["type"] != "extra_forbidden":
        return f"{where}: {_why(error)}"
    return f"there is no field {where}{meant(str(error['loc'][-1])[:80], _every_field())}"


def _every_field() -> set[str]:
    models = (Profile, Hipaa, Stated, Reference, Person, Provider, Vendor, Addressable, BaseCompute)
    return {name for model in models for name in model.model_fields}
