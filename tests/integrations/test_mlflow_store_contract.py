"""An audited store is MLflow's own: each public method gives what it gave, raises what it raised, writes what it wrote.

Two stores, one plain and one audited, are told the same, call by call. What they draw or take from the clock differs,
and stands here as what it is instead; our own tags are left out.
"""

from __future__ import annotations

import inspect
import re
import warnings
from collections.abc import Iterator
from contextlib import chdir
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mlflow")

import sqlalchemy

import cognify
from cognify_integrations.mlflow import tracking_store
from tests.integrations.mlflow_calls import (
    ASSESSMENTS,
    DATASETS,
    ENDS,
    EXPERIMENTS,
    MODELS,
    REVIEWS,
    RUNS,
    SCORERS,
    TRACES,
    Kept,
)
from tests.integrations.mlflow_gateway_calls import GATEWAY, MCP
from tests.integrations.mlflow_stores import sqlite_stores

with warnings.catch_warnings():
    warnings.simplefilter("ignore", sqlalchemy.exc.SADeprecationWarning)
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning:mlflow"),
]

METHODS = sorted(
    name for name in dir(SqlAlchemyStore) if not name.startswith("_") and callable(getattr(SqlAlchemyStore, name))
)
CALLS = [
    *EXPERIMENTS,
    *RUNS,
    *MODELS,
    *TRACES,
    *ASSESSMENTS,
    *DATASETS,
    *SCORERS,
    *REVIEWS,
    *GATEWAY,
    *MCP,
    *ENDS,
]
_DRAWN = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{32}|\b[0-9a-f]{8}\b")
_CLOCK = re.compile(r"\b1[5-9]\d{11,17}\b|\b20\d\d-\d\d-\d\d[T ][\d:.]+(\+00:00|Z)?")
_OURS = "cognify."


class Side:
    """One of the two stores, and how what it gives is compared."""

    def __init__(self, store: Any, folder: Path) -> None:
        self.store, self.folder = store, str(folder)
        self.kept: Kept = {}
        self._drawn: dict[str, str] = {}

    def told(self, call: Any) -> Any:
        """What a call gives, or how it fails."""
        try:
            return self.compared(call())
        except Exception as error:  # noqa: BLE001 - whichever it is, the other must raise it too
            return type(error).__name__, getattr(error, "error_code", None), self.compared(str(error))

    def compared(self, value: Any, depth: int = 0) -> Any:
        """A value without what was drawn or taken from the clock."""
        assert depth < 30, f"{type(value)} goes on for ever"
        match value:
            case None | bool() | float():
                return value if value == value else "NaN"
            case Enum():
                return value.name
            case int():
                return "<clock>" if _CLOCK.fullmatch(str(value)) else value
            case str():
                return self._text(value)
            case bytes():
                return f"<{len(value)} bytes>"
            case dict():
                return {
                    self.compared(key, depth + 1): self.compared(item, depth + 1)
                    for key, item in value.items()
                    if not str(key).startswith(_OURS)
                }
            case list() | tuple() | set() | frozenset():
                return [self.compared(item, depth + 1) for item in value if not _is_ours(item)]
            case _ if hasattr(value, "to_dict"):
                return type(value).__name__, self.compared(value.to_dict(), depth + 1)
            case _:
                return type(value).__name__, self.compared(vars(value), depth + 1)

    def rows(self) -> dict[str, list[Any]]:
        """Every row of every table, in the order in which it was written."""
        tables = sqlalchemy.inspect(self.store.engine).get_table_names()
        with self.store.engine.connect() as database:
            return {
                table: [self.compared(tuple(row)) for row in self._of(database, table) if not _is_our_row(row)]
                for table in sorted(tables)
            }

    @staticmethod
    def _of(database: Any, table: str) -> Iterator[Any]:
        return iter(database.execute(sqlalchemy.text(f'SELECT * FROM "{table}" ORDER BY rowid')))

    def _text(self, text: str) -> str:
        text = text.replace(self.folder, "<folder>").replace("AuditedSqlAlchemyStore", "SqlAlchemyStore")
        text = _CLOCK.sub("<clock>", text)
        return _DRAWN.sub(lambda found: self._drawn.setdefault(found[0], f"<{len(self._drawn)}>"), text)


def _is_ours(item: Any) -> bool:
    return str(getattr(item, "key", "")).startswith(_OURS)


def _is_our_row(row: Any) -> bool:
    return any(isinstance(value, str) and value.startswith(_OURS) for value in row)


@pytest.fixture
def sides(home: Path, tmp_path: Path) -> Iterator[tuple[Side, Side]]:
    """A plain store, and an audited one; what MLflow makes where it is called, it makes in the test's own folder."""
    plain = sqlite_stores(tmp_path / "plain")
    inner = sqlite_stores(tmp_path / "audited")
    audited = tracking_store(f"cognify+{inner.uri}", (tmp_path / "audited" / "artifacts").as_uri())
    assert type(audited).__name__ == "AuditedSqlAlchemyStore"
    with chdir(tmp_path):
        yield Side(plain.tracking, tmp_path / "plain"), Side(audited, tmp_path / "audited")


def test_every_public_method_of_this_mlflow_is_driven() -> None:
    assert sorted({call.method for call in CALLS}) == METHODS


def test_each_call_gives_raises_and_writes_what_it_does_on_a_plain_store(sides: tuple[Side, Side]) -> None:
    plain, audited = sides

    for number, call in enumerate(CALLS):
        expected = plain.told(partial(call.make, plain.store, plain.kept))
        given = audited.told(partial(call.make, audited.store, audited.kept))
        assert given == expected, f"call {number}, {call.method}"

    expected_rows = plain.rows()
    assert audited.rows() == expected_rows
    assert sum(map(len, expected_rows.values())) > 50
    assert len(cognify.runs()) == 1, "the run was not recorded, so nothing was compared"


def test_each_method_takes_the_same_arguments(sides: tuple[Side, Side]) -> None:
    plain, audited = ({method: arguments(side.store, method) for method in METHODS} for side in sides)

    assert audited == plain


def arguments(store: Any, method: str) -> list[Any]:
    return [(each.name, each.kind) for each in inspect.signature(getattr(store, method)).parameters.values()]


def test_each_method_fails_on_nonsense_as_it_does_on_a_plain_store(sides: tuple[Side, Side]) -> None:
    plain, audited = sides
    expected, given = {}, {}

    for method in METHODS:
        expected[method] = plain.told(partial(nonsense, plain.store, method))
        given[method] = audited.told(partial(nonsense, audited.store, method))

    assert given == expected
    assert audited.rows() == plain.rows()


def nonsense(store: Any, method: str) -> Any:
    """A call with the same text for whatever must be given."""
    parameters = inspect.signature(getattr(store, method)).parameters.values()
    must = [each for each in parameters if each.default is each.empty]
    positional = ["nonsense" for each in must if each.kind is each.POSITIONAL_OR_KEYWORD]
    named = {each.name: "nonsense" for each in must if each.kind is each.KEYWORD_ONLY}
    result = getattr(store, method)(*positional, **named)
    if inspect.iscoroutine(result):
        result.close()
        return "a coroutine"
    return result.wait() if hasattr(result, "wait") else result
