"""The record as a whole: its manifest, and what a store knows of a run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from cognify_core.canonical import encode
from cognify_core.model.digest import Digest

RECORD_FORMAT = "cognify.record/v1"


class Status(StrEnum):
    """RUNNING → COMPLETED, FAILED or INTERRUPTED → AUDIT_SEALED; a run that was never sealed may be DISCARDED."""

    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    INTERRUPTED = "INTERRUPTED"
    AUDIT_SEALED = "AUDIT_SEALED"
    DISCARDED = "DISCARDED"


@dataclass(frozen=True, slots=True)
class RecordManifest:
    """What stands for a whole record: its length and RFC 6962 root, bound to the run's id."""

    run_id: str
    size: int
    root: str
    """64 hex digits. A bare Merkle root is never written `sha256:`."""

    def encode(self) -> bytes:
        """The manifest's bytes (`cognify.record/v1`)."""
        return encode({"format": RECORD_FORMAT, "run_id": self.run_id, "size": self.size, "root": self.root})

    @property
    def digest(self) -> Digest:
        """The digest that the seal names the record by."""
        return Digest.of(self.encode())


@dataclass(frozen=True, slots=True)
class Freeze:
    """What was fixed when a run was frozen; from then on the store takes no more events."""

    size: int
    root: str
    lineage: Digest
    sealed_at: str
    """Whole seconds, UTC."""


def counts_by_kind(kinds: Iterable[str]) -> dict[str, int]:
    """How many events there are of each kind."""
    counts: dict[str, int] = {}
    for kind in kinds:
        counts[kind] = counts.get(kind, 0) + 1
    return counts
