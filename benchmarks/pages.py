"""The dashboard's pages with ten thousand runs: how long each takes, from the request to the last byte.

The server is a process of its own with an SQLite store, asked by one client. Each page is asked for once before it is
measured, as whoever works with it has; so are lists by every filter, page after page, and runs that were not looked at
before, whose records are read anew. Of a lineage of two thousand nodes it is how long until a browser paints (Chromium,
from the click), for the first time and again.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import httpx

from benchmarks.server import RUNS, TIME, p95, serving
from cognify_core.capture.commitments import commit
from cognify_core.model.digest import Digest
from cognify_core.model.events import Body, Draft, Gap, Metrics, RunClosed, RunOpened
from cognify_core.server.pages.compliance import RUNS as RUNS_OF_A_PAGE
from cognify_core.server.roles import Role
from cognify_core.server.tokens import issue
from cognify_core.store.indexing import named
from cognify_core.store.protocol import Store
from cognify_core.store.sql import SqlStore, open_store
from tests import factories
from tests.installed import the

ROUNDS = 60
PROJECTS = 20
ROWS = Digest.of(factories.ROWS)
"""A content that every run holds."""
AIM = "150 is the aim"
LISTS = {
    "the first page": "",
    "not sealed": "?status=unsealed",
    "by a status that few have": "?status=INTERRUPTED",
    "with gaps": "?gaps=yes",
    "by a name that few have": "?text=run+9999",
    "by a person": "?person=ada",
    "by project and days": "?project=p7&since=2026-02-01&until=2026-09-30",
    "by a name that none has": "?text=nothing+like+this",
}


def main(runs: int = RUNS, rounds: int = ROUNDS) -> None:
    """Print the 95th percentile of each kind of page."""
    with visited() as (store, visitor):
        ids = fill(store, runs)
        print(f"pages with {runs:,} runs, {rounds} rounds, p95 in milliseconds; {AIM}")
        for name, asked in LISTS.items():
            _say(f"list: {name}", [timed(visitor, f"/runs{asked}") for _ in range(rounds + 1)][1:])
        _say("list: page after page", _deep(visitor, ids, rounds))
        _say("a run, again", [timed(visitor, f"/runs/{ids[0]}") for _ in range(rounds + 1)][1:])
        _say("a run, for the first time", [timed(visitor, f"/runs/{each}") for each in islice(ids, 1, rounds + 1)])
        _others(visitor, ids, rounds)
        _coverage(visitor, ids, rounds)
        _painted(visitor, _large(store), rounds)


@contextmanager
def visited() -> Iterator[tuple[SqlStore, httpx.Client]]:
    """A new store that a server shows, and a client that may see all of its workspace."""
    with tempfile.TemporaryDirectory(prefix="cognify-pages-") as folder:
        home = Path(folder) / "home"
        store = open_store(home / "cognify.db")
        key = issue(store, Role.ADMIN, workspace=None, label="a benchmark", created_by="it", days=1).key
        headers = {"Authorization": f"Bearer {key}"}
        with serving(home) as url, httpx.Client(base_url=f"{url}/w/default", headers=headers, timeout=600) as visitor:
            timed(visitor, "/runs")  # the ledger begins here; later it would first take in every run
            yield store, visitor
        store.close()


def _others(visitor: httpx.Client, ids: list[str], rounds: int) -> None:
    """Lineage, datasets, and two runs compared; each run for the first time."""
    fresh = iter(ids[rounds + 1 :])
    _say("lineage of a run", [timed(visitor, f"/runs/{each}/lineage") for each in islice(fresh, rounds)])
    _say("runs that hold a content", [timed(visitor, f"/runs?holds={ROWS}") for _ in range(rounds)])
    _say("datasets", [timed(visitor, "/datasets") for _ in range(rounds)])
    _say("a dataset of all runs", [timed(visitor, f"/datasets/{named('patient_notes')}") for _ in range(rounds)])
    pairs = zip(islice(fresh, rounds), islice(fresh, rounds), strict=True)
    _say("two runs compared", [timed(visitor, f"/compare?a={a}&b={b}") for a, b in pairs])


def _painted(visitor: httpx.Client, run_id: str, rounds: int) -> None:
    """When a browser has painted something of a lineage of 2,000 nodes, as it says itself."""
    from playwright.sync_api import sync_playwright

    painted = "performance.getEntriesByName('first-contentful-paint').length > 0"
    first = "performance.getEntriesByName('first-contentful-paint')[0].startTime / 1000"
    took: dict[str, list[float]] = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=the("chromium"), args=["--no-sandbox"])
        page = browser.new_page(extra_http_headers={"Authorization": visitor.headers["Authorization"]})
        page.goto(f"{visitor.base_url}runs")  # whoever comes to a lineage has seen another page
        for number in range(max(3, rounds // 4)):
            for name, asked in (("folded", ""), ("node by node", "?unfold=all")):
                page.goto(f"{visitor.base_url}runs/{run_id}/lineage{asked}")
                while not page.evaluate(painted):  # `wait_for_function` would need `eval`, which the pages forbid
                    page.wait_for_timeout(10)
                took.setdefault(name if number else f"{name}, first", []).append(page.evaluate(first))
        browser.close()
    for name, times in took.items():
        print(f"{f'lineage of 2,000 nodes painted, {name}':<52}{1000 * max(times):>8.0f} at most; 1,000 is the aim")


def _large(store: Store) -> str:
    """A run of a thousand checkpoints, each evaluated."""
    run_id = "run_20270101_000000_00000"
    store.create(run_id, Draft(TIME, RunOpened(nonce="f" * 32, project="p", recorder="it"), "open", 0))
    bodies: list[Body] = [factories.dataset(), factories.config()]
    for step in range(999):
        content = {"hash": Digest.of(str(step).encode()), "manifest": None}
        saved = factories.checkpoint(step, location=f"~/out/checkpoint-{step}", facts={"bytes": 1 << 30}, **content)
        inputs = (f"checkpoint-{step}", "train")
        bodies += [saved, factories.evaluation(ref=f"eval-{step}", id=f"eval_step_{step}", step=step, inputs=inputs)]
    store.append(run_id, [Draft(TIME, body, "w", place) for place, body in enumerate(bodies)])
    return run_id


def _coverage(visitor: httpx.Client, ids: list[str], rounds: int) -> None:
    """Projects side by side, the runs of one, and one run; first those whose records were not read before."""
    deep = [run_id for run_id in ids if int(run_id[-5:], 16) % PROJECTS == 7][::RUNS_OF_A_PAGE]
    asked = [f"?project=p7&after={run_id}" for run_id in deep[:rounds]]
    _say("coverage: pages of a project, first time", [timed(visitor, f"/compliance{each}") for each in asked])
    for name, path in {
        "coverage: projects": "/compliance",
        "coverage: a project": "/compliance?project=p7",
        "coverage: a project, HIPAA": "/compliance?project=p7&law=hipaa",
        "coverage: a run": f"/runs/{ids[0]}/compliance",
    }.items():
        took = [timed(visitor, path) for _ in range(rounds + 1)]
        _say(f"{name}, again", took[1:])
        print(f"{'  the first time':<40}{took[0] * 1000:>8.0f}")


def timed(visitor: httpx.Client, path: str) -> float:
    began = time.perf_counter()
    visitor.get(path).raise_for_status()
    return time.perf_counter() - began


def _say(name: str, took: list[float]) -> None:
    print(f"{name:<40}{p95(took):>8.0f}")


def _deep(visitor: httpx.Client, ids: list[str], rounds: int) -> list[float]:
    """Pages from all over the list."""
    step = max(1, len(ids) // rounds)
    return [timed(visitor, f"/runs?after={run_id}") for run_id in ids[1::step]]


def fill(store: Store, runs: int) -> list[str]:
    """Runs as teams have them: most have ended, some have gaps, a few were interrupted; each has a curve."""
    for manifest in factories.MANIFESTS.values():
        store.put_manifest(manifest)
    curve = Metrics(points=tuple((step, "loss", 0.5 + 1 / (step + 3)) for step in range(50)))
    ids = []
    for number in range(runs):
        day, hour = divmod(number, 24)
        at = f"2026-{1 + day // 28 % 12:02d}-{1 + day % 28:02d}T{hour:02d}:00:00.{number:06d}Z"
        run_id = f"run_{at[:10].replace('-', '')}_{hour:02d}0000_{number:05x}"
        opened = RunOpened(nonce=f"{number:032x}", project=f"p{number % PROJECTS}", name=f"run {number}", recorder="it")
        store.create(run_id, Draft(at, opened, "open", 0))
        said = [*factories.default_bodies(), *([curve] * 8)]
        said = said if number % 5 else [*said, Gap(subject=f"gap {number}", reason="not found")]
        status = "INTERRUPTED" if number % 1000 == 7 else "COMPLETED"
        end = RunClosed.model_validate({"status": status, "complete": True, "counts": {}})
        ended = [] if number % 500 == 3 else [end]
        store.append(run_id, [Draft(TIME, body, "w", place) for place, body in enumerate([*said, *ended])])
        store.put_openings(run_id, [commit("user", f"person {number % 40}" if number % 50 else "ada")])
        ids.append(run_id)
    return ids[::-1]


if __name__ == "__main__":
    main()
