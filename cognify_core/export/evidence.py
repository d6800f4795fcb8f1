"""Where each statement of a document is written in the JSON package that travels with it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Evidence:
    """One entry of the evidence index."""

    number: int
    what: str
    """As in `dataset ds_train_v1`."""
    pointer: str
    """RFC 6901, into the JSON package: `/record/events/8`."""
    hash: str | None = None
    """`sha256:<hex>` of what it speaks of, where that has content."""

    @property
    def ref(self) -> str:
        """How documents cite it."""
        return f"E-{self.number:02d}"
