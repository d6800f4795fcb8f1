"""What the processes of one training say of themselves: that they joined, what they wrote, that they left."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cognify_core.canonical import Json
from cognify_core.model.bodies import Body, ClosedStatus, NodeId, Ref
from cognify_core.model.digest import Digest
from cognify_core.model.names import Time


class RankJoined(Body):
    """A process began to write this record."""

    kind: Literal["rank_joined"] = "rank_joined"
    rank: int = Field(ge=0)
    world_size: int = Field(ge=1)


class RankLeft(Body):
    """A process has said all that it had to say, and how its part of the training ended."""

    kind: Literal["rank_left"] = "rank_left"
    rank: int = Field(ge=0)
    status: ClosedStatus
    reasons: tuple[str, ...] = ()
    """Why its part is not complete, where it is not."""


class ShardsSeen(Body):
    """The files of a checkpoint that one rank wrote, hashed by that rank; the checkpoint itself is a later event.

    `hash` is that of a tree manifest with these files alone, or there is a `reason` for having none.
    """

    kind: Literal["shards"] = "shards"
    rank: int = Field(ge=0)
    ref: Ref
    """The ref that the checkpoint gets if it is this rank that records it."""
    id: NodeId
    step: int = Field(ge=0)
    at: Time
    location: str
    hash: Digest | None = None
    manifest: str | None = None
    reason: str | None = None
    left: tuple[str, ...] = ()
    """Files that were there and that other ranks wrote, by their names as people read them."""
    inputs: tuple[Ref, ...] = ()
    facts: dict[str, Json] = Field(default_factory=dict)

    def manifests(self) -> dict[Digest, str]:
        """The tree of this rank's files."""
        return {self.hash: self.manifest} if self.hash and self.manifest else {}
