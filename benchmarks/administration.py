"""Pages of a workspace with ten thousand sealed runs, each with two packages in a vault, and 100,000 accesses.

The server is a process of its own with an SQLite store, asked by one client; each page is asked for once before it is
measured.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx
from sqlalchemy import Table, create_engine

from benchmarks.pages import AIM, fill, timed, visited
from benchmarks.server import RUNS, p95
from cognify_core.capture.commitments import commit
from cognify_core.model.digest import Digest
from cognify_core.model.events import Access
from cognify_core.model.record import Status
from cognify_core.store import tables
from cognify_core.store.access_log import Look
from cognify_core.store.protocol import Store
from cognify_core.store.sql import SqlStore

ROUNDS = 30
ACCESSES = 100_000
AT_ONCE = 1000
SEALED = "2026-11-29T12:00:00.000000Z"
PAGES = {
    "retention": "/retention",
    "storage": "/storage",
    "locks": "/locks",
    "locks that end soon": "/locks?days=90",
    "locks that are less": "/locks?state=lesser",
    "list of runs, counted": "/population?since=2026-01-01&until=2026-06-30",
    "accesses": "/accesses",
    "accesses by a person that few have": "/accesses?person=rare",
    "accesses by a person that none has": "/accesses?person=nobody",
    "accesses of an old day": "/accesses?since=2026-01-02&until=2026-01-02",
    "accesses of a day without any": "/accesses?since=2020-01-02&until=2020-01-02",
}


def main(runs: int = RUNS, rounds: int = ROUNDS) -> None:
    """Print the 95th percentile of each page, and how long what is computed for all runs takes once."""
    with visited() as (store, visitor):
        fill(store, runs)
        _seal(store)
        _look(store)
        print(f"pages of a workspace, {runs:,} sealed runs, {rounds} rounds, p95 in milliseconds; {AIM}")
        for name, path in PAGES.items():
            print(f"{name:<40}{p95([timed(visitor, path) for _ in range(rounds + 1)][1:]):>8.0f}")
        print("what is computed for all of them, in seconds")
        said = {"retention_years": "25", "auto_export_format": "json", "version": "0"}
        for name, path in {"a change of retention, foreseen": "/retention/preview", "made": "/retention"}.items():
            print(f"{name:<40}{_sent(visitor, path, said):>8.1f}")
        period = {"since": "2026-01-01", "until": "2026-12-31"}
        print(f"{'the list of the runs of a year':<40}{_sent(visitor, '/population', period):>8.1f}")
        print(f"{'the access log, verified':<40}{_sent(visitor, '/accesses/verification', {}):>8.1f}")


def _sent(visitor: httpx.Client, path: str, fields: dict[str, str]) -> float:
    began = time.perf_counter()
    answer = visitor.post(path, data=fields)
    assert answer.status_code in (200, 303), answer.text
    return time.perf_counter() - began


def _seal(store: SqlStore) -> None:
    """What seals leave in the store, with two packages in a vault, in one transaction. Nothing of it is signed."""
    rows = [row for row in store.runs() if row.status is not Status.RUNNING]
    frozen = {"root": "0" * 64, "lineage": str(Digest.of(b"lineage")), "sealed_at": SEALED}
    kept = {"position": 0, "until": "2036-11-29", "why": "10 years", "set_at": SEALED}
    packages = [each for number, row in enumerate(rows) for each in _packages(row.run_id, number)]
    said: dict[Table, list[dict[str, object]]] = {
        tables.freezes: [{"run_id": row.run_id, "size": row.size, **frozen} for row in rows],
        tables.bundles: [{"run_id": row.run_id, "bundle": b"{}"} for row in rows],
        tables.keepings: [{"run_id": row.run_id, **kept} for row in rows],
        tables.receipts: [_receipt(place, *each) for place, each in enumerate(packages)],
        tables.vault_facts: [_fact(place, *each) for place, each in enumerate(packages)],
    }
    with create_engine(f"sqlite:///{store.place}").begin() as connection:
        for table, lines in said.items():
            connection.execute(table.insert(), lines)


def _packages(run_id: str, number: int) -> Iterator[tuple[str, str, str | None, int]]:
    for template in (None, "hipaa" if number % 10 else "eu_ai_act"):
        yield run_id, str(Digest.of(f"{run_id} {template}".encode())), template, number


def _receipt(place: int, run_id: str, package: str, template: str | None, _number: int) -> dict[str, object]:
    made = {"format": "pdf", "template": template, "renderer": "r", "addenda": "[]", "path": "x", "bundle": b"{}"}
    return {"package_hash": package, "run_id": run_id, "position": place, **made}


def _fact(place: int, run_id: str, package: str, _template: str | None, number: int) -> dict[str, object]:
    until = f"{2027 + number % 10}-{1 + number % 12:02d}-01T00:00:00Z"
    lies = {"part": "package", "vault": "s3://bucket/trail", "key": f"{run_id}/{package}/run.pdf", "version": "1"}
    lock = {"mode": "GOVERNANCE", "until": until, "held": 0}
    asked = {f"asked_{name}": value for name, value in lock.items()}
    read = {"digest": package, "read_at": SEALED, "state": "unlocked" if number % 1000 == 5 else "locked"}
    return {"position": place, "run_id": run_id, "package_hash": package, **lies, **lock, **asked, **read}


def _look(store: Store) -> None:
    for first in range(0, ACCESSES, AT_ONCE):
        store.put_accesses([_access(number) for number in range(first, first + AT_ONCE)])


def _access(number: int) -> Look:
    who = commit("actor", "somebody rare" if number % 20_000 == 9 else f"person {number % 40}")
    day = f"2026-{1 + number // 28 % 12:02d}-{1 + number * 28 // ACCESSES:02d}"
    said = {"at": f"{day}T12:00:00.000000Z", "action": "show", "actor": Digest.parse(who.commitment)}
    return Look(None, Access.model_validate(said | {"observed_by": "server"}), (who,))


if __name__ == "__main__":
    main()
