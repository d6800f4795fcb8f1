"""Under which URIs MLflow finds us, what else of it knows of us, and what does not."""

from __future__ import annotations

import re
from importlib.metadata import entry_points
from pathlib import Path

import pytest

pytest.importorskip("mlflow")

from click.testing import CliRunner
from mlflow.db import commands
from mlflow.store.db.db_types import DATABASE_ENGINES
from mlflow.tracking._model_registry.utils import _get_store_registry
from mlflow.tracking._tracking_service.utils import _tracking_store_registry
from mlflow.tracking.context.registry import resolve_tags

import cognify
from cognify_integrations.mlflow import registry_store, tracking_store
from tests.integrations.mlflow_stores import begin_database

PAGE = (Path(__file__).parents[2] / "docs" / "mlflow.md").read_text("utf-8")
ROWS = re.findall(r"^\| (`cognify\+.*?) \| (.*) \|$", PAGE, re.MULTILINE)
OURS = {"mlflow.tracking_store": tracking_store, "mlflow.model_registry_store": registry_store}


def schemes(told: str) -> set[str]:
    """The schemes that a cell of the page's table names: those of databases, and of drivers in brackets after them."""
    return {
        f"{scheme}{driver}"
        for scheme, drivers in re.findall(r"`(cognify\+[a-z]+):[^`]*`(?: \(([^)]*)\))?", told)
        for driver in ("", *re.findall(r"\+[a-z0-9]+", drivers))
    }


def test_the_page_names_each_scheme_that_is_registered_and_says_which_are_not_tested() -> None:
    told = {scheme: note for cell, note in ROWS for scheme in schemes(cell)}

    for group, builder in OURS.items():
        given = {each.name: each.load() for each in entry_points(group=group) if each.name.startswith("cognify+")}
        assert given == dict.fromkeys(told, builder)
    assert {scheme for scheme, note in told.items() if "not tested" in note} == {
        *("cognify+mysql", "cognify+mysql+pymysql", "cognify+mssql", "cognify+mssql+pyodbc"),
    }
    assert {f"cognify+{engine}" for engine in DATABASE_ENGINES} <= set(told)


def test_mlflow_finds_both_stores_under_each_scheme() -> None:
    for cell, _ in ROWS:
        for scheme in schemes(cell):
            assert _tracking_store_registry.get_store_builder(f"{scheme}://x") is tracking_store
            assert _get_store_registry().get_store_builder(f"{scheme}://x") is registry_store


def test_a_run_that_mlflow_creates_elsewhere_is_tagged_with_the_record_that_goes_on(home: Path) -> None:
    assert "cognify.run_id" not in resolve_tags()
    with cognify.run() as run:
        assert resolve_tags()["cognify.run_id"] == run.id
    assert "cognify.run_id" not in resolve_tags()


def test_a_database_is_upgraded_by_its_plain_uri_alone(tmp_path: Path) -> None:
    begin_database(tmp_path)
    before = (tmp_path / "mlflow.db").read_bytes()
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"

    ours = CliRunner().invoke(commands, ["upgrade", f"cognify+{uri}"])
    assert ours.exit_code == 1
    assert (tmp_path / "mlflow.db").read_bytes() == before
    assert CliRunner().invoke(commands, ["upgrade", uri]).exit_code == 0
