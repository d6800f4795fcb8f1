"""`mlflow server` with several workers that record the same runs, while they are killed and while everybody writes."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

pytest.importorskip("mlflow")

from mlflow import MlflowClient
from mlflow.entities import Metric, RunTag
from mlflow.exceptions import MlflowException

from cognify_core.model.names import new_run_id, utc_now
from cognify_core.model.record import Status
from cognify_core.store.sql import open_store
from cognify_integrations.mlflow_beginning import PLANS_FOLDER, Beginnings
from tests.integrations.mlflow_program import Recorded
from tests.integrations.mlflow_stores import stores_in
from tests.integrations.test_mlflow_server import Server, server

pytestmark = pytest.mark.slow

_LARGE = 64 << 30  # sparse: it takes no room, and long to hash


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with server(tmp_path_factory.mktemp("two"), "cognify+", "--workers", "2") as started:
        yield started


def new_run(started: Server) -> tuple[MlflowClient, str]:
    client = MlflowClient(started.uri)
    return client, client.create_run("0").info.run_id


@contextmanager
def large_artifact(client: MlflowClient, started: Server, run: str) -> Iterator[None]:
    """An artifact of the run that takes long to hash for as long as the block; no worker is done with it in there."""
    client.log_text(run, "x", "large.bin")
    [path] = (started.folder / "mlartifacts").rglob("large.bin")
    os.truncate(path, _LARGE)
    yield
    os.truncate(path, 1)


def ending(started: Server, run: str) -> int:
    """The process that has begun to end the run."""
    store, deadline = open_store(started.home / "cognify.db"), time.monotonic() + 120
    ours = store.met(f"mlflow/{run}")
    assert ours is not None
    while not (found := next((owner.pid for owner in store.owners(ours) if owner.pid), 0)):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


def sealed(started: Server, run: str) -> Recorded:
    found = started.run_of(run, seconds=120)
    assert found is not None
    return found


def kinds(run: Recorded) -> Counter[str]:
    return Counter(body.kind for body in run.bodies)


def test_a_run_whose_worker_is_killed_while_it_seals_is_sealed_by_another(two: Server) -> None:
    client, run = new_run(two)
    for step in range(20):
        client.log_metric(run, "loss", 1 / (step + 1), step=step)
    with large_artifact(client, two, run):
        client.set_terminated(run)
        os.kill(ending(two, run), signal.SIGKILL)
    MlflowClient(two.uri).search_experiments()  # any request: that is when a worker begins to look

    done = sealed(two, run)
    assert done.row.complete
    assert sorted(done.points["loss"]) == [(step, 1 / (step + 1)) for step in range(20)]
    assert len(done.said("taken_over")) == 1
    assert kinds(done)["run_closed"] == 1
    assert done.verify().exit_code == 0


def test_a_run_whose_server_is_killed_while_it_seals_is_sealed_by_the_next_one(tmp_path: Path) -> None:
    with server(tmp_path, "cognify+", "--workers", "1") as first:
        client, run = new_run(first)
        client.log_metric(run, "loss", 0.5, step=1)
        with large_artifact(client, first, run):
            client.set_terminated(run)
            ending(first, run)
            os.killpg(first.pid, signal.SIGKILL)
    with server(tmp_path, "cognify+", "--workers", "1") as second:
        MlflowClient(second.uri).search_experiments()
        done = sealed(second, run)
    assert done.points == {"loss": [(1, 0.5)]}
    assert len(done.said("taken_over")) == 1
    assert done.verify().exit_code == 0


def test_what_a_worker_took_and_had_not_recorded_when_it_was_killed_is_found_at_the_end(two: Server) -> None:
    """Nothing is as sudden as this, so it is played: points that went to MLflow's own database alone."""
    client, run = new_run(two)
    client.log_metric(run, "loss", 1.0, step=0)
    plain = stores_in(f"sqlite:///{two.folder / 'mlflow.db'}", "mlflow-artifacts:/").tracking
    plain.log_batch(run, [Metric("loss", 1 / (step + 1), step, step) for step in range(1, 500)], [], [])
    plain.log_metric(run, Metric("nan", float("nan"), 3, 3))

    client.set_terminated(run)

    done = sealed(two, run)
    assert sorted(done.points["loss"]) == [(step, 1 / (step + 1)) for step in range(500)]
    [said] = done.said("found_at_the_end")
    assert said["metrics"] == {"loss": 499, "nan": 1}
    assert done.verify().exit_code == 0


