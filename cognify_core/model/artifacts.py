"""What events say that has content: each of these becomes a node of the lineage."""

from __future__ import annotations

from typing import ClassVar, Literal, Self, TypeAlias

from pydantic import Field, model_validator

from cognify_core.canonical import Json
from cognify_core.model.bodies import Body, NodeId, Ref
from cognify_core.model.digest import Digest
from cognify_core.model.names import Time
from cognify_core.model.numbers import plain_number
from cognify_core.model.streams import ROWS_FORMAT, STREAM_FORMAT, StreamPart, stream_manifest

Assurance: TypeAlias = Literal["content", "sampled", "declared", "unresolved"]


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

    @property
    def is_produced(self) -> bool:
        """Whether the run made it, or used what was there."""
        return False

    def manifests(self) -> dict[Digest, str]:
        """The one whose digest is its hash; none where that is of a file."""
        return {self.hash: self.manifest} if self.hash and self.manifest else {}

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
    parts: tuple[StreamPart, ...] | None = None
    """Of a watched stream: what was read of it, as its manifest lists it."""

    @model_validator(mode="after")
    def _parts_of_the_hash(self) -> Self:
        if (self.parts is None) != (self.manifest != STREAM_FORMAT):
            raise ValueError(f"the parts of a stream belong to the format {STREAM_FORMAT}")
        if self.parts is not None and Digest.of(stream_manifest(self.parts)) != self.hash:
            raise ValueError("the digest of a stream is that of its parts' list")
        return self

    def manifests(self) -> dict[Digest, str]:
        """Its own, and of a stream those of its parts."""
        return {part["digest"]: ROWS_FORMAT for part in self.parts or ()} | super().manifests()

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

    @property
    def is_produced(self) -> bool:
        """All but the one that training went on from."""
        return self.facts.get("resumed") is not True

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

    @property
    def is_produced(self) -> bool:
        """All but the weights before the first step."""
        return self.step != 0

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

    @property
    def is_produced(self) -> bool:
        """Results are made."""
        return True

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
