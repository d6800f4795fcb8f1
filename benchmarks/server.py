"""The server: events taken in, beside what MLflow's server takes in of as many points; pages of ten thousand runs.

Both servers are processes of their own with SQLite stores in one folder, asked by one client each. Bodies
are made before the clock starts, so what is measured is the servers and the wire. Each round sends a batch of so many
points to one, then to the other. Ours are sent twice: in events of one point, the most work for each, and in events of
50, as the recorder gathers them.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import httpx

from benchmarks.mlflow import serving_mlflow
from cognify_core.canonical import encode
from cognify_core.model.events import Draft, RunOpened
from cognify_core.server.roles import Role
from cognify_core.server.tokens import issue
from cognify_core.store.protocol import Store
from cognify_core.store.sql import open_store

ROUNDS = 20
POINTS = 1000
"""A batch: the most that MLflow takes in one request."""
RUNS = 10_000
READS, READERS = 200, 8
TIME = "2026-11-29T12:00:00.000000Z"
SECRET = "s" * 43
PORT = "8497"


def main(rounds: int = ROUNDS, runs: int = RUNS) -> None:
    """Print events and points a second, their ratio to MLflow's, and how long pages take."""
    with tempfile.TemporaryDirectory(prefix="cognify-server-") as folder:
        home = Path(folder) / "home"
        store = open_store(home / "cognify.db")
        key = issue(store, Role.ADMIN, workspace=None, label="a benchmark", created_by="it", days=1).key
        with serving(home) as url, serving_mlflow(Path(folder), "") as mlflow:
            ours = httpx.Client(base_url=f"{url}/v2/workspaces/default", headers={"Authorization": f"Bearer {key}"})
            theirs = httpx.Client(base_url=f"{mlflow}/api/2.0/mlflow")
            _measure_events(ours, theirs, rounds)
            _fill(store, runs)
            _measure_pages(ours, runs)
            _measure_reads(f"{url}/v2/workspaces/default", key, [row.run_id for row in store.runs()])
        store.close()


def _measure_events(ours: httpx.Client, theirs: httpx.Client, rounds: int) -> None:
    single, many, tracked = [], [], []
    ones, fifties = _begin(ours, 1), _begin(ours, 2)
    run = theirs.post("/runs/create", json={"experiment_id": "0"}).json()["run"]["info"]["run_id"]
    size = len(_event(0, 1))
    for number in range(rounds):
        bodies = _lines(number, 1), _lines(number, 50), _metrics(run, number)
        headers = {"Cognify-Run-Secret": SECRET}
        single.append(_timed(ours, f"/runs/{ones}/events", bodies[0], headers))
        tracked.append(_timed(theirs, "/runs/log-batch", bodies[2], {"Content-Type": "application/json"}))
        many.append(_timed(ours, f"/runs/{fifties}/events", bodies[1], headers))
    print(f"batches of {POINTS:,} points, {rounds} rounds, medians; an event of one point is sent in {size} bytes")
    print(f"{'':<32}{'events/s':>12}{'points/s':>12}{'× MLflow':>12}")
    peer = POINTS / median(tracked)
    for name, took, points in (("cognify, one point an event", single, 1), ("cognify, 50 points an event", many, 50)):
        rate = POINTS / median(took)
        print(f"{name:<32}{rate / points:>12,.0f}{rate:>12,.0f}{rate / peer:>12.1f}")
    print(f"{'mlflow, log-batch':<32}{'–':>12}{peer:>12,.0f}{1:>12.1f}")


def _measure_pages(ours: httpx.Client, runs: int) -> None:
    first, deep = [], []
    after = None
    for _ in range(100):
        began = time.perf_counter()
        page = ours.get("/runs", params={"limit": 50} | ({"after": after} if after else {})).json()
        deep.append(time.perf_counter() - began)
        after = page["next"]
        began = time.perf_counter()
        ours.get("/runs", params={"limit": 50}).raise_for_status()
        first.append(time.perf_counter() - began)
    print(f"pages of 50 of {runs:,} runs: p95 {p95(first):.0f} ms the first, {p95(deep):.0f} ms page after page")


