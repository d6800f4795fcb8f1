"""Secrets: compared in one way whatever is wrong with them, and found nowhere afterwards."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from types import FrameType
from typing import Any

import httpx
import psycopg
import pytest

from cognify_core.model.names import utc_now
from cognify_core.server.roles import Role
from cognify_core.server.tokens import admit, issue
from cognify_core.store.columns import metadata
from tests.cli.running import PROGRAM, environment
from tests.server.processes import ServerProcess
from tests.server.serving import Room, Served, metric, opening
from tests.servers.postgres import PASSWORD, Server
from tests.servers.starting import free_ports

ROUNDS = 300


@pytest.fixture
def keys(served: Served) -> dict[str, str]:
    """Keys that do not hold, for one reason each."""
    key = issue(served.store, Role.VIEWER, workspace=None, label="l", created_by="t", days=1).key
    known, other = key.split("_", 2)[1], "A" * 43
    return {"unknown id": f"cog_{'0' * 16}_{other}", "wrong secret": f"cog_{known}_{other}"}


def steps(call: Callable[[], object]) -> list[str]:
    """Every function that a call enters of ours or of the standard library's comparison, in order."""
    entered: list[str] = []

    def note(frame: FrameType, event: str, argument: Any) -> None:
        if event == "call" and "cognify_core/server" in frame.f_code.co_filename:
            entered.append(frame.f_code.co_qualname)
        elif event == "c_call" and argument.__name__ in ("compare_digest", "openssl_sha256", "fullmatch"):
            entered.append(argument.__name__)

    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(None)
    return entered


def test_an_unknown_key_and_a_wrong_secret_take_the_same_way(served: Served, keys: dict[str, str]) -> None:
    ways = {why: steps(lambda key=key: admit(served.store, key, utc_now())) for why, key in keys.items()}  # type: ignore[misc]  # a default binds it
    assert ways["unknown id"] == ways["wrong secret"]
    assert "compare_digest" in ways["unknown id"]
    assert "openssl_sha256" in ways["unknown id"]


def test_an_unknown_key_takes_about_as_long_as_a_wrong_secret(served: Served, keys: dict[str, str]) -> None:
    """Interleaved, and by a wide margin: it shows a slow hash on one side alone, and nothing finer."""
    taken: dict[str, list[float]] = {why: [] for why in keys}
    for _ in range(ROUNDS):
        for why, key in keys.items():
            began = time.perf_counter()
            assert admit(served.store, key, utc_now()) is None
            taken[why].append(time.perf_counter() - began)
    first, second = (median(each) for each in taken.values())
    assert 0.2 < first / second < 5


def test_a_wrong_run_secret_and_a_run_without_one_are_answered_alike(room: Room) -> None:
    run_id = room.begin()
    wrong = room.ask("POST", f"/runs/{run_id}/events", content=metric(0), headers={"Cognify-Run-Secret": "x" * 40})
    assert wrong.status_code == 403
    assert "x" * 40 not in wrong.text


SECRETS = {
    "run secret": "run-secret-5f1c9d0e7b3a4628a9d1c0b2",
    "another run secret": "other-secret-7c1e9d0e7b3a4628a9d1c0b2",
    "vault password": "vault-password-81c1",
    "vault key": "vaultkey81c2vaultkey81c2",
    "key in a query": "cog_1111222233334444_" + "Q" * 43,
    "key of nobody": "cog_5555666677778888_" + "N" * 43,
    "database password": PASSWORD,
}


