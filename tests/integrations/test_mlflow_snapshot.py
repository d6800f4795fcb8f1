from __future__ import annotations

import hashlib
import os
import random
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mlflow")

from mlflow.entities import DatasetInput, Metric, Param, RunTag
from mlflow.entities.dataset import Dataset
from mlflow.exceptions import MlflowException
from sqlalchemy.event import listen

from cognify_core.canonical import encode
from cognify_core.capture.config import encode_config, to_facts
from cognify_integrations.mlflow_histories import histories, metric_history
from cognify_integrations.mlflow_points import IN_MEMORY, digest_points, point_line
from cognify_integrations.mlflow_snapshot import SNAPSHOT_FORMAT, snapshot
from tests.integrations.mlflow_stores import (
    Stores,
    file_stores,
    finished_run,
    sqlite_stores,
)


@pytest.fixture(params=[sqlite_stores, file_stores], ids=["sqlite", "file"])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Stores:
    made: Stores = request.param(tmp_path)
    return made


def point(value: float, *, step: int = 0, at: int = 1_757_686_222_000) -> Metric:
    return Metric("loss", value, at, step)


def test_a_snapshot_holds_something_of_each_kind(stores: Stores) -> None:
    run = finished_run(stores)

    taken = snapshot(stores.tracking, run, registry=stores.registry)

    assert taken["format"] == SNAPSHOT_FORMAT
    assert (
        taken["info"].items()
        >= {"run_id": run, "user": "ada", "status": "FINISHED", "lifecycle_stage": "active"}.items()
    )
    assert taken["info"]["experiment"] == "clinical-nlp"
    assert taken["params"] == {"lr": "1e-4", "epochs": "1"}
    assert taken["tags"].items() >= {"team": "ml", "mlflow.source.git.commit": "0" * 40}.items()
    assert taken["metrics"]["loss"]["points"] == 10
    assert taken["metrics"]["loss"]["last"] == "9 1757686222009 0.1"
    [dataset] = taken["datasets"]
    assert (dataset["name"], dataset["mlflow_digest"], dataset["assurance"]) == ("notes", "9f3a", "sampled")
    assert dataset["tags"] == {"mlflow.data.context": "train"}
    [output] = taken["model_outputs"]
    assert taken["logged_models"][output["model_id"]].items() >= {"status": "READY", "params": {"r": "16"}}.items()
    assert len(taken["model_inputs"]) == 1
    [version] = taken["model_versions"]
    assert (version["name"], version["version"]) == ("notes-tagger", "1")
    assert len(taken["children"]) == 1
    assert taken["parent"] is None


def test_a_snapshot_is_plain_json_that_a_config_node_holds_as_it_is(stores: Stores) -> None:
    taken = snapshot(stores.tracking, finished_run(stores), registry=stores.registry)

    assert encode(taken)
    assert to_facts(taken) == taken


def test_two_snapshots_of_one_state_are_equal(stores: Stores) -> None:
    run = finished_run(stores)

    assert snapshot(stores.tracking, run) == snapshot(stores.tracking, run)


def test_a_child_knows_its_parent(stores: Stores) -> None:
    run = finished_run(stores)
    [child] = snapshot(stores.tracking, run)["children"]

    assert snapshot(stores.tracking, child)["parent"] == run


def test_the_aliases_of_a_version_are_in_the_state(stores: Stores) -> None:
    run = finished_run(stores)
    stores.registry.create_model_version("notes-tagger", "elsewhere", run)
    for alias, version in (("champion", "1"), ("latest-but-one", "1"), ("challenger", "2")):
        stores.registry.set_registered_model_alias("notes-tagger", alias, version)

    taken = snapshot(stores.tracking, run, registry=stores.registry)["model_versions"]

    assert [version["aliases"] for version in taken] == [["champion", "latest-but-one"], ["challenger"]]


def test_without_a_registry_no_versions_are_claimed(stores: Stores) -> None:
    assert snapshot(stores.tracking, finished_run(stores))["model_versions"] is None


def test_a_run_that_is_not_there_is_an_error_of_mlflow(stores: Stores) -> None:
    with pytest.raises(MlflowException, match="not found"):
        snapshot(stores.tracking, "0" * 32)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -0.0, 1e300, 5e-324, 3.0])
def test_the_digest_tells_any_value_from_any_other(value: float) -> None:
    others = [float("nan"), float("inf"), float("-inf"), 0.0, -0.0, 1e300, 5e-324, 3.0, 3.0000000000000004]

    same = [other for other in others if digest_points([point(other)]) == digest_points([point(value)])]

    assert [repr(other) for other in same] == [repr(value)]


