"""Who may do what: five roles, each a set of permissions, for one workspace or for all."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, auto


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
class Caller:
    """Whoever sent a request, as far as it is known."""

    name: str
    """As the access log has it: `token tk_… (label)`."""
    auth: str
    """How that is known: `api_key`."""
    role: Role
    workspace: str | None
    """None: all of them."""
    address: str
    """Where the request came from, as this server sees it."""

    def sees(self, workspace: str) -> bool:
        """Whether the workspace is there at all for this caller."""
        return self.workspace in (None, workspace)

    def may(self, permission: May) -> bool:
        """Whether it may do that, in the workspaces that it sees."""
        return permission in self.role.permissions