def _measure_reads(url: str, key: str, run_ids: list[str]) -> None:
    """Reads of one run: each of another one, which is an entry of the access log, and again, which is none."""
    for clients in (1, READERS):
        mine, run_ids = run_ids[: READS * clients], run_ids[READS * clients :]
        first, again = (_read_by(clients, url, key, mine) for _ in range(2))
        told = f"{p95(first):.0f} ms with an entry each, {p95(again):.0f} ms without"
        print(f"reads of a run, {clients} at once: p95 {told}")


def _read_by(clients: int, url: str, key: str, run_ids: list[str]) -> list[float]:
    def read(mine: list[str]) -> list[float]:
        took = []
        with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}) as client:
            for run_id in mine:
                began = time.perf_counter()
                client.get(f"/runs/{run_id}").raise_for_status()
                took.append(time.perf_counter() - began)
        return took

    with ThreadPoolExecutor(clients) as threads:
        return [each for took in threads.map(read, (run_ids[n::clients] for n in range(clients))) for each in took]


def p95(took: list[float]) -> float:
    """The 95th percentile, in milliseconds."""
    return 1000 * quantiles(took, n=20)[-1]


def _timed(client: httpx.Client, path: str, body: bytes, headers: dict[str, str]) -> float:
    began = time.perf_counter()
    client.post(path, content=body, headers=headers).raise_for_status()
    return time.perf_counter() - began


def _event(number: int, points: int) -> bytes:
    body = {"kind": "metrics", "points": [[number * points + n, "loss", 0.5 + 1 / (n + 3)] for n in range(points)]}
    return encode({"body": body, "counter": number, "time": TIME, "writer": "w"})


def _lines(batch: int, points: int) -> bytes:
    events = POINTS // points
    return b"\n".join(_event(batch * events + number, points) for number in range(events))


def _metrics(run: str, batch: int) -> bytes:
    steps = range(batch * POINTS, (batch + 1) * POINTS)
    told: list[dict[str, Any]] = [
        {"key": "loss", "value": 0.5 + 1 / (step + 3), "timestamp": 1_800_000_000_000 + step, "step": step}
        for step in steps
    ]
    return json.dumps({"run_id": run, "metrics": told}).encode()


def _begin(ours: httpx.Client, number: int) -> str:
    run_id = f"run_20261129_120000_0000{number}"
    opened = {"kind": "run_opened", "nonce": f"{number:032d}", "project": "p", "recorder": "a benchmark"}
    ours.post("/runs", json={"run_id": run_id, "time": TIME, "secret": SECRET, "opened": opened}).raise_for_status()
    return run_id


def _fill(store: Store, runs: int) -> None:
    for number in range(runs):
        body = RunOpened(nonce=f"{number:032x}", project=f"p{number % 20}", name=f"run {number}", recorder="it")
        day, hour = divmod(number, 24)
        at = f"2026-{1 + day // 28 % 12:02d}-{1 + day % 28:02d}T{hour:02d}:00:00.{number:06d}Z"
        store.create(f"run_{at[:10].replace('-', '')}_{hour:02d}0000_{number:05x}", Draft(at, body, "open", 0))


@contextmanager
def serving(home: Path) -> Iterator[str]:
    """A server over the store of `home`, for as long as the block lasts; where it is."""
    command = [sys.executable, "-c", "from cognify_core.cli import app; app()", "serve", "--port", PORT]
    environment = os.environ | {"COGNIFY_HOME": str(home)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            server.stdout.readline()
            _await(f"http://127.0.0.1:{PORT}")
            yield f"http://127.0.0.1:{PORT}"
        finally:
            server.send_signal(signal.SIGINT)


def _await(url: str) -> None:
    for _ in range(200):
        try:
            httpx.get(f"{url}/healthz").raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit(f"{url} does not answer")


if __name__ == "__main__":
    main()
