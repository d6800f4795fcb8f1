"""What events say that has no content to hash: the beginning and the end of a run, metrics, notes, gaps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetPydanticSchema,
    PlainSerializer,
    StringConstraints,
    model_validator,
)

from cognify_core.canonical import Json
from cognify_core.model.digest import Digest
from cognify_core.model.names import RunId, Time
from cognify_core.model.numbers import plain_number

Hex128 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Ref = Annotated[str, StringConstraints(min_length=1, max_length=200)]
NodeId = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Said = Annotated[str, StringConstraints(min_length=1)]
Day = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$")]
"""A calendar day, ISO 8601."""
ClosedStatus: TypeAlias = Literal["COMPLETED", "FAILED", "INTERRUPTED"]
Point: TypeAlias = tuple[int, str, Json]
"""Step, name and value of a metric."""
Points = Annotated[
    Sequence[Point],
    GetPydanticSchema(lambda _, schema_of: schema_of(tuple[Point, ...])),
    PlainSerializer(lambda points: [list(point) for point in points]),
]
"""A tuple, or what reads them only when it is asked (`metric_events.WrittenPoints`)."""


class Body(BaseModel):
    """What one kind of event says."""

    # "constants" keeps NaN a NaN until the canonical encoder refuses it; the default would write null instead.
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, ser_json_inf_nan="constants")

    kind: str

    def manifests(self) -> dict[Digest, str]:
        """The manifests that it names by digest, which packages carry, and the format of each."""
        return {}


class Amends(BaseModel):
    """What an addendum adds to: a sealed run by id and nonce, and the statement that stands before it.

    `previous` is the SHA-256 of the payload of the addendum before, or of the seal itself for ordinal 1.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    run_id: RunId
    nonce: Hex128
    ordinal: int = Field(ge=1)
    previous: Digest


class RunOpened(Body):
    """Leaf 0 of every record. The nonce tells two runs of one id apart."""

    kind: Literal["run_opened"] = "run_opened"
    nonce: Hex128
    workspace: str = "default"
    project: str
    name: str | None = None
    tags: dict[str, str] = Field(default_factory=dict)
    recorder: str
    """Who wrote this record, as in `cognify-audit 0.1.0`."""
    amends: Amends | None = None


class Link(Body):
    """An edge that was found out after both ends were recorded, and how: by `content`, `step` or `best`.

    `declared` is an edge that a person asserts and nothing of ours has checked.
    """

    kind: Literal["link"] = "link"
    source: Ref
    target: Ref
    why: str


class Phase(Body):
    """A stage of the run began or ended: `training_started`, `training_ended`."""

    kind: Literal["phase"] = "phase"
    phase: str
    facts: dict[str, Json] = Field(default_factory=dict)


class Metrics(Body):
    """Points of metrics, each `[step, name, value]`, at most 50; values as `tagged_number` writes them."""

    kind: Literal["metrics"] = "metrics"
    points: Points = Field(min_length=1, max_length=50)
    tracker: str | None = None
    """Whom they were told, where that was another tracker, as in `mlflow`; what it is told may differ from our own."""

    @model_validator(mode="after")
    def _numbers(self) -> Self:
        for _, _, value in self.points:
            plain_number(value)
        return self


class Note(Body):
    """What a person says of the run. Text, never markup."""

    kind: Literal["note"] = "note"
    text: Said
    note_kind: str = "general"
    """`general`, `limitation`, `failure_mode`, `rationale`, `tradeoff` …"""
    subject: str | None = None


class Attestation(Body):
    """A statement that a named person answers for."""

    kind: Literal["attestation"] = "attestation"
    claim: Said
    """The exact words."""
    by: Said
    """The printed name."""
    role: Said
    meaning: str | None = None
    """What the signature means: `approved`, `reviewed`, `responsible for` … (21 CFR 11.50(a)(3))."""
    evidence: Digest | None = None
    on: Day | None = None
    """The day that the person gave; the event's time is when it was recorded."""
    form: str | None = None
    """What templates look for: `phi`, `encryption_at_rest`, `test_report`, `annex_iv`, `sign_off` …"""
    subject: str | None = None
    """What it is about: a node's id, a storage location, a point of law such as `annex_iv/2(e)`."""
    datasets: tuple[Digest, ...] | None = None
    """The digests of the datasets that it is bound to: it is void for a run that was fed others."""
    facts: dict[str, Json] | None = None
    """The form's answers."""


class ProfileSeen(Body):
    """What the organisation says of itself and of the AI system, as it stood when this was recorded.

    `profile` has the form of `cognify_core.model.profile.Profile`. The last one of a run and its addenda counts.
    """

    kind: Literal["profile"] = "profile"
    project: str
    profile: dict[str, Json]


BY_COMMITMENT = "not named; the user behind the commitment"
"""How `ran_by` begins where nobody named who ran it: what follows is the digest, which an opening opens."""


class Release(Body):
    """This run is the one of its project that is released; somebody other than who ran it approves."""

    kind: Literal["release"] = "release"
    approved_by: Said
    role: Said
    ran_by: Said
    """Who ran the training, as the approver names them."""
    on: Day
    meaning: str | None = None
    market_date: Day | None = None
    """When the AI system was placed on the market or put into service (AI Act, Art. 18(1))."""
    supersedes: RunId | None = None
    """The run that was the released one before."""


class Access(Body):
    """Somebody read or exported the run; who, and from where, stand as commitments.

    `observed_by` is `server` where a server saw the request itself; `machine` where the machine on which it happened
    says so of itself, which is a declaration.
    """

    kind: Literal["access"] = "access"
    at: Time
    action: Said
    """`show`, `export`, `verify`, `seal`, `download` …"""
    subject: str | None = None
    """What was touched, as in a package hash."""
    actor: Digest
    """Commitment to the user's name."""
    source: Digest | None = None
    """Commitment to the IP address."""
    auth: str | None = None
    """How the user was known: `os_user`, `api_key`, `session` …"""
    outcome: Literal["allowed", "refused", "failed"] = "allowed"
    observed_by: Literal["server", "machine"]


class Gap(Body):
    """What could not be seen, why, and the one thing that mends it."""

    kind: Literal["gap"] = "gap"
    subject: str
    reason: str
    mend: str | None = None
    owner: str = "engineer"


class Failure(Body):
    """Something of ours failed while the training went on; the seal will say `complete: false`."""

    kind: Literal["failure"] = "failure"
    where: str
    error: str


class RunClosed(Body):
    """The last leaf: how the run ended, what the record holds, and whether it is complete."""

    kind: Literal["run_closed"] = "run_closed"
    status: ClosedStatus
    complete: bool
    reasons: tuple[str, ...] = ()
    counts: dict[str, int]
    """Events by kind, this one not counted."""

    @model_validator(mode="after")
    def _reasons_if_incomplete(self) -> Self:
        if self.complete == bool(self.reasons):
            raise ValueError("an incomplete record has reasons, and a complete one has none")
        return self
