"""What a request may cost."""

from __future__ import annotations

import gzip
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from cognify_core.server.limits import Limits
from tests.server.serving import SECRET, Room, metric, serving


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    limits = Limits(body_bytes=100_000, body_seconds=1.0, requests=1_000_000)
    with serving(tmp_path_factory.mktemp("small"), limits) as served:
        yield served.new_workspace()


@pytest.fixture(scope="module")
def run_id(small: Room) -> str:
    return small.begin()


def packed(data: bytes) -> dict[str, object]:
    return {"content": gzip.compress(data), "headers": {"Content-Encoding": "gzip"}}


def test_a_body_that_is_too_large_is_refused_before_it_is_read(small: Room, run_id: str) -> None:
    refused = small.ask("POST", f"/runs/{run_id}/events", content=b"x" * 100_001)
    assert refused.status_code == 413
    assert "at most 100000 bytes" in refused.json()["detail"]


def test_a_body_of_no_stated_size_is_cut_off_at_the_limit(small: Room, run_id: str) -> None:
    refused = small.ask("POST", f"/runs/{run_id}/events", content=(b"x" * 1000 for _ in range(1000)))
    assert refused.status_code == 413


def test_gzip_that_unpacks_to_too_much_is_refused(small: Room, run_id: str) -> None:
    refused = small.ask("POST", f"/runs/{run_id}/events", **packed(bytes(50_000_000)))
    assert refused.status_code == 413
    assert "unpacked" in refused.json()["detail"]


@pytest.mark.parametrize("spoil", [lambda data: data[:-12], lambda data: b"x" + data, lambda data: b""])
def test_gzip_that_is_none_or_ends_early_is_refused(small: Room, run_id: str, spoil: object) -> None:
    data = spoil(gzip.compress(metric(0)))  # type: ignore[operator]
    refused = small.ask("POST", f"/runs/{run_id}/events", content=data, headers={"Content-Encoding": "gzip"})
    assert refused.status_code == 400


def test_another_encoding_is_refused(small: Room, run_id: str) -> None:
    refused = small.ask("POST", f"/runs/{run_id}/events", content=b"x", headers={"Content-Encoding": "br"})
    assert refused.status_code == 415


def test_a_body_that_does_not_come_is_given_up(small: Room, run_id: str) -> None:
    parts = urlsplit(str(small.served.client.base_url))
    head = (
        f"POST {small.path}/runs/{run_id}/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {small.key}\r\n"
        f"Cognify-Run-Secret: {SECRET}\r\nContent-Length: 100\r\n\r\n"
    )
    with socket.create_connection((str(parts.hostname), int(parts.port or 0)), timeout=20) as connection:
        connection.sendall(head.encode() + b"{")
        assert connection.recv(4096).startswith(b"HTTP/1.1 408")


def test_json_that_is_nested_without_end_is_refused(small: Room, run_id: str) -> None:
    for body in (b"[" * 90_000, b'{"a":' * 15_000):
        refused = small.ask("PATCH", "/retention", content=body, headers={"Content-Type": "application/json"})
        assert 400 <= refused.status_code < 500


def test_an_address_that_asks_too_often_waits(tmp_path: Path) -> None:
    with serving(tmp_path, Limits(requests=60)) as served:
        statuses = [served.ask("GET", "/healthz").status_code for _ in range(70)]
        assert statuses[0] == 200
        assert statuses[-1] == 429
        time.sleep(1.1)
        assert served.ask("GET", "/healthz").status_code == 200
