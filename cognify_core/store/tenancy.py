"""What a store keeps of those who share it: workspaces, the tokens that open them, and the secret of each run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from cognify_core.model.digest import Digest


@dataclass(frozen=True, slots=True)
class WorkspaceRow:
    """A workspace: runs, policies, profiles and a ledger of its own."""

    workspace: str
    label: str
    created_at: str


@dataclass(frozen=True, slots=True)
class Token:
    """An API key, without the key: what is kept of it is a digest."""

    token_id: str
    workspace: str | None
    """None: every workspace."""
    role: str
    label: str
    """For people: who uses it, and what for."""
    secret_hash: str
    """SHA-256 of the secret, which is as random as it is long."""
    created_by: str
    created_at: str
    expires_at: str | None = None
    revoked_at: str | None = None


@dataclass(frozen=True, slots=True)
class Arrival:
    """That events of a run came over a wire."""

    size: int
    """How many the record had then."""
    arrived_at: str


class Tenancy(Protocol):
    """The part of a `Store` that is about who may. As there: what is written is on disk when a method returns."""

    def put_workspace(self, row: WorkspaceRow) -> WorkspaceRow:
        """Keep a workspace; return what is kept, which is the first of that name."""

    def workspaces(self) -> list[WorkspaceRow]:
        """All of them, by name."""

    def put_token(self, token: Token) -> None:
        """Keep a token. Raises `RecordError` where there is one of that id."""

    def token(self, token_id: str) -> Token | None:
        """The token of that id."""

    def tokens(self, *, workspace: str | None = None) -> list[Token]:
        """All tokens, oldest first; of one workspace where it is named, those of every workspace not among them."""

    def revoke_token(self, token_id: str, revoked_at: str) -> bool:
        """End a token now; whether there was one to end. The first time stands."""

    def given(self, digests: Sequence[Digest], *, workspace: str) -> set[Digest]:
        """Those manifests that somebody of the workspace has put: to know a digest is not to have its bytes."""

    def put_secret(self, run_id: str, secret_hash: str) -> bool:
        """Keep the digest of a run's secret; False where another one is kept, which stays."""

    def secret(self, run_id: str) -> str | None:
        """The digest of a run's secret."""

    def put_arrival(self, run_id: str, arrival: Arrival) -> None:
        """Keep that events came; where the record had as many before, nothing has."""

    def arrivals(self, run_id: str) -> list[Arrival]:
        """When the events of a run came, in order; none of a run that was written here."""
