"""Fifty who train at once, and a server that is killed and started three times meanwhile."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from cognify_core.canonical import parse
from cognify_core.server.roles import Role
from cognify_core.server.tokens import issue
from cognify_core.store.confined import confined
from cognify_core.store.protocol import Store
from cognify_core.store.sql import open_store
from cognify_core.store.tenancy import WorkspaceRow
from cognify_core.verify.ledger_fsck import check_whole_ledger
from tests.cli.running import ROOT, environment
from tests.server.processes import ServerProcess
from tests.servers.starting import free_ports

CLIENTS, PROCESSES, KILLS = 50, 5, 3
PAUSE = 0.3
"""Seconds, in which each client rests after ten points."""
PATIENCE = 240
"""Seconds: a machine may be busy with something else."""
CROWD = Path(__file__).with_name("crowd.py")


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path | str]:
    if request.param == "sqlite":
        yield tmp_path / "served" / "cognify.db"
    else:
        yield str(request.getfixturevalue("own_database"))


def size_of(store: Store) -> int:
    return sum(row.size for row in store.runs(workspace="crowd"))


def wait_for_more(store: Store, than: int) -> None:
    """Wait until the server has more events than so many."""
    by = time.monotonic() + PATIENCE
    while size_of(store) <= than:
        assert time.monotonic() < by, f"the server has had {size_of(store)} events for {PATIENCE} seconds"
        time.sleep(0.1)


@pytest.mark.slow
def test_every_record_is_complete_in_order_and_there_once(place: Path | str, tmp_path: Path) -> None:
    """Each is compared byte for byte with what the client has."""
    store = open_store(place)
    store.put_workspace(WorkspaceRow("crowd", "crowd", "2026-01-01T00:00:00Z"))
    key = issue(store, Role.RECORDER, workspace="crowd", label="crowd", created_by="a test", days=1).key
    several = isinstance(place, str)
    url = place if isinstance(place, str) else None
    servers = [ServerProcess(tmp_path / "served", port, url) for port in free_ports(2 if several else 1)]
    with ExitStack() as ending:
        for server in servers:
            server.start()
            ending.callback(server.kill)
        crowd = [
            training(tmp_path, number, servers[number % len(servers)].url, key, ending) for number in range(PROCESSES)
        ]
        for number in range(KILLS):
            wait_for_more(store, size_of(store) + CLIENTS)
            assert all(each.poll() is None for each in crowd)
            servers[number % len(servers)].kill()
            servers[number % len(servers)].start()
        (tmp_path / "enough").touch()
        for each in crowd:
            assert each.wait(PATIENCE) == 0
    check(store, tmp_path)
    store.close()


def training(folder: Path, number: int, url: str, key: str, ending: ExitStack) -> subprocess.Popen[bytes]:
    """Start a process with its part of the clients."""
    each = CLIENTS // PROCESSES
    settings = {"COGNIFY_URL": url, "COGNIFY_API_KEY": key, "COGNIFY_WORKSPACE": "crowd", "COGNIFY_QUIET": "1"}
    command = [sys.executable, str(CROWD), str(folder), *map(str, (number * each, (number + 1) * each, PAUSE))]
    process = subprocess.Popen(command, env=environment(folder / "home", **settings), cwd=ROOT)
    ending.callback(process.kill)
    return process


def check(store: Store, folder: Path) -> None:
    there = {row.run_id: list(store.events(row.run_id)) for row in store.runs(workspace="crowd")}
    here: dict[str, list[bytes]] = {}
    for path in sorted(folder.glob("client-*/remote/*/cognify.db")):
        client = open_store(path)
        (row,) = client.runs(workspace="crowd")
        here[row.run_id] = list(client.events(row.run_id))
        client.close()
    assert len(here) == CLIENTS
    assert there == here
    for events in there.values():
        assert [parse(event)["seq"] for event in events] == list(range(len(events)))
        points = [point[0] for event in events for point in parse(event).get("points", [])]
        assert points == list(range(len(points)))
        assert len(points) > 10
    report = check_whole_ledger(confined(store, "crowd"), ())
    assert {finding.code for finding in report.findings} <= {"ledger_key"}
    assert report.size == CLIENTS
