"""A model registry that lies elsewhere than the runs: in a client, and in a server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

pytest.importorskip("mlflow")

from cognify_core import api
from cognify_core.canonical import Json, parse
from cognify_core.cli import app
from cognify_core.model.events import ConfigSeen
from tests.integrations.mlflow_program import Recorded, run_script

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated"),  # MLflow's own tables
]

TRACKING = "cognify+sqlite:///tracking.db"
REGISTER = """
    client = mlflow.MlflowClient()
    with mlflow.start_run() as run:
        client.create_registered_model("tagger")
        client.create_model_version("tagger", run.info.artifact_uri, run.info.run_id)
"""


def state_of(run: Recorded) -> tuple[Json, dict[str, Json]]:
    """The model versions that the record holds, and what it says of where they are."""
    [seen] = [body for body in run.bodies if isinstance(body, ConfigSeen) and body.id == "cfg_mlflow_run"]
    versions = parse(run.store.manifest(seen.hash))["config"]["model_versions"] if seen.hash else None
    return versions, {key: value for key, value in seen.facts.items() if key.startswith("registry")}


def databases(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*.db") if "home" not in path.parts)


def against(run: Recorded, uri: str, registry: str | None = None) -> tuple[int, list[Any]]:
    """How the command ends, and what it finds, where `MLFLOW_REGISTRY_URI` names that registry."""
    words = ["--home", str(run.home), "verify", run.row.run_id, "--against", f"mlflow:{uri}", "--json"]
    done = CliRunner().invoke(app, words, env={"MLFLOW_REGISTRY_URI": registry})
    api.this_session().workspace.close()
    return done.exit_code, [each for each in json.loads(done.stdout)["findings"] if each["section"] == "against"]


@pytest.mark.parametrize("prefix", ["", "cognify+"])
def test_a_registry_that_the_script_sets_is_the_one_that_is_asked(tmp_path: Path, prefix: str) -> None:
    script = f"import mlflow\n    mlflow.set_registry_uri('{prefix}sqlite:///registry.db')"
    done = run_script(tmp_path, f"\n    {script}{REGISTER}", uri=TRACKING)
    versions, where = state_of(done.run)
    uri = f"sqlite:///{tmp_path}/tracking.db"

    code, elsewhere = against(done.run, uri)
    named, there = against(done.run, uri, f"{prefix}sqlite:///{tmp_path}/registry.db")

    assert databases(tmp_path) == ["registry.db", "tracking.db"]
    assert [version["name"] for version in versions] == ["tagger"]
    assert where == {"registry": "sqlite:///registry.db", "registry_of": "client"}
    assert bool(done.run.said("model_version")) is bool(prefix)
    assert (code, named) == (2, 0)
    assert [each["message"] for each in elsewhere] == [
        "model versions were not compared: they are in another registry, sqlite:///registry.db: let "
        "MLFLOW_REGISTRY_URI name it"
    ]
    assert [each["code"] for each in there] == ["mlflow_same"]


def test_a_registry_that_nobody_has_used_is_not_made(tmp_path: Path) -> None:
    done = run_script(tmp_path, "import mlflow\nmlflow.start_run()", uri=TRACKING, MLFLOW_REGISTRY_URI="sqlite:///r.db")
    versions, _ = state_of(done.run)

    assert versions is None
    assert databases(tmp_path) == ["tracking.db"]
    [gap] = [gap for gap in done.run.gaps if gap.subject == "model versions"]
    assert "there is no MLflow store at sqlite:///r.db" in gap.reason
    assert done.run.row.complete