def test_what_is_said_at_once_to_another_worker_is_recorded(two: Server) -> None:
    for _ in range(10):
        client, run = new_run(two)
        with ThreadPoolExecutor(4) as pool:
            for logged in [pool.submit(client.log_metric, run, "loss", 0.5, step=step) for step in range(4)]:
                logged.result()
        client.set_terminated(run)
        done = sealed(two, run)
        assert sorted(step for step, _ in done.points["loss"]) == [0, 1, 2, 3]
        assert done.said("found_at_the_end") == []


def begun_beside(two: Server) -> tuple[str, str]:
    """A run that went to MLflow's own database alone, with the tag that a record gives it: MLflow's id, and ours."""
    plain = stores_in(f"sqlite:///{two.folder / 'mlflow.db'}", "mlflow-artifacts:/").tracking
    ours = new_run_id(utc_now(), os.urandom(3))
    return plain.create_run("0", "ada", 0, [RunTag("cognify.run_id", ours)], "beside").info.run_id, ours


def test_a_run_whose_worker_died_before_it_began_the_record_is_recorded_from_then_on(two: Server) -> None:
    """Played as well: that worker has created the run, and has left its plan behind."""
    run, ours = begun_beside(two)
    Beginnings(two.home).plan(ours)
    client = MlflowClient(two.uri)
    client.log_metric(run, "loss", 0.5, step=1)
    client.set_terminated(run)

    done = sealed(two, run)

    assert done.row.run_id == ours
    assert done.points == {"loss": [(1, 0.5)]}
    assert done.gaps[-1].subject == "what was said first"
    assert done.verify().exit_code == 0


def test_a_run_that_a_training_records_elsewhere_in_the_same_database_is_left_to_it(two: Server) -> None:
    run, _ = begun_beside(two)
    client = MlflowClient(two.uri)
    client.log_metric(run, "loss", 0.5, step=1)
    client.set_terminated(run)
    assert client.get_run(run).data.metrics == {"loss": 0.5}
    assert open_store(two.home / "cognify.db").met(f"mlflow/{run}") is None


def test_no_plan_outlives_the_beginning_of_its_record_or_the_failure_of_its_run(two: Server) -> None:
    client, run = new_run(two)
    with pytest.raises(MlflowException, match="No Experiment"):
        client.create_run("77")
    client.log_metric(run, "loss", 0.5)
    client.set_terminated(run)
    sealed(two, run)
    assert list((two.home / PLANS_FOLDER).iterdir()) == []


def test_every_metric_that_was_taken_is_recorded_whoever_ends_the_run_meanwhile(two: Server) -> None:
    for number in range(3):
        client, run = new_run(two)
        steps = count()

        def log_until_refused(
            client: MlflowClient = client, run: str = run, steps: Iterator[int] = steps
        ) -> tuple[list[int], str]:
            taken: list[int] = []
            while len(taken) < 5000:
                step = next(steps)
                try:
                    client.log_metric(run, "loss", float(step), step=step)
                except MlflowException as error:
                    return taken, error.error_code
                taken.append(step)
            return taken, "never refused"

        with ThreadPoolExecutor(8) as pool:
            writing = [pool.submit(log_until_refused) for _ in range(8)]
            time.sleep(0.3 + 0.2 * number)
            client.set_terminated(run)
            told = [each.result() for each in writing]

        done = sealed(two, run)
        taken = {step for steps_taken, _ in told for step in steps_taken}
        recorded = {step for step, _ in done.points.get("loss", [])}
        assert taken == recorded == {point.step for point in client.get_metric_history(run, "loss")}
        assert taken
        assert {refused for _, refused in told} == {"RESOURCE_CONFLICT"}
        assert done.said("found_at_the_end") == []
        assert kinds(done)["run_closed"] == 1


def test_two_clients_that_end_a_run_at_once_seal_it_once(two: Server) -> None:
    client, run = new_run(two)
    client.log_metric(run, "loss", 0.5, step=1)

    def end(_: int) -> str:
        try:
            client.set_terminated(run)
        except MlflowException as error:
            return str(error.error_code)
        return "ended"

    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(end, range(8)))

    assert "ended" in answers <= {"ended", "RESOURCE_CONFLICT"}
    done = sealed(two, run)
    assert (kinds(done)["run_closed"], kinds(done)["config"]) == (1, 1)
    assert done.row.status is Status.AUDIT_SEALED
    assert done.verify().exit_code == 0
