"""Events: the facts of a record, each canonical JSON, discriminated by `kind`.

An event is `{v, run_id, seq, time, kind}` and the fields of its body. Bodies are made by whoever saw something; the
store gives the sequence number, and only then are there bytes. One event has one byte string: `parse_event` refuses
bytes that its own encoding would not have produced.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError, model_validator

from cognify_core.canonical import Json, encode, parse, parse_lenient
from cognify_core.errors import FormatError
from cognify_core.model.digest import Digest
from cognify_core.model.names import RunId, Time
from cognify_core.model.numbers import plain_number

VERSION = 1

Hex128 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Ref = Annotated[str, StringConstraints(min_length=1, max_length=200)]
NodeId = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Assurance: TypeAlias = Literal["content", "sampled", "declared", "unresolved"]
ClosedStatus: TypeAlias = Literal["COMPLETED", "FAILED", "INTERRUPTED"]


class Body(BaseModel):
    """What one kind of event says."""

    # "constants" keeps NaN a NaN until the canonical encoder refuses it; the default would write null instead.
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, ser_json_inf_nan="constants")

    kind: str


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


class Artifact(Body):
    """Something with content: each becomes a node of the lineage.

    `ref` names it within the record (unique, chosen by the writer); `id` is the node id that it would like to have,
    which the fold completes where two would clash. `inputs` are the refs of what it came from; in an addendum,
    `@<node id>` is a node of the run that it amends.
    """

    node_type: ClassVar[str]

    ref: Ref
    id: NodeId
    at: Time
    """When it was there to be seen; `time` is when hashing ended."""
    assurance: Assurance
    reason: str | None = None
    hash: Digest | None = None
    manifest: str | None = None
    """The format of the manifest whose digest `hash` is, as in `cognify.tree/v1`; none where `hash` is of a file."""
    location: str | None = None
    """Where it lay: an absolute path, the home directory written `~`, or a URI."""
    inputs: tuple[Ref, ...] = ()
    facts: dict[str, Json] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _hash_or_reason(self) -> Self:
        if (self.assurance == "unresolved") != (self.reason is not None):
            raise ValueError("an unresolved artifact has a reason, and no other has one")
        if self.assurance in ("content", "sampled") and self.hash is None:
            raise ValueError(f"an artifact of assurance {self.assurance!r} has a hash")
        if self.assurance == "unresolved" and self.hash is not None:
            raise ValueError("an unresolved artifact has no hash")
        return self

    def node_fields(self) -> dict[str, Json]:
        """What the lineage's node says beside type, id, hash, timestamp and assurance."""
        return {}


class DatasetSeen(Artifact):
    """Rows that the model was fed or evaluated on, or the files that they came from."""

    node_type: ClassVar[str] = "dataset"

    kind: Literal["dataset"] = "dataset"
    name: str
    role: str
    """`train`, `eval`, `source`, or what the user calls it."""
    schema_version: str = "1"
    schema_version_defaulted: bool = False
    record_count: int | None = Field(default=None, ge=0)
    provenance: dict[str, Json] = Field(default_factory=dict)

    def node_fields(self) -> dict[str, Json]:
        """Record count and schema version, as auditors read them."""
        return {"record_count": self.record_count, "role": self.role, "schema_version": self.schema_version}


class ConfigSeen(Artifact):
    """Everything that was configured: training arguments, model, PEFT, tokenizer."""

    node_type: ClassVar[str] = "config"

    kind: Literal["config"] = "config"


class CheckpointSeen(Artifact):
    """Model weights on disk."""

    node_type: ClassVar[str] = "checkpoint"

    kind: Literal["checkpoint"] = "checkpoint"
    step: int = Field(ge=0)

    def node_fields(self) -> dict[str, Json]:
        """The optimiser step."""
        return {"step": self.step}


class BaseModelSeen(Artifact):
    """The weights that training started from."""

    node_type: ClassVar[str] = "base_model"

    kind: Literal["base_model"] = "base_model"
    name: str


class ModelSeen(Artifact):
    """The final weights."""

    node_type: ClassVar[str] = "model"

    kind: Literal["model"] = "model"
    step: int | None = Field(default=None, ge=0)

    def node_fields(self) -> dict[str, Json]:
        """The optimiser step, where one is known."""
        return {} if self.step is None else {"step": self.step}


