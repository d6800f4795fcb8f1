"""What an audited MLflow store adds to each call: the same calls to a plain and to an audited one, in turn.

One call goes to the plain store, the next of its kind to the audited one, so that whatever else the machine does falls
on both; which comes first changes with each pair. First both are SQLite databases in one folder, written by one
process, then two `mlflow server`s of one worker, asked by one client. What is done in the background falls on whichever
call comes next, so it is measured by itself: as the processor time of the whole process, over blocks of calls in turn.
After a run was created it is waited for.
"""

from __future__ import annotations

import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

PAIRS = 400
SERVED_PAIRS = 200
BLOCKS = 10
"""Of each store, of `PAIRS / BLOCKS` calls."""
WARM_UP = 30
CREATES, CREATES_BARE = "create_run, as start_run", "create_run, without tags"
"""As every script does, through `mlflow.start_run`, an autologger or a framework's logger; and as none has to."""
RESTS = {CREATES: 0.1, CREATES_BARE: 0.1}
"""Seconds after each call: the record of a run is begun then, beside whatever else goes on."""
Call = Callable[[Any, str, int], object]
Times = tuple[list[float], list[float]]


def main(pairs: int = PAIRS, served_pairs: int = SERVED_PAIRS) -> None:
    """Print, for each kind of call, both medians, what is more, and the ratio."""
    with tempfile.TemporaryDirectory(prefix="cognify-bench-") as folder:
        os.environ.update(COGNIFY_HOME=f"{folder}/cognify", COGNIFY_QUIET="1", MLFLOW_DISABLE_TELEMETRY="true")
        warnings.simplefilter("ignore")
        plain, audited = _stores(Path(folder))
        _print_head("in one process, on SQLite", "cpu ratio")
        for name, call in _calls().items():
            took = _measure(plain, audited, call, _pairs(name, pairs), RESTS.get(name))
            _print_row(name, took, _processor_ratio(plain, audited, call, _pairs(name, pairs)))
        _settle()
        with serving_mlflow(Path(folder), "") as plain_uri, serving_mlflow(Path(folder), "cognify+") as audited_uri:
            served = _store_at(plain_uri), _store_at(audited_uri)
            _print_head("behind a server, over HTTP")
            for name, call in _calls().items():
                _print_row(name, _measure(*served, call, _pairs(name, served_pairs), RESTS.get(name)))


def _pairs(name: str, pairs: int) -> int:
    """Each run is rested after."""
    return max(BLOCKS, pairs // 2) if name in RESTS else pairs


def _print_head(where: str, more: str = "") -> None:
    print(f"{where:<28}{'plain ms':>10}{'audited ms':>12}{'more ms':>10}{'ratio':>8}{more:>11}", flush=True)


def _print_row(name: str, took: Times, processor: float | None = None) -> None:
    """What is more is the median over the pairs, whose calls followed one another: whatever drifts falls on both."""
    bare, ours = (statistics.median(times) * 1e3 for times in took)
    more = statistics.median(ours - bare for bare, ours in zip(*took, strict=True)) * 1e3
    told = "" if processor is None else f"{processor:>11.3f}"
    print(f"{name:<28}{bare:>10.2f}{ours:>12.2f}{more:>10.2f}{1 + more / bare:>8.3f}{told}", flush=True)


def _settle() -> None:
    """Wait until what is recorded in the background is, before its folder goes."""
    from cognify_core import api

    api.this_session().leave()


def _stores(folder: Path) -> tuple[Any, Any]:
    import mlflow
    from mlflow.tracking._tracking_service.utils import _get_store

    mlflow.set_tracking_uri(f"cognify+sqlite:///{folder / 'audited.db'}")
    artifacts = (folder / "artifacts").as_uri()
    plain = _get_store(f"sqlite:///{folder / 'plain.db'}", artifacts)
    return plain, _get_store(f"cognify+sqlite:///{folder / 'audited.db'}", artifacts)


@contextmanager
def serving_mlflow(folder: Path, prefix: str) -> Iterator[str]:
    """`mlflow server` with a database of its own; its URI. Without jobs, for which it begins eight processes."""
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"{prefix}sqlite:///{folder}/served{port}.db"]
    environment = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    quiet = subprocess.DEVNULL
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=quiet, stderr=quiet, start_new_session=True
    ) as server:
        try:
            _await(port, server)
            yield f"http://127.0.0.1:{port}"
        finally:
            os.killpg(server.pid, signal.SIGTERM)


def _await(port: int, server: subprocess.Popen[bytes]) -> None:
    while server.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise SystemExit("mlflow server has ended")


def _store_at(uri: str) -> Any:
    from mlflow.store.tracking.rest_store import RestStore
    from mlflow.utils.credentials import get_default_host_creds

    return RestStore(partial(get_default_host_creds, uri))


def _calls() -> dict[str, Call]:
    from mlflow.entities import Metric, Param, RunTag
    from mlflow.tracking.context.registry import resolve_tags

    told = [RunTag(key, value) for key, value in resolve_tags().items() if not key.startswith("cognify.")]

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
        CREATES: lambda store, run, number: store.create_run("0", "ada", number, told, f"run-{number}"),
        CREATES_BARE: lambda store, run, number: store.create_run("0", "ada", number, [], f"run-{number}"),
    }


def _measure(plain: Any, audited: Any, call: Call, pairs: int, rest: float | None = None) -> Times:
    """Seconds of each call to the plain store, and to the audited one."""
    stores = plain, audited
    runs = _new_runs(stores)
    times: Times = ([], [])
    for number in range(-WARM_UP, pairs):
        for side in (0, 1) if number % 2 else (1, 0):
            began = time.perf_counter()
            call(stores[side], runs[side], number + WARM_UP)
            if number >= 0:
                times[side].append(time.perf_counter() - began)
            if rest is not None:
                time.sleep(rest)
    return times


def _processor_ratio(plain: Any, audited: Any, call: Call, pairs: int) -> float:
    """The processor time that audited calls take with all that they cause, as a ratio to that of plain ones."""
    stores = plain, audited
    runs = _new_runs(stores)
    took = [0.0, 0.0]
    for block in range(2 * BLOCKS):
        side = (block + block // 2) % 2
        began = time.process_time()
        for number in range(pairs // BLOCKS):
            call(stores[side], runs[side], block * pairs + number)
        _flush()
        took[side] += time.process_time() - began
    return took[1] / took[0]


def _flush() -> None:
    """Wait until all that was said is on disk."""
    from cognify_core import api

    guests = api.this_session().guests
    guests.arrivals.wait()
    if (live := guests.newest()) is not None:
        live.run.flush()


def _new_runs(stores: tuple[Any, Any]) -> list[str]:
    return [store.create_run("0", "ada", 0, [], None).info.run_id for store in stores]


if __name__ == "__main__":
    main()
