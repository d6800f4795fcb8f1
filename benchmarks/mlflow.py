"""What an audited MLflow store adds to each call: the same calls on a plain and on an audited one, in turn.

Both are SQLite databases in one folder, written by one process. One call goes to the plain store, the next of its kind
to the audited one, so that whatever else the machine does falls on both; which comes first changes with each pair.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

PAIRS = 400
WARM_UP = 30
Call = Callable[[Any, str, int], object]


def main(pairs: int = PAIRS) -> None:
    """Print, for each kind of call, both medians, the difference and the ratio."""
    with tempfile.TemporaryDirectory(prefix="cognify-bench-") as folder:
        os.environ.update(COGNIFY_HOME=f"{folder}/cognify", COGNIFY_QUIET="1", MLFLOW_DISABLE_TELEMETRY="true")
        plain, audited = _stores(Path(folder))
        print(f"{'':<22}{'plain ms':>10}{'audited ms':>12}{'more ms':>10}{'ratio':>8}")
        for name, call in _calls().items():
            took = _measure(plain, audited, call, pairs)
            bare, ours = (statistics.median(times) * 1e3 for times in took)
            print(f"{name:<22}{bare:>10.2f}{ours:>12.2f}{ours - bare:>10.2f}{ours / bare:>8.3f}")
        _settle()


def _settle() -> None:
    """Wait until what is recorded in the background is, before its folder goes."""
    from cognify_core import api

    api.this_session().leave()


def _stores(folder: Path) -> tuple[Any, Any]:
    warnings.simplefilter("ignore")
    import mlflow
    from mlflow.tracking._tracking_service.utils import _get_store

    mlflow.set_tracking_uri(f"cognify+sqlite:///{folder / 'audited.db'}")
    artifacts = (folder / "artifacts").as_uri()
    plain = _get_store(f"sqlite:///{folder / 'plain.db'}", artifacts)
    return plain, _get_store(f"cognify+sqlite:///{folder / 'audited.db'}", artifacts)


def _calls() -> dict[str, Call]:
    from mlflow.entities import Metric, Param, RunTag

    def batch(size: int) -> Call:
        def log(store: Any, run: str, number: int) -> None:
            store.log_batch(run, [Metric(f"m{each}", number / 7, number, number) for each in range(size)], [], [])

        return log

    return {
        "log_metric": lambda store, run, number: store.log_metric(run, Metric("loss", number / 7, number, number)),
        "log_param": lambda store, run, number: store.log_param(run, Param(f"p{number}", "1")),
        "set_tag": lambda store, run, number: store.set_tag(run, RunTag("stage", str(number))),
        "log_batch, 1 metric": batch(1),
        "log_batch, 10 metrics": batch(10),
        "log_batch, 100 metrics": batch(100),
        "get_run": lambda store, run, number: store.get_run(run),
        "create_run": lambda store, run, number: store.create_run("0", "ada", number, [], f"run-{number}"),
    }


def _measure(plain: Any, audited: Any, call: Call, pairs: int) -> tuple[list[float], list[float]]:
    """Seconds of each call to the plain store, and to the audited one."""
    stores = plain, audited
    runs = [store.create_run("0", "ada", 0, [], None).info.run_id for store in stores]
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(-WARM_UP, pairs):
        for side in (0, 1) if number % 2 else (1, 0):
            began = time.perf_counter()
            call(stores[side], runs[side], number + WARM_UP)
            if number >= 0:
                times[side].append(time.perf_counter() - began)
    return times


if __name__ == "__main__":
    main()
