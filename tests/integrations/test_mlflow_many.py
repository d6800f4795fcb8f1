"""A hundred thousand metrics, logged one by one: none is lost, and none costs more than the first."""

from __future__ import annotations

import os
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mlflow")

from mlflow.entities import Metric, RunStatus

from cognify_core import api
from cognify_core.model.record import Status
from cognify_core.store.sql import open_store
from cognify_integrations.mlflow import tracking_store
from tests.integrations.mlflow_program import Recorded
from tests.integrations.mlflow_stores import FileStore, file_stores

pytestmark = pytest.mark.slow

MANY = 100_000
PART = MANY // 10
GROWTH = 32 << 20
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Remembering(FileStore):  # type: ignore[misc] # mlflow is untyped
    """MLflow's store in a folder, which remembers the run that it writes instead of reading its YAML at each call."""

    def __init__(self, *where: str) -> None:
        super().__init__(*where)
        self._infos: dict[str, Any] = {}

    def _get_run_info(self, run_uuid: str) -> Any:
        if run_uuid not in self._infos:
            self._infos[run_uuid] = super()._get_run_info(run_uuid)
        return self._infos[run_uuid]

    def update_run_info(self, *given: Any) -> Any:
        self._infos.clear()
        return super().update_run_info(*given)


@pytest.fixture
def store(home: Path, tmp_path: Path) -> Any:
    """An audited store."""
    from cognify_integrations.mlflow_audited import Audited  # imports what warns, as `mlflow_stores` has done by now
    from cognify_integrations.mlflow_stores import audited_class

    plain = file_stores(tmp_path)
    store = Remembering(str(tmp_path / "mlruns"), plain.uri)
    store.__class__ = audited_class((Audited,), Remembering)
    store.rebuilt = tracking_store, (f"cognify+{plain.uri}", plain.uri)
    return store


def memory() -> int:
    """What this process holds in memory, in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE


def log(store: Any, run: str, steps: range) -> float:
    """Log a point at each step; the processor time that this thread took for it."""
    began = time.thread_time()
    for step in steps:
        store.log_metric(run, Metric("loss", step / 7, 1_757_686_222_000 + step, step))
    return time.thread_time() - began


def test_each_of_a_hundred_thousand_metrics_is_recorded_in_memory_and_time_that_do_not_grow(
    store: Any, home: Path
) -> None:
    run = store.create_run("0", "ada", 1_757_686_222_000, [], "long").info.run_id
    log(store, run, range(PART))
    before = memory()
    took = [log(store, run, range(start, start + PART)) for start in range(PART, MANY, PART)]
    grown = memory() - before
    store.update_run_info(run, RunStatus.FINISHED, 1_757_686_999_000, None)
    api.this_session().guests.wait(timeout=300)

    with closing(open_store(home / "cognify.db")) as ours:
        [row] = ours.runs()
        recorded = Recorded(ours, row, home)
        assert recorded.points == {"loss": [(step, step / 7) for step in range(MANY)]}
        assert recorded.verify().exit_code == 0
    assert row.status is Status.AUDIT_SEALED
    assert row.complete
    assert grown < GROWTH
    assert min(took[-3:]) < 2 * min(took[:3])
