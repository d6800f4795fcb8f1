"""What the leaves of a ledger say, and whether it was signed: the statements, by kind, of one reading of all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from cognify_core.errors import CognifyError
from cognify_core.model.digest import Digest
from cognify_core.seal.ledger_body import LeafBody
from cognify_core.seal.ledger_statements import (
    LeafStatement,
    OpenedStatement,
    RotationStatement,
    matter_of,
    parse_leaf_statement,
)
from cognify_core.seal.signing import PublicKey
from cognify_core.store.protocol import Leaf, LeafKind
from cognify_core.verify.report import Finding, contradicts, unchecked


@dataclass(frozen=True, slots=True)
class Listed:
    """A leaf, as far as it was read."""

    position: int
    payload: Digest
    signature: bytes
    run_id: str | None
    opened: OpenedStatement | None = None


@dataclass
class Leaves:
    """The leaves of a ledger, by kind and subject."""

    trusted: Sequence[PublicKey]
    findings: list[Finding] = field(default_factory=list)
    listed: dict[LeafKind, dict[str, Listed]] = field(default_factory=dict)
    _keys: dict[str, str] = field(default_factory=dict)
    """How each key came in, by its id."""
    _retired: dict[str, int] = field(default_factory=dict)
    """The leaf from which on a key's successor signs."""
    _successors: dict[str, str] = field(default_factory=dict)
    """The key that a new key, which has not signed yet, follows."""

    def of(self, kind: LeafKind) -> dict[str, Listed]:
        """The leaves of a kind, by subject."""
        return self.listed.setdefault(kind, {})

    def read(self, position: int, leaf: Leaf) -> None:
        """Check one leaf, and list it."""
        what = f"leaf {position} ({leaf.kind} of {leaf.subject})"
        try:
            body = LeafBody.parse(leaf.body)
            body.check(leaf.payload)
            statement = parse_leaf_statement(leaf.payload)
            kind, subject = matter_of(statement)
        except CognifyError as error:
            self.findings.append(contradicts("ledger_statement", f"{what}: {error}", "ledger"))
            return
        if (kind, subject) != (leaf.kind, leaf.subject):
            told = f"{what}: its statement is the {kind} of {subject}"
            self.findings.append(contradicts("ledger_statement", told, "ledger"))
            return
        self._check_key(position, body.key, statement, what)
        opened = statement if isinstance(statement, OpenedStatement) else None
        run_id = None if isinstance(statement, RotationStatement) else statement.predicate.run_id
        self.of(kind)[subject] = Listed(position, Digest.of(leaf.payload), body.signature, run_id, opened)

    def _check_key(self, position: int, key: PublicKey, statement: LeafStatement, what: str) -> None:
        """A key signs from the leaf that introduces it on, until the one that it introduced itself begins to."""
        if (before := self._successors.pop(key.key_id, None)) is not None:
            self._retired[before] = position
        if not self._keys:
            self._keys[key.key_id] = "the first"
            if key not in self.trusted:
                told = f"the ledger begins with the key {key.key_id}, which is not pinned here"
                self.findings.append(unchecked("ledger_key", told, "ledger"))
        if key.key_id in self._retired:
            told = f"{what}: signed with {key.key_id[:16]}…, replaced from leaf {self._retired[key.key_id]} on"
            self.findings.append(contradicts("ledger_key", told, "ledger"))
        elif key.key_id not in self._keys and key in self.trusted:
            self._keys[key.key_id] = "pinned"
            told = f"{what}: signed with {key.key_id[:16]}…, which is pinned here and which no leaf has introduced"
            self.findings.append(unchecked("ledger_key", told, "ledger"))
        elif key.key_id not in self._keys:
            told = f"{what}: signed with {key.key_id[:16]}…, which no leaf has introduced"
            self.findings.append(contradicts("ledger_key", told, "ledger"))
        if isinstance(statement, RotationStatement):
            if statement.predicate.old != key.key_id:
                told = f"{what}: retires the key {statement.predicate.old[:16]}…, which did not sign it"
                self.findings.append(contradicts("ledger_key", told, "ledger"))
            self._successors[statement.new_key.key_id] = key.key_id
            self._keys[statement.new_key.key_id] = what
