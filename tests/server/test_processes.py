"""The server as processes: one or several, how they begin, and how they end."""

from __future__ import annotations

import os
import re
import signal
import socket
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from cognify_core.server.roles import Role
from cognify_core.server.tokens import issue
from cognify_core.store.sql import open_store
from tests.cli.running import as_process
from tests.server.started import Started, is_well, started

pytestmark = pytest.mark.slow


def within_a_while(holds: Callable[[], bool]) -> bool:
    for _ in range(4000):
        if holds():
            return True
        time.sleep(0.05)
    return False


def a_key(place: Path | str) -> str:
    store = open_store(place)
    key = issue(store, Role.ADMIN, workspace=None, label="of a test", created_by="a test", days=1).key
    store.close()
    return key


def half_a_request(server: Started, key: str) -> socket.socket:
    """A connection over which half of what makes a workspace has come."""
    where = urlsplit(server.url)
    connection = socket.create_connection((str(where.hostname), int(where.port or 0)), timeout=120)
    head = f"POST /v2/workspaces HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
    connection.sendall(f'{head}Content-Type: application/json\r\nContent-Length: 21\r\n\r\n{{"workspace'.encode())
    time.sleep(0.5)
    return connection


@pytest.mark.parametrize("ended_by", [signal.SIGTERM, signal.SIGINT])
def test_a_server_that_is_told_to_end_answers_what_was_asked_and_closes_its_store(
    tmp_path: Path, ended_by: signal.Signals
) -> None:
    home = tmp_path / "home"
    key = a_key(home / "cognify.db")
    with started(home) as server:
        assert server.store == str(home / "cognify.db")
        with half_a_request(server, key) as connection:
            server.process.send_signal(ended_by)
            time.sleep(0.5)
            assert not is_well(server.url)
            connection.sendall(b'": "late"}')
            assert connection.recv(4096).startswith(b"HTTP/1.1 201")
        assert server.process.wait(300) == 0
    assert server.log.read_text() == ""
    assert sorted(file.name for file in home.iterdir() if file.is_file()) == ["cognify.db"]


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        refused = as_process(tmp_path, "serve", "--port", taken.getsockname()[1])
    assert refused.returncode == 2
    assert re.search(r"cannot listen on 127\.0\.0\.1 port \d+: Address already in use", refused.stderr)


def test_a_store_in_a_file_is_served_by_one_process(tmp_path: Path) -> None:
    refused = as_process(tmp_path, "serve", "--workers", "2")
    assert refused.returncode == 2
    assert "several processes serve a store in PostgreSQL alone" in refused.stderr


def test_the_vault_of_the_server_is_that_of_all_workspaces(tmp_path: Path) -> None:
    key = a_key(tmp_path / "home" / "cognify.db")
    with started(tmp_path / "home", "--vault", f"file://{tmp_path}/vault") as server:
        asked = httpx.get(
            f"{server.url}/v2/workspaces/default/storage", headers={"Authorization": f"Bearer {key}"}, timeout=30
        )
    assert asked.json() == {"vault": f"file://{tmp_path}/vault"}


def test_a_vault_that_is_none_is_refused_before_anything_is_served(tmp_path: Path) -> None:
    refused = as_process(tmp_path, "serve", "--vault", "s4://bucket")
    assert refused.returncode == 2
    assert "names no vault" in refused.stderr


def test_several_processes_serve_one_database_count_together_and_end_together(
    tmp_path: Path, own_database: str
) -> None:
    with started(tmp_path / "home", "--workers", "2", "--store", own_database) as server:
        children = server.children()
        assert len(children) == 2
        for _ in range(40):
            httpx.get(f"{server.url}/healthz", timeout=120)  # each over a connection of its own
        counted = httpx.get(f"{server.url}/metrics", timeout=120).text
        found = re.search(r'cognify_requests_total\{method="GET",route="/healthz",status="200"\} (\d+)', counted)
        assert found is not None
        assert int(found[1]) >= 41
        assert "tell-nobody" not in server.store
        with half_a_request(server, a_key(own_database)) as connection:
            server.process.send_signal(signal.SIGTERM)
            time.sleep(1)
            connection.sendall(b'": "late"}')
            assert connection.recv(4096).startswith(b"HTTP/1.1 201")
        assert server.process.wait(300) == 0
    assert [pid for pid in children if Path(f"/proc/{pid}").exists()] == []


def test_a_process_that_dies_is_begun_anew(tmp_path: Path, own_database: str) -> None:
    with started(tmp_path / "home", "--workers", "2", "--store", own_database) as server:
        first = server.children()
        os.kill(first[0], signal.SIGKILL)
        assert within_a_while(lambda: len(set(server.children()) - set(first)) == 1)
        assert within_a_while(lambda: all(is_well(server.url) for _ in range(20)))
        assert server.end(signal.SIGTERM) == 0


def test_a_store_that_is_none_is_refused_before_anything_is_served(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    with closing(sqlite3.connect(tmp_path / "home" / "cognify.db")) as database:
        database.execute("CREATE TABLE alembic_version (version_num TEXT)")
    refused = as_process(tmp_path, "serve", "--port", 0)
    assert refused.returncode == 2
    assert "is an SQLite database, but no Cognify store" in refused.stderr


def test_a_certificate_that_is_none_is_refused_before_anything_is_served(tmp_path: Path) -> None:
    (tmp_path / "certificate.pem").write_text("none")
    words = ("serve", "--port", 0, "--certificate", "certificate.pem", "--key", "certificate.pem")
    refused = as_process(tmp_path, *words)
    assert refused.returncode == 2
    assert "certificate.pem and certificate.pem are no certificate and its key" in refused.stderr
