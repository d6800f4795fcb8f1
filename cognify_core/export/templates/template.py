"""What a template is. Third parties add theirs by the entry point group `cognify.templates`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from cognify_core.export.document.blocks import Composed, RowStatus
from cognify_core.export.dossier import Dossier
from cognify_core.export.evidence import Evidence


@dataclass(frozen=True, slots=True)
class Answer:
    """One row of a template, answered."""

    ref: str
    """The point of law, as in `1(b)` or `164.312(b)`."""
    title: str
    status: RowStatus
    says: tuple[str, ...] = ()
    """What is known, each a plain sentence or a `name: value`. Never empty, unless the row is a GAP."""
    evidence: tuple[Evidence, ...] = ()
    source: str = ""
    """Where it comes from: `record`, `profile`, `notes`, `attestation`."""
    missing: tuple[str, ...] = ()
    """What is not there yet, and how it is supplied; also of a row that is answered in part."""
    owner: str = ""
    """Who supplies what is missing."""


class Template(Protocol):
    """A template. What it composes follows from the dossier alone: no clock, file, network or locale."""

    @property
    def name(self) -> str:
        """What `--template` takes."""

    @property
    def version(self) -> str:
        """Changes whenever the same dossier would give another document."""

    @property
    def formats(self) -> frozenset[str]:
        """The formats that it exists in, as in `pdf`."""

    @property
    def shows_personal_data(self) -> bool:
        """Whether it prints the clear values behind commitments, which are then an input of the package."""

    def compose(self, dossier: Dossier) -> Composed:
        """The document."""