def fail_in_every_way(room: Room, key: str) -> list[httpx.Response]:
    """Requests that carry secrets, of which hardly one succeeds."""
    run_id = room.begin()
    ask = room.served.ask
    mine = {"Cognify-Run-Secret": SECRETS["run secret"]}
    begun = opening("run_20260101_000000_abcde") | {"secret": SECRETS["run secret"]}
    events = f"{room.path}/runs/{run_id}/events"
    storage = f"{room.path}/storage"
    return [
        ask("POST", events, key, content=metric(0), headers=mine),
        ask("POST", events, key, content=b"nonsense", headers=mine),
        ask("POST", events, SECRETS["key of nobody"], content=metric(0), headers=mine),
        ask("GET", f"{room.path}/runs", SECRETS["key of nobody"]),
        ask("GET", f"{room.path}/runs", key[:-1] + "A"),
        ask("GET", f"{room.path}/runs", None, params={"api_key": SECRETS["key in a query"]}),
        ask("GET", f"{room.path}/runs", None, headers={"Authorization": f"Basic {SECRETS['key of nobody']}"}),
        ask("POST", f"{room.path}/runs", key, json=begun),
        ask("POST", f"{room.path}/runs", key, json=begun | {"secret": SECRETS["another run secret"]}),
        ask("POST", f"{room.path}/runs", key, json=begun | {"opened": {"kind": "nonsense"}}),
        ask("POST", f"{room.path}/runs", key, json=begun | {"time": 5, "unknown": 1}),
        ask("POST", f"{room.path}/runs", key, json=begun | {"secret": SECRETS["run secret"][:31]}),
        ask("PUT", storage, key, json={"vault": f"s3://user:{SECRETS['vault password']}@bucket"}),
        ask("PUT", storage, key, json={"vault": f"s3://bucket?secret_access_key={SECRETS['vault key']}"}),
        ask("PUT", storage, key, json={"vault": f"az://box?account_key={SECRETS['vault key']}"}),
        ask("PUT", storage, key, json={"vault": f"gs://bucket?endpoint_url=https://a:{SECRETS['vault password']}@b"}),
        ask("PUT", storage, key, json={"vault": f"https://u:{SECRETS['vault password']}@host/x"}),
        ask("GET", storage, key),
        ask("GET", f"{room.path}/tokens", key),
        ask("GET", "/metrics"),
    ]


def everything_in(place: str) -> bytes:
    """Every value of every table, as text and as bytes."""
    with psycopg.connect(place) as connection:
        found = [
            value.encode("utf-8", "replace") if isinstance(value, str) else bytes(value)
            for table in metadata.tables
            for row in connection.execute(f"SELECT * FROM {table}".encode())
            for value in row
            if isinstance(value, str | bytes | memoryview)
        ]
    return b"\n".join(found)


@pytest.mark.slow
def test_no_secret_is_in_a_log_a_record_or_an_answer(server: Server, own_database: str, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    process = ServerProcess(tmp_path / "home", port, own_database)
    process.start()
    try:
        with process.asked() as served:
            key = served.key(Role.ADMIN)
            room = served.new_workspace()
            answers = fail_in_every_way(room, key)
            statuses = {answer.status_code for answer in answers}
            assert {200, 400, 401, 403, 422} & statuses >= {401, 403, 422}
            kept = everything_in(own_database)
            server.stop()
            answers += [served.ask("GET", path, key) for path in (f"{room.path}/runs", "/v2/workspaces")]
            assert [answer.status_code for answer in answers[-2:]] == [503, 503]
            server.start()
    finally:
        process.kill()
    refused = subprocess.run(
        [*PROGRAM, "serve", "--port", "0", "--store", own_database.replace(PASSWORD, SECRETS["vault password"])],
        env=environment(tmp_path / "other"),
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert refused.returncode == 2
    said = process.said.read_bytes() + refused.stdout + refused.stderr
    shown = b"\n".join(answer.content + repr(answer.headers).encode() for answer in answers)
    files = b"\n".join(path.read_bytes() for path in (tmp_path / "home").rglob("*") if path.is_file())
    secrets = SECRETS | {"key": key.split("_", 2)[2], "room's key": room.key.split("_", 2)[2]}
    for name, secret in secrets.items():
        for where, what in (("log", said), ("answers", shown), ("database", kept), ("files", files)):
            assert secret.encode() not in what, (name, where)