def test_the_digest_is_what_sort_and_sha256sum_say() -> None:
    points = [point(random.Random(step).random(), step=step) for step in range(500)]
    random.Random(0).shuffle(points)
    lines = "".join(f"{point_line(one)}\n" for one in points)

    in_order = subprocess.check_output(["sort"], input=lines.encode(), env={**os.environ, "LC_ALL": "C"})
    said = subprocess.check_output(["sha256sum"], input=in_order)

    assert said.decode().startswith(digest_points(points)[1].hex)


def test_points_beyond_memory_are_sorted_on_disk_to_the_same_digest() -> None:
    count = IN_MEMORY * 2 + 7
    lines = sorted(f"{step} 5 0.5\n".encode() for step in range(count))

    made = digest_points(Metric("loss", 0.5, 5, step) for step in range(count))

    assert (made[0], made[1].hex) == (count, hashlib.sha256(b"".join(lines)).hexdigest())


def test_secrets_in_a_snapshot_are_redacted_where_it_is_recorded(tmp_path: Path) -> None:
    stores = sqlite_stores(tmp_path)
    run = finished_run(stores)
    stores.tracking.log_param(run, Param("api_key", "tell-nobody"))
    source = '{"url": "https://ada:pass-word@example.org/x"}'
    stores.tracking.log_inputs(run, [DatasetInput(Dataset("web", "1", "http", source))])

    manifest = encode_config(snapshot(stores.tracking, run)).manifest

    assert b"tell-nobody" not in manifest
    assert b"pass-word" not in manifest


@pytest.mark.slow
def test_a_hundred_thousand_points_are_counted_and_the_last_one_is_kept(tmp_path: Path) -> None:
    stores = sqlite_stores(tmp_path)
    run = finished_run(stores)
    points = [("many", step / 3, 1_757_686_222_000 + step, run, step, 0) for step in range(100_000)]
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as database, database:
        for table, rows in (("metrics", points), ("latest_metrics", points[-1:])):
            columns = "key, value, timestamp, run_uuid, step, is_nan"
            database.executemany(f"INSERT INTO {table} ({columns}) VALUES (?, ?, ?, ?, ?, ?)", rows)

    taken = snapshot(stores.tracking, run)

    assert taken["metrics"]["many"]["points"] == 100_000
    assert taken["metrics"]["many"]["last"] == "99999 1757686321999 33333"


def test_metrics_with_few_points_are_asked_for_together_and_have_the_points_that_each_has_alone(tmp_path: Path) -> None:
    stores = sqlite_stores(tmp_path)
    run, other = finished_run(stores), stores.tracking.create_run("0", "ada", 1, [], "other").info.run_id
    few = [(f"m{number}", number / 3, 7, each, number % 3, 0) for number in range(600) for each in (run, other)]
    many = [("many", step / 3, 7, run, step, 0) for step in range(1_500)]
    odd = [
        ("Loss", 1.0, 7, run, 0, 0),
        ("loss", 2.0, 8, run, 0, 0),
        ("nan", 0.0, 7, run, 0, 1),
        ("größe", -0.0, 7, run, 0, 0),
    ]
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as database, database:
        columns = "key, value, timestamp, run_uuid, step, is_nan"
        database.executemany(f"INSERT INTO metrics ({columns}) VALUES (?, ?, ?, ?, ?, ?)", [*few, *many, *odd])
    asked: list[str] = []
    listen(stores.tracking.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    keys = [*(f"m{number}" for number in range(600)), "many", "Loss", "loss", "nan", "größe", "no points"]

    found = {key: digest_points(points) for key, points in histories(stores.tracking, run, keys)}

    assert sum(statement.startswith("SELECT") for statement in asked) < 20
    assert found == {key: digest_points(metric_history(stores.tracking, run, key)) for key in keys}
    assert {count for count, _ in found.values()} == {0, 1, 11, 1_500}


def test_what_mlflow_allows_in_names_and_values_is_kept(stores: Stores) -> None:
    run = finished_run(stores)
    given: dict[str, Any] = {"größe": "naïve ☃", "a/b": "x" * 500, "empty": ""}
    for key, value in given.items():
        stores.tracking.set_tag(run, RunTag(f"t/{key}" if "/" not in key else key, value))
    stores.tracking.log_metric(run, Metric("eval/größe", float("nan"), 2**40, 2**62))

    taken = snapshot(stores.tracking, run)

    assert taken["tags"]["a/b"] == "x" * 500
    assert taken["metrics"]["eval/größe"]["last"] == f"{2**62} {2**40} NaN"
    assert encode(taken)