class EvaluationSeen(Artifact):
    """Results of one evaluation. Its manifest is the configuration form of name, step and results."""

    node_type: ClassVar[str] = "evaluation"

    kind: Literal["evaluation"] = "evaluation"
    name: str
    step: int | None = Field(default=None, ge=0)
    results: dict[str, Json]

    @model_validator(mode="after")
    def _numbers(self) -> Self:
        for result in self.results.values():
            plain_number(result)
        return self

    def node_fields(self) -> dict[str, Json]:
        """The results, and the step where one is known."""
        return {"results": self.results} | ({} if self.step is None else {"step": self.step})


class EnvironmentSeen(Artifact):
    """Packages, interpreter, hardware."""

    node_type: ClassVar[str] = "environment"

    kind: Literal["environment"] = "environment"


class CodeSeen(Artifact):
    """The program that trained: git commit, dirty flag, entry script."""

    node_type: ClassVar[str] = "code"

    kind: Literal["code"] = "code"


class Link(Body):
    """An edge that was found out after both ends were recorded, and how: by `content`, `fingerprint`, `step`.

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
    points: tuple[tuple[int, str, Json], ...] = Field(min_length=1, max_length=50)

    @model_validator(mode="after")
    def _numbers(self) -> Self:
        for _, _, value in self.points:
            plain_number(value)
        return self


class Note(Body):
    """What a person says of the run. Text, never markup."""

    kind: Literal["note"] = "note"
    text: str
    note_kind: str = "general"
    """`general`, `limitation`, `failure_mode`, `rationale`, `tradeoff` …"""
    subject: str | None = None


class Attestation(Body):
    """A statement that a named person answers for."""

    kind: Literal["attestation"] = "attestation"
    claim: str
    by: str
    role: str
    meaning: str | None = None
    evidence: Digest | None = None


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


AnyBody = Annotated[
    RunOpened
    | DatasetSeen
    | ConfigSeen
    | CheckpointSeen
    | BaseModelSeen
    | ModelSeen
    | EvaluationSeen
    | EnvironmentSeen
    | CodeSeen
    | Link
    | Phase
    | Metrics
    | Note
    | Attestation
    | Gap
    | Failure
    | RunClosed,
    Field(discriminator="kind"),
]


class _Envelope(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    v: Literal[1]
    run_id: RunId
    seq: int = Field(ge=0)
    time: Time


_BODY: TypeAdapter[Any] = TypeAdapter(AnyBody)
_ENVELOPE_FIELDS = frozenset(_Envelope.model_fields)


@dataclass(frozen=True, slots=True)
class Event:
    """One fact of one record, in its place."""

    run_id: str
    seq: int
    time: str
    body: Body

    def encode(self) -> bytes:
        """The bytes that are the event's leaf data.

        Raises:
            FormatError: a fact in the body cannot be written as canonical JSON.
        """
        body = self.body.model_dump(mode="json", exclude_none=True)
        return encode({"v": VERSION, "run_id": self.run_id, "seq": self.seq, "time": self.time, **body})


@dataclass(frozen=True, slots=True)
class Draft:
    """An event before the store has given it its number.

    `writer` and `counter` make appending idempotent: a store takes each pair once.
    """

    time: str
    body: Body
    writer: str
    counter: int

    def at(self, run_id: str, seq: int) -> Event:
        """The event that this draft becomes at `seq` of the record of `run_id`."""
        return Event(run_id, seq, self.time, self.body)


def parse_event(data: bytes) -> Event:
    """Read an event's bytes.

    Raises:
        FormatError: they are not canonical JSON, not an event, or not the one way to write this event.
    """
    value = parse_lenient(data)
    if not isinstance(value, dict):
        raise FormatError("not an event: not a JSON object")
    try:
        envelope = _Envelope.model_validate({key: value[key] for key in _ENVELOPE_FIELDS if key in value})
    except ValidationError as error:
        raise FormatError(f"not an event: {_first(error)}") from error
    body = parse_body({key: value[key] for key in value if key not in _ENVELOPE_FIELDS})
    event = Event(envelope.run_id, envelope.seq, envelope.time, body)
    if event.encode() != data:  # what an event encodes to is canonical, so one comparison answers for both
        parse(data)
        raise FormatError(f"not an event: event {event.seq} is written in another way than its one form")
    return event


def parse_body(value: Json) -> Body:
    """The body that `value`, an event without its envelope, says.

    Raises:
        FormatError: it is of no known kind, or its fields are not those of its kind.
    """
    try:
        body: Body = _BODY.validate_json(json.dumps(value, allow_nan=False))
    except ValidationError as error:
        raise FormatError(f"not an event: {_first(error)}") from error
    except (ValueError, TypeError, RecursionError) as error:
        raise FormatError(f"not an event: its body cannot be written as JSON: {error}") from error
    return body


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False)[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
