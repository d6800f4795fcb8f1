"""Whatever goes wrong in or before a PostgreSQL server, said in the store's own words."""

from __future__ import annotations

import psycopg
from sqlalchemy.exc import SQLAlchemyError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from cognify_core.errors import RecordError, RunSealedError, StoreError
from cognify_core.store.rules import SEALED

_NO_ANSWER = "no connection can be made; check that the server runs, and host, port, user and password"
_BY_CODE = {
    "0A000": "it is read-only: a standby, perhaps",
    "25006": "it is read-only: a standby, perhaps",
    "25P03": "this process was silent for too long in the middle of a transaction, which was undone",
    "28000": "the server does not let this user in",
    "28P01": "the server does not take this user's password",
    "3D000": "there is no such database; create it first, of encoding UTF8",
    "40P01": "two transactions waited for each other, and this one was undone; try again",
    "42501": "this user may not do that; the owner of the tables may",
    "53100": "the server's disk is full; free some space",
    "53200": "the server has no memory left for it",
    "53300": "the server has no connection left; raise its max_connections, or start fewer processes",
    "55P03": "another process has kept it locked for too long; the view pg_stat_activity tells which",
    "57014": "it took longer than this store waits",
    "57P01": "the server was shut down, or ended this connection; try again when it is back",
    "57P02": "the server crashed and begins anew; try again",
    "57P03": "the server is starting or stopping; try again",
}
"""By SQLSTATE (postgresql.org/docs/current/errcodes-appendix.html)."""


def in_our_words(place: str, error: SQLAlchemyError | psycopg.Error) -> StoreError:
    """The error to raise from `error`, naming the store at `place`, the cause, and what to do. It holds no values."""
    if isinstance(error, StatementError) and isinstance(error.orig, psycopg.Error):
        return in_our_words(place, error.orig)
    if isinstance(error, psycopg.IntegrityError | psycopg.DataError):
        return _refusal(place, _said(error))
    if isinstance(error, psycopg.Error):
        return StoreError(f"the store {place} failed: {_cause(error)} ({_said(error)})")
    if isinstance(error, PoolTimeoutError):
        return StoreError(f"the store {place} failed: all connections of this process are in use, and stay so")
    return StoreError(f"the store {place} failed: {error}")


def _cause(error: psycopg.Error) -> str:
    if error.sqlstate is None or error.sqlstate.startswith("08"):
        return _NO_ANSWER if isinstance(error, psycopg.OperationalError) else "the database refused"
    return _BY_CODE.get(error.sqlstate, "the database refused")


def _said(error: psycopg.Error) -> str:
    """The first line of what the server said: the ones after it quote values."""
    return error.diag.message_primary or next(iter(str(error).splitlines()), type(error).__name__)


def _refusal(place: str, message: str) -> RecordError:
    """What a trigger or a constraint refused; a trigger's own message is handed on as it is."""
    if message.startswith(SEALED):
        return RunSealedError(f"the store {place} refused: {message.removeprefix(SEALED)}")
    return RecordError(f"the store {place} refused: {message}")
