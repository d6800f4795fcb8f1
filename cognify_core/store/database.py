"""What a database must be able to do for a `SqlStore`."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from sqlalchemy import Connection


class Database(Protocol):
    """One database: how to reach it, and how to leave nothing half done."""

    @property
    def place(self) -> str:
        """Where it is, for messages; without passwords."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should be told about it."""

    def reading(self) -> AbstractContextManager[Connection]:
        """A transaction that sees one moment."""

    def writing(self) -> AbstractContextManager[Connection]:
        """A transaction in which rows read `FOR UPDATE` are not written by others; on disk when the block is left."""

    def purge(self) -> None:
        """Leave nothing on disk of rows that were deleted."""

    def close(self) -> None:
        """Let go of connections."""
