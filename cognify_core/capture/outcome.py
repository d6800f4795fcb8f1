"""What hashing something came to: a digest with its manifest, or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Self

from cognify_core.canonical import Json
from cognify_core.errors import CaptureError
from cognify_core.model.digest import Digest

if TYPE_CHECKING:  # the hashing process needs no events, and would take longer to start with them than to hash
    from cognify_core.model.events import Assurance


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one capture. `facts` are plain JSON: sizes and counts, never clock times or absolute paths."""

    assurance: Assurance
    hash: Digest | None = None
    format: str | None = None
    """The manifest's format, as in `cognify.tree/v1`; none where `hash` is of a file's bytes."""
    manifest: bytes | None = None
    """The bytes whose SHA-256 is `hash`, to be carried in the package."""
    reason: str | None = None
    facts: dict[str, Json] = field(default_factory=dict)
    gaps: tuple[str, ...] = ()
    """What this digest does not cover, each a phrase for people."""

    @classmethod
    def of_manifest(cls, manifest: bytes, format: str, **rest: object) -> Self:  # noqa: A002 - the field's own name
        """A full-content outcome whose digest is that of its manifest."""
        return cls("content", Digest.of(manifest), format, manifest, **rest)  # type: ignore[arg-type]

    @classmethod
    def unresolved(cls, reason: str | CaptureError) -> Self:
        """No digest, and why."""
        return cls("unresolved", reason=str(reason))

    def declared(self) -> Self:
        """The same digest, of something that only somebody says is what it is; unresolved stays so."""
        return self if self.hash is None else replace(self, assurance="declared")
