"""What leaves say, beside seals and receipts: a run was opened, a run was discarded, another key signs from now on.

They are in-toto statements like the others, signed with the same key. Of a run they hold what is needed to miss it:
its id, its nonce and the digest of its first event; no name, no project, no text of anybody's, but for the reason on
a tombstone.
"""

from __future__ import annotations

from typing import ClassVar, Final, Literal, TypeAlias

from pydantic import BaseModel, Field

from cognify_core.canonical import parse
from cognify_core.errors import FormatError, SigningKeyError
from cognify_core.model.digest import Digest
from cognify_core.model.events import Amends, Hex128
from cognify_core.model.names import RunId, Time
from cognify_core.seal.signing import PublicKey
from cognify_core.seal.statement import (
    STRICT,
    Hex256,
    ReceiptStatement,
    SealStatement,
    Statement,
)
from cognify_core.store.protocol import LeafKind

OPENED_TYPE: Final = "https://cognify.dev/opened/v1"
TOMBSTONE_TYPE: Final = "https://cognify.dev/tombstone/v1"
ROTATION_TYPE: Final = "https://cognify.dev/key-rotation/v1"
OPENED_SUBJECT = "run_opened"
"""The subject of an `opened` statement: the bytes of event 0."""
KEY_SUBJECT = "key"
"""The subject of a rotation: the new key's PEM text."""


class OpenedPredicate(BaseModel):
    """A run that was begun."""

    model_config = STRICT

    run_id: RunId
    nonce: Hex128
    opened_at: Time
    recorder: str
    amends: Amends | None = None


class OpenedStatement(Statement):
    """A run was begun, with this first event."""

    kind: ClassVar[str] = "opened"

    predicate_type: Literal["https://cognify.dev/opened/v1"] = Field(default=OPENED_TYPE, alias="predicateType")
    predicate: OpenedPredicate


class TombstonePredicate(BaseModel):
    """A run that was discarded, as far as it had got."""

    model_config = STRICT

    run_id: RunId
    reason: str
    discarded_at: Time
    size: int = Field(ge=0)
    root: Hex256


class TombstoneStatement(Statement):
    """A run was discarded. The subject is the manifest of its record as it was."""

    kind: ClassVar[str] = "tombstone"

    predicate_type: Literal["https://cognify.dev/tombstone/v1"] = Field(default=TOMBSTONE_TYPE, alias="predicateType")
    predicate: TombstonePredicate


class RotationPredicate(BaseModel):
    """Which key signed until now, and which signs from now on."""

    model_config = STRICT

    old: Hex256
    """The id of the key that signs this statement, its last."""
    new: str
    """PEM of the key that signs from now on."""
    reason: str
    rotated_at: Time


class RotationStatement(Statement):
    """Another key signs from now on; said with the old one."""

    kind: ClassVar[str] = "rotation"

    predicate_type: Literal["https://cognify.dev/key-rotation/v1"] = Field(default=ROTATION_TYPE, alias="predicateType")
    predicate: RotationPredicate

    @property
    def new_key(self) -> PublicKey:
        """The key that signs from now on.

        Raises:
            FormatError: what stands there is none, or not the subject.
        """
        try:
            key = PublicKey(self.predicate.new.encode())
        except SigningKeyError as error:
            raise FormatError(f"not a rotation: its new key does not read: {error}") from error
        if self.digests != {KEY_SUBJECT: Digest.of(key.pem)}:
            raise FormatError("not a rotation: its subject is not the new key")
        return key


LeafStatement: TypeAlias = OpenedStatement | SealStatement | ReceiptStatement | TombstoneStatement | RotationStatement

_KINDS: tuple[type[LeafStatement], ...] = (
    OpenedStatement,
    SealStatement,
    ReceiptStatement,
    TombstoneStatement,
    RotationStatement,
)
_BY_TYPE = {str(kind.model_fields["predicate_type"].default): kind for kind in _KINDS}


def parse_leaf_statement(payload: bytes) -> LeafStatement:
    """Read the payload of any leaf.

    Raises:
        FormatError: it is no statement of a kind that leaves have.
    """
    value = parse(payload)
    named = value.get("predicateType") if isinstance(value, dict) else None
    if not isinstance(named, str) or named not in _BY_TYPE:
        raise FormatError(f"not a statement that leaves have: its type is {str(named)[:80]!r}")
    return _BY_TYPE[named].parse(payload)


def matter_of(statement: LeafStatement) -> tuple[LeafKind, str]:
    """The kind and subject of the leaf that a statement makes.

    Raises:
        FormatError: a receipt is for more than one file, or a rotation's key does not read.
    """
    match statement:
        case OpenedStatement():
            return "opened", statement.predicate.run_id
        case SealStatement():
            return ("seal" if statement.predicate.amends is None else "addendum"), statement.predicate.run_id
        case TombstoneStatement():
            return "tombstone", statement.predicate.run_id
        case RotationStatement():
            return "rotation", statement.new_key.key_id
        case ReceiptStatement():
            if len(statement.subject) != 1:
                raise FormatError("not a receipt: it is for more than one file")
            return "receipt", str(next(iter(statement.digests.values())))
