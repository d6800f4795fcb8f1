"""Whatever goes wrong below a store, said in the store's own words: the one place where foreign errors end."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError, StatementError

from cognify_core.errors import RecordError, RunSealedError, StoreError
from cognify_core.store.rules import SEALED

FOREIGN = (SQLAlchemyError, sqlite3.Error, OSError)
"""What `in_our_words` takes."""

_ELSEWHERE = "set COGNIFY_HOME to a folder on another disk"
_READ_ONLY = f"it is read-only; make the file and its folder writable, or {_ELSEWHERE}"
_BY_CODE = {
    sqlite3.SQLITE_BUSY: "another process has kept it locked for too long; `fuser` tells which",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; check that its folder exists and may be written to",
    sqlite3.SQLITE_CORRUPT: "it is damaged; copy it aside before anything else, then try `sqlite3 <copy> .recover`",
    sqlite3.SQLITE_FULL: f"the disk is full; free some space, or {_ELSEWHERE}",
    sqlite3.SQLITE_IOERR: f"its disk is full or failing; free some space and check it, or {_ELSEWHERE}",
    sqlite3.SQLITE_LOCKED: "another connection of this process has kept it locked for too long",
    sqlite3.SQLITE_NOMEM: "there is no memory left for it",
    sqlite3.SQLITE_NOTADB: "it is not an SQLite database, and so no Cognify store",
    sqlite3.SQLITE_PERM: "this user may not open it",
    sqlite3.SQLITE_READONLY: _READ_ONLY,
    sqlite3.SQLITE_TOOBIG: "a value is larger than the database takes",
}


def in_our_words(path: Path, error: SQLAlchemyError | sqlite3.Error | OSError) -> StoreError:
    """The error to raise from `error`, naming the store at `path`, the cause, and what to do."""
    if isinstance(error, StatementError) and isinstance(error.orig, sqlite3.Error):
        return in_our_words(path, error.orig)
    if isinstance(error, sqlite3.IntegrityError):
        return _refusal(path, str(error))
    if isinstance(error, sqlite3.Error):
        return StoreError(f"the store {path} failed: {_cause(path, error)} ({error})")
    if isinstance(error, OSError):
        cause = error.strerror or os.strerror(error.errno or 0)
        return StoreError(f"the store {path} failed: {error.filename or path}: {cause}; mend that, or {_ELSEWHERE}")
    return StoreError(f"the store {path} failed: {error}")


def _cause(path: Path, error: sqlite3.Error) -> str:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the low byte is the primary code (sqlite.org/rescode)
    if code == sqlite3.SQLITE_CANTOPEN and path.parent.is_dir() and not os.access(path.parent, os.W_OK):
        return _READ_ONLY
    return _BY_CODE.get(code, "the database refused")


def _refusal(path: Path, message: str) -> RecordError:
    """What a trigger or a constraint refused; SQLite hands on the trigger's own message."""
    if message.startswith(SEALED):
        return RunSealedError(f"the store {path} refused: {message.removeprefix(SEALED)}")
    return RecordError(f"the store {path} refused: {message}")
