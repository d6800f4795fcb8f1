"""An event as a store holds it, with what made it unique: what another store needs to hold the same record."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Written:
    """One event of a record."""

    writer: str
    counter: int
    event: bytes
