"""Statements of which a store runs very many: compiled once for each database, then given to its driver as they are.

SQLAlchemy takes ten times as long over a small statement as SQLite does, and half as long again over each row of a
large one. Values and rows are what the driver takes and gives: texts, whole numbers, bytes; and so are its errors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any, TypeAlias

from sqlalchemy import Connection, Executable, Insert
from sqlalchemy.sql.compiler import SQLCompiler

Found: TypeAlias = tuple[Any, ...]
_Values: TypeAlias = Callable[[Mapping[str, object]], Any]


class Prepared:
    """A statement, with a name for each value that it is given; of an insert, those of all columns."""

    def __init__(self, statement: Executable) -> None:
        self._statement = statement
        self._compiled: dict[str, tuple[str, _Values]] = {}

    def rows(self, connection: Connection, **asked: object) -> list[Found]:
        """What a query finds."""
        text, values = self._for(connection)
        with _cursor(connection) as cursor:
            cursor.execute(text, values(asked))
            return list(cursor.fetchall())

    def first(self, connection: Connection, **asked: object) -> Found | None:
        """The first row that a query finds."""
        return next(iter(self.rows(connection, **asked)), None)

    def put(self, connection: Connection, rows: Iterable[Mapping[str, object]]) -> None:
        """Insert rows."""
        text, values = self._for(connection)
        with _cursor(connection) as cursor:
            cursor.executemany(text, [values(row) for row in rows])

    def _for(self, connection: Connection) -> tuple[str, _Values]:
        dialect = connection.dialect
        if (found := self._compiled.get(dialect.name)) is None:
            statement = self._statement
            names = [column.name for column in statement.table.columns] if isinstance(statement, Insert) else None
            compiled = statement.compile(dialect=dialect, column_keys=names)  # type: ignore[attr-defined]
            found = self._compiled[dialect.name] = str(compiled), _values_of(compiled)
        return found


@contextmanager
def _cursor(connection: Connection) -> Iterator[Any]:
    """The driver's cursor. Where its connection turns out to be lost, SQLAlchemy is told, and undoes nothing on it."""
    dialect, raw = connection.dialect, connection.connection
    with closing(raw.cursor()) as cursor:
        try:
            yield cursor
        except dialect.loaded_dbapi.Error as error:
            if dialect.is_disconnect(error, raw, cursor):
                connection.invalidate(error)
            raise


def _values_of(compiled: SQLCompiler) -> _Values:
    """How the driver is given values: by name, or in the order in which the text has marks for them."""
    fixed, order = compiled.params, compiled.positiontup
    if order is None:
        return lambda given: {**fixed, **given}
    if any(value is not None for value in fixed.values()) and not compiled.isinsert:
        return lambda given: [given[name] if name in given else fixed[name] for name in order]
    return lambda given: [given[name] for name in order]
