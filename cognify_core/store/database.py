"""What a database must be able to do for a `SqlStore`."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from sqlalchemy import Connection

WRITES = "cognify_writes"
"""The execution option that the connection of a transaction has which writes."""


class Database(Protocol):
    """One database: how to reach it, and how to leave nothing half done."""

    @property
    def place(self) -> str:
        """Where it is, for messages; without passwords."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should be told about it."""

    @property
    def is_owned(self) -> bool:
        """Whether this user owns it, and so could delete it anyway."""

    @property
    def lost(self) -> str | None:
        """Why what is written to it is found by nobody after this process; none where it is found."""

    def prepare(self) -> None:
        """Create what is not there, and bring the schema up to date; of several processes, one does it.

        Raises:
            StoreVersionError: a newer Cognify has written it.
            StoreError: it cannot be opened, or is no store.
        """

    def reading(self) -> AbstractContextManager[Connection]:
        """A transaction that sees one moment."""

    def writing(self, *, beside: bool = False) -> AbstractContextManager[Connection]:
        """A transaction that is alone in writing, and on disk when the block is left; undone where the block raises.

        With `beside`, others may write at the same time: what it reads in order to write, it reads `FOR UPDATE`, or
        under such a row, which nobody else writes until it ends.
        """

    def check_writable(self) -> None:
        """Write nothing that stays, as durably as anything.

        Raises:
            StoreVersionError: it is of another schema by now than this Cognify works on.
            StoreError: nothing can be written now.
        """

    def purge(self) -> None:
        """Leave of rows that were deleted as little as the database can."""

    def close(self) -> None:
        """Let go of connections."""
