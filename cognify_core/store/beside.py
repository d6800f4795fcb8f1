"""What a SQL store keeps beside its records: clear values, and what organisations say of themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, Select, select

from cognify_core.errors import PolicyChangedError
from cognify_core.store import tables
from cognify_core.store.database import Database
from cognify_core.store.protocol import Opening, ProfileVersion
from cognify_core.store.rows import next_position, rows_of, to_bytes
from cognify_core.store.sql_access_log import access_openings, erase_access_openings


class SqlBeside:
    """The part of a `SqlStore` that is no evidence (see `protocol`, where the promises are)."""

    _database: Database

    def put_openings(self, run_id: str, openings: Sequence[Opening]) -> None:
        """Keep clear values."""
        with self._database.writing(beside=True) as connection:
            self._require_run(connection, run_id)
            _insert_openings(connection, run_id, openings)

    def openings(self, run_id: str) -> list[Opening]:
        """Read clear values."""
        with self._database.reading() as connection:
            self._require_run(connection, run_id)
            rows = connection.execute(rows_of(tables.openings, run_id).order_by(tables.openings.c.position))
            own = [Opening(row.commitment, row.label, row.random, row.value) for row in rows]
            return own + access_openings(connection, run_id)

    def erase_openings(self, run_id: str) -> int:
        """Erase clear values."""
        with self._database.writing(beside=True) as connection:
            self._require_run(connection, run_id)
            erased: int = connection.execute(
                tables.openings.delete().where(tables.openings.c.run_id == run_id)
            ).rowcount
            erased += erase_access_openings(connection, run_id)
        self._database.purge()
        return erased

    def put_profile(
        self,
        profile: bytes,
        saved_at: str,
        *,
        project: str | None = None,
        after: int | None = None,
        workspace: str = "default",
    ) -> ProfileVersion:
        """Keep a profile."""
        with self._database.writing() as connection:
            known = [_to_profile(row) for row in connection.execute(_profiles(workspace, project))]
            if after not in (None, len(known)):
                raise PolicyChangedError(f"somebody else has changed the profile of {project or workspace} meanwhile")
            if known and known[-1].profile == profile:
                return known[-1]
            version = ProfileVersion(len(known) + 1, profile, saved_at)
            place = {"workspace": workspace, "project": project or ""}
            connection.execute(tables.profiles.insert(), asdict(version) | place)
        return version

    def profiles(self, *, project: str | None = None, workspace: str = "default") -> list[ProfileVersion]:
        """List the versions of a profile."""
        with self._database.reading() as connection:
            return [_to_profile(row) for row in connection.execute(_profiles(workspace, project))]

    def _require_run(self, connection: Connection, run_id: str) -> None:
        """Raise `RunNotFoundError` where there is no such run."""
        raise NotImplementedError


def _insert_openings(connection: Connection, run_id: str, openings: Sequence[Opening]) -> None:
    held = set(connection.execute(rows_of(tables.openings, run_id)).scalars(tables.openings.c.commitment))
    first = next_position(connection, tables.openings)
    rows = [
        asdict(opening) | {"run_id": run_id, "position": position}
        for position, opening in enumerate(openings, first)
        if opening.commitment not in held
    ]
    if rows:
        connection.execute(tables.openings.insert(), rows)


def _profiles(workspace: str, project: str | None) -> Select[Any]:
    table = tables.profiles
    mine = select(table).where(table.c.workspace == workspace, table.c.project == (project or ""))
    return mine.order_by(table.c.version)


def _to_profile(row: Row[Any]) -> ProfileVersion:
    return ProfileVersion(row.version, to_bytes(row.profile), row.saved_at)
