"""Events: the facts of a record, each canonical JSON, discriminated by `kind`.

An event is `{v, run_id, seq, time, kind}` and the fields of its body. Bodies are made by whoever saw something; the
store gives the sequence number, and only then are there bytes. One event has one byte string: `parse_event` refuses
bytes that its own encoding would not have produced.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from cognify_core.canonical import Json, encode, parse, parse_lenient
from cognify_core.errors import FormatError
from cognify_core.model.artifacts import (
    Artifact,
    Assurance,
    BaseModelSeen,
    CheckpointSeen,
    CodeSeen,
    ConfigSeen,
    DatasetSeen,
    EnvironmentSeen,
    EvaluationSeen,
    ModelSeen,
)
from cognify_core.model.bodies import (
    Access,
    Amends,
    Attestation,
    Body,
    ClosedStatus,
    Failure,
    Gap,
    Hex128,
    Link,
    Metrics,
    Note,
    Phase,
    ProfileSeen,
    Release,
    RunClosed,
    RunOpened,
)
from cognify_core.model.metric_events import read_metric_event, write_metric_event
from cognify_core.model.names import RunId, Time
from cognify_core.model.ranks import RankJoined, RankLeft, ShardsSeen

__all__ = [
    "Access",
    "Amends",
    "Artifact",
    "Assurance",
    "Attestation",
    "BaseModelSeen",
    "Body",
    "CheckpointSeen",
    "ClosedStatus",
    "CodeSeen",
    "ConfigSeen",
    "DatasetSeen",
    "Draft",
    "EnvironmentSeen",
    "EvaluationSeen",
    "Event",
    "Failure",
    "Gap",
    "Hex128",
    "Link",
    "Metrics",
    "ModelSeen",
    "Note",
    "Phase",
    "ProfileSeen",
    "RankJoined",
    "RankLeft",
    "Release",
    "RunClosed",
    "RunOpened",
    "ShardsSeen",
    "parse_body",
    "parse_event",
]

VERSION = 1

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
    | ProfileSeen
    | Release
    | Access
    | Gap
    | Failure
    | RankJoined
    | ShardsSeen
    | RankLeft
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
        if isinstance(self.body, Metrics):
            written = write_metric_event(self.run_id, self.seq, self.time, self.body)
            if written is not None:
                return written
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
    if (found := read_metric_event(data)) is not None:
        run_id, seq, time, metrics = found
        _envelope({"v": VERSION, "run_id": run_id, "seq": seq, "time": time})
        return Event(run_id, seq, time, metrics)
    value = parse_lenient(data)
    if not isinstance(value, dict):
        raise FormatError("not an event: not a JSON object")
    envelope = _envelope({key: value[key] for key in _ENVELOPE_FIELDS if key in value})
    body = parse_body({key: value[key] for key in value if key not in _ENVELOPE_FIELDS})
    event = Event(envelope.run_id, envelope.seq, envelope.time, body)
    if event.encode() != data:  # what an event encodes to is canonical, so one comparison answers for both
        parse(data)
        raise FormatError(f"not an event: event {event.seq} is written in another way than its one form")
    return event


def _envelope(fields: dict[str, Json]) -> _Envelope:
    try:
        return _Envelope.model_validate(fields)
    except ValidationError as error:
        raise FormatError(f"not an event: {_first(error)}") from error


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
