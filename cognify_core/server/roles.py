"""Who may do what: five roles, each a set of permissions, for one workspace or for all."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum, auto
from typing import Literal, Self, TypeAlias

from cognify_core.errors import ConfigurationError


class May(StrEnum):
    """Something that a role may do."""

    READ = auto()
    """See runs, their lineage, datasets, checkpoints, notes, the ledger, and what is in force."""
    RECORD = auto()
    """Begin runs, and write those whose secret one holds."""
    SAY = auto()
    """Add notes and attestations."""
    SEAL = auto()
    EXPORT = auto()
    """Make packages, and take them along."""
    KEEP = auto()
    """Set retention, storage and profiles; discard what was never sealed."""
    WATCH = auto()
    """See who looked at what."""
    ADMIT = auto()
    """Give and revoke tokens."""


_READER = frozenset({May.READ})
_AUDITOR = _READER | {May.EXPORT, May.WATCH}
_COMPLIANCE = _AUDITOR | {May.SAY, May.SEAL, May.KEEP}


class Role(StrEnum):
    """What a token or a person is in a workspace."""

    RECORDER = "recorder"
    VIEWER = "viewer"
    AUDITOR = "auditor"
    COMPLIANCE = "compliance"
    ADMIN = "admin"

    @property
    def permissions(self) -> frozenset[May]:
        """What this role may do."""
        return _PERMISSIONS[self]


_PERMISSIONS = {
    Role.RECORDER: frozenset({May.READ, May.RECORD, May.SAY, May.SEAL, May.EXPORT}),
    Role.VIEWER: _READER,
    Role.AUDITOR: _AUDITOR,
    Role.COMPLIANCE: _COMPLIANCE,
    Role.ADMIN: frozenset(May),
}


@dataclass(frozen=True, slots=True)
class Part:
    """A role, in a workspace or in all: `viewer@team`, `admin`."""

    role: Role
    workspace: str | None = None
    """None: all of them."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """The part that is written so.

        Raises:
            ConfigurationError: there is no such role, or no workspace behind the @.
        """
        role, at, workspace = text.partition("@")
        if role not in set(Role) or (at and not workspace) or any(map(str.isspace, workspace)):
            known = ", ".join(Role)
            raise ConfigurationError(f"{text[:80]!r} is no role: {known}, or one of them with @WORKSPACE behind it")
        return cls(Role(role), workspace or None)

    def __str__(self) -> str:
        return self.role.value if self.workspace is None else f"{self.role.value}@{self.workspace}"


Auth: TypeAlias = Literal["api_key", "session", "oidc", "proxy"]
"""How a caller is known: by an API key, a browser that signed in with a key or a link, a provider, a proxy."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever sent a request, as far as it is known."""

    name: str
    """As the access log has it: `token 0f… (label)`, `Ada (https://op.example 17)`."""
    auth: Auth
    parts: frozenset[Part]
    address: str
    """Where the request came from, as this server sees it."""
    workspace: str | None = None
    """The one that is asked about; None: all of them."""

    def within(self, workspace: str) -> Caller:
        """The same, asking about that workspace."""
        return replace(self, workspace=workspace)

    def sees(self, workspace: str) -> bool:
        """Whether the workspace is there at all for this caller."""
        return any(part.workspace in (None, workspace) for part in self.parts)

    @property
    def roles(self) -> tuple[Role, ...]:
        """What it is there, in the order of `Role`."""
        held = {part.role for part in self.parts if part.workspace in (None, self.workspace)}
        return tuple(role for role in Role if role in held)

    @property
    def role(self) -> str:
        """The same in words."""
        return " and ".join(self.roles) or "none"

    def may(self, permission: May) -> bool:
        """Whether one of its roles there may do that."""
        return any(permission in role.permissions for role in self.roles)
