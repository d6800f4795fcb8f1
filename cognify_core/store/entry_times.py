"""When an access was, as the bytes of its entry say: by this a database looks for days, without a column of its own.

An entry is canonical JSON, whose keys are sorted; before `at` stand an action and a commitment, in which a quote is
written with a backslash before it. So the first `"at":"` is that of the access.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction

from cognify_core.store.columns import Text


class said_at(GenericFunction[str]):  # noqa: N801 - a function of SQL is written so
    """The time in an entry's bytes; what it is of bytes that are no entry is not said."""

    type = Text
    inherit_cache = True


@compiles(said_at, "sqlite")
def _in_sqlite(element: ColumnElement[str], compiler: SQLCompiler, **rest: Any) -> str:
    entry = f"CAST({compiler.process(element.clauses, **rest)} AS TEXT)"
    return f"""substr({entry}, instr({entry}, '"at":"') + 6, 27)"""


@compiles(said_at, "postgresql")
def _in_postgresql(element: ColumnElement[str], compiler: SQLCompiler, **rest: Any) -> str:
    entry = compiler.process(element.clauses, **rest)
    return f"""(substring(encode({entry}, 'escape') from '"at":"([^"]*)"') COLLATE "C")"""
