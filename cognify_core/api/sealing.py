"""What a seal came to, for whoever asked for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from cognify_core.model.digest import Digest
from cognify_core.seal.bundle import Bundle
from cognify_core.seal.statement import SealStatement


@dataclass(frozen=True, slots=True)
class Sealed:
    """A sealed run, as its seal says."""

    run_id: str
    sealed_at: str
    statement: Digest
    """SHA-256 of the seal's payload, by which addenda and receipts name it."""
    size: int
    root: str
    complete: bool
    reasons: tuple[str, ...]

    @classmethod
    def read(cls, bundle: bytes) -> Self:
        """What the bundle of a seal says.

        Raises:
            FormatError: it is none.
        """
        payload = Bundle.parse(bundle).payload
        said = SealStatement.parse(payload).predicate
        return cls(
            said.run_id,
            said.sealed_at,
            Digest.of(payload),
            said.record.size,
            said.record.root,
            said.complete,
            said.reasons,
        )
