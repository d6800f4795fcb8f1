"""The part of a SQL store that is about who may (see `tenancy`, where the promises are)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Select, bindparam, func, select

from cognify_core.errors import RecordError
from cognify_core.model.digest import Digest
from cognify_core.store import tables
from cognify_core.store.database import Database
from cognify_core.store.prepared import Prepared
from cognify_core.store.tenancy import Arrival, Token, WorkspaceRow

DIGESTS_AT_ONCE = 500
_HELD = Prepared(select(tables.runs.c.run_id).where(tables.runs.c.run_id == bindparam("run_id")).with_for_update())
_LONGEST = Prepared(select(func.max(tables.arrivals.c.size)).where(tables.arrivals.c.run_id == bindparam("run_id")))
_ARRIVALS = Prepared(tables.arrivals.insert())
_SECRET = Prepared(select(tables.run_secrets.c.secret_hash).where(tables.run_secrets.c.run_id == bindparam("run_id")))


class SqlTenancy:
    """Workspaces, tokens, secrets."""

    _database: Database

    def put_workspace(self, row: WorkspaceRow) -> WorkspaceRow:
        """Keep a workspace."""
        same = select(tables.workspaces).where(tables.workspaces.c.workspace == row.workspace)
        with self._database.writing() as connection:
            if (kept := connection.execute(same).first()) is not None:
                return WorkspaceRow(*kept)
            connection.execute(tables.workspaces.insert(), asdict(row))
        return row

    def workspaces(self) -> list[WorkspaceRow]:
        """List workspaces."""
        with self._database.reading() as connection:
            rows = connection.execute(select(tables.workspaces).order_by(tables.workspaces.c.workspace))
            return [WorkspaceRow(*row) for row in rows]

    def put_token(self, token: Token) -> None:
        """Keep a token."""
        with self._database.writing() as connection:
            if connection.execute(_token(token.token_id)).first() is not None:
                raise RecordError(f"there is a token {token.token_id} already")
            connection.execute(tables.tokens.insert(), asdict(token))

    def token(self, token_id: str) -> Token | None:
        """Look a token up."""
        with self._database.reading() as connection:
            row = connection.execute(_token(token_id)).first()
        return None if row is None else Token(*row)

    def tokens(self, *, workspace: str | None = None) -> list[Token]:
        """List tokens."""
        query = select(tables.tokens).order_by(tables.tokens.c.created_at, tables.tokens.c.token_id)
        if workspace is not None:
            query = query.where(tables.tokens.c.workspace == workspace)
        with self._database.reading() as connection:
            return [Token(*row) for row in connection.execute(query)]

    def revoke_token(self, token_id: str, revoked_at: str) -> bool:
        """End a token."""
        table = tables.tokens
        mine = table.update().where(table.c.token_id == token_id, table.c.revoked_at.is_(None))
        with self._database.writing() as connection:
            return connection.execute(mine.values(revoked_at=revoked_at)).rowcount == 1

    def given(self, digests: Sequence[Digest], *, workspace: str) -> set[Digest]:
        """Ask who has put what."""
        table, found = tables.workspace_manifests, set[Digest]()
        for first in range(0, len(digests), DIGESTS_AT_ONCE):
            wanted = {str(digest): digest for digest in digests[first : first + DIGESTS_AT_ONCE]}
            query = select(table.c.digest).where(table.c.workspace == workspace, table.c.digest.in_(wanted))
            with self._database.reading() as connection:
                found |= {wanted[name] for name in connection.execute(query).scalars()}
        return found

    def put_secret(self, run_id: str, secret_hash: str) -> bool:
        """Keep a secret's digest."""
        table = tables.run_secrets
        with self._database.writing() as connection:
            kept = connection.execute(select(table.c.secret_hash).where(table.c.run_id == run_id)).scalar()
            if kept is None:
                connection.execute(table.insert(), {"run_id": run_id, "secret_hash": secret_hash})
        return kept in (None, secret_hash)

    def secret(self, run_id: str) -> str | None:
        """Read a secret's digest."""
        with self._database.reading() as connection:
            kept = _SECRET.first(connection, run_id=run_id)
        return None if kept is None else str(kept[0])

    def put_arrival(self, run_id: str, arrival: Arrival) -> None:
        """Keep an arrival."""
        with self._database.writing(beside=True) as connection:
            _HELD.rows(connection, run_id=run_id)
            ((longest,),) = _LONGEST.rows(connection, run_id=run_id)
            if (longest or 0) < arrival.size:
                _ARRIVALS.put(connection, [asdict(arrival) | {"run_id": run_id}])

    def arrivals(self, run_id: str) -> list[Arrival]:
        """List arrivals."""
        table = tables.arrivals
        query = select(table.c.size, table.c.arrived_at).where(table.c.run_id == run_id).order_by(table.c.size)
        with self._database.reading() as connection:
            return [Arrival(*row) for row in connection.execute(query)]


def _token(token_id: str) -> Select[Any]:
    return select(tables.tokens).where(tables.tokens.c.token_id == token_id)
