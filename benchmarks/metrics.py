"""A hundred thousand metrics, logged one by one to an audited MLflow store: what a call costs early and late.

The store is a folder, of MLflow's own the one that takes the least time by itself, so that what is ours shows most.
Every tenth call goes to a plain store too. Then: how long until the run is sealed, and what is in the record.
"""

from __future__ import annotations

import os
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

MANY = 100_000
PARTS = 10
_PAGE = os.sysconf("SC_PAGE_SIZE")


def main(many: int = MANY) -> None:
    """Print, for each tenth of the calls, what one takes; then what the end takes."""
    with tempfile.TemporaryDirectory(prefix="cognify-bench-") as folder:
        os.environ.update(COGNIFY_HOME=f"{folder}/cognify", COGNIFY_QUIET="1", MLFLOW_DISABLE_TELEMETRY="true")
        warnings.simplefilter("ignore")
        stores = _stores(Path(folder))
        runs = [store.create_run("0", "ada", 0, [], None).info.run_id for store in stores]
        print(f"{'metrics':>10}{'plain ms':>10}{'audited ms':>12}{'ratio':>8}{'memory MiB':>12}")
        for start in range(0, many, many // PARTS):
            plain, audited = _log(stores, runs, range(start, start + many // PARTS))
            print(f"{start:>10,}{plain:>10.3f}{audited:>12.3f}{audited / plain:>8.3f}{_memory():>12.0f}", flush=True)
        _end(stores[1], runs[1])


def _stores(folder: Path) -> tuple[Any, Any]:
    import mlflow
    from mlflow.environment_variables import MLFLOW_ALLOW_FILE_STORE
    from mlflow.tracking._tracking_service.utils import _get_store

    MLFLOW_ALLOW_FILE_STORE.set("true")
    plain, audited = f"file://{folder}/plain", f"cognify+file://{folder}/audited"
    mlflow.set_tracking_uri(audited)
    return _get_store(plain, plain), _get_store(audited, audited.removeprefix("cognify+"))


def _log(stores: tuple[Any, Any], runs: list[str], steps: range) -> tuple[float, float]:
    """Log a point at each step; milliseconds of a call to the plain store, and to the audited one."""
    from mlflow.entities import Metric

    took, calls = [0.0, 0.0], [0, 0]
    for step in steps:
        for side in (0, 1) if step % 10 == 0 else (1,):
            began = time.perf_counter()
            stores[side].log_metric(runs[side], Metric("loss", step / 7, step, step))
            took[side] += time.perf_counter() - began
            calls[side] += 1
    return took[0] / calls[0] * 1e3, took[1] / calls[1] * 1e3


def _end(store: Any, run: str) -> None:
    from mlflow.entities import RunStatus

    from cognify_core import api
    from cognify_core.model.events import Metrics, parse_event

    began, session = time.perf_counter(), api.this_session()
    store.update_run_info(run, RunStatus.FINISHED, 1, None)
    answered = time.perf_counter() - began
    session.guests.wait()
    sealed = time.perf_counter() - began
    [row] = session.workspace.store.runs()
    events = map(parse_event, session.workspace.store.events(row.run_id))
    points = sum(len(event.body.points) for event in events if isinstance(event.body, Metrics))
    print(
        f"the end answers in {answered * 1e3:.0f} ms; {row.status} after {sealed:.1f} s, complete: {row.complete}, "
        f"{points:,} points in {row.size:,} events; {_memory():.0f} MiB"
    )
    session.leave()


def _memory() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE / (1 << 20)


if __name__ == "__main__":
    main()
