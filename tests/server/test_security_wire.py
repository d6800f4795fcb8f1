"""What comes over the wire and is no request, or none that ends: refused or given up, and nobody else waits for it."""

from __future__ import annotations

import gzip
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from cognify_core.server.limits import Limits
from cognify_core.server.wire import HEAD_SECONDS, Wire
from tests.server.processes import ServerProcess
from tests.server.serving import SECRET, Room, Served, line, serving
from tests.servers.starting import free_ports

PATIENCE = 15
"""Seconds until a test that waits for an end says that there is none: fewer than who is not hasty would wait."""


class Hasty(Wire):
    """Of little patience, so that a test need not have more."""

    head_seconds = 1.0
    stalled_seconds = 1.0


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("hasty"), Limits(requests=1_000_000, body_seconds=1.0), wire=Hasty) as served:
        yield served


def connect(served: Served, *, received: int | None = None) -> socket.socket:
    parts = urlsplit(str(served.client.base_url))
    connection = socket.socket()
    if received is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, received)
    connection.settimeout(PATIENCE)
    connection.connect((str(parts.hostname), int(parts.port or 0)))
    return connection


def all_of(connection: socket.socket) -> bytes:
    """What comes until the other side ends it."""
    found = b""
    try:
        while part := connection.recv(1 << 16):
            found += part
    except ConnectionResetError:
        pass
    return found


def exchange(served: Served, data: bytes) -> bytes:
    """Everything that is answered to these bytes, after which we say that no more come."""
    with connect(served) as connection:
        with suppress(OSError):  # it was ended meanwhile
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
        return all_of(connection)


HOST = b"Host: x\r\n"
SMUGGLED = b"GET /v2/smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
NO_REQUESTS = {
    "chunks and a length": b"POST /v2/x HTTP/1.1\r\n%bTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    "a length and chunks": b"POST /v2/x HTTP/1.1\r\n%bContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": b"POST /v2/x HTTP/1.1\r\n%bContent-Length: 0\r\nContent-Length: 40\r\n\r\n",
    "two lengths in one": b"POST /v2/x HTTP/1.1\r\n%bContent-Length: 0, 40\r\n\r\n",
    "a length with a sign": b"POST /v2/x HTTP/1.1\r\n%bContent-Length: +0\r\n\r\n",
    "a length below nothing": b"POST /v2/x HTTP/1.1\r\n%bContent-Length: -1\r\n\r\n",
    "a length in hexadecimal": b"POST /v2/x HTTP/1.1\r\n%bContent-Length: 0x0\r\n\r\n",
    "chunks under another name": b"POST /v2/x HTTP/1.1\r\n%bTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunks twice": b"POST /v2/x HTTP/1.1\r\n%bTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "chunks and something else": b"POST /v2/x HTTP/1.1\r\n%bTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "a space before the colon": b"POST /v2/x HTTP/1.1\r\n%bContent-Length : 4\r\n\r\n",
    "a tab before the colon": b"POST /v2/x HTTP/1.1\r\n%bTransfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n",
    "NUL in a header": b"GET /v2/x HTTP/1.1\r\n%bX: a\0b\r\n\r\n",
    "a chunk without end": b"POST /v2/x HTTP/1.1\r\n%bTransfer-Encoding: chunked\r\n\r\n%s\r\n" % (b"%b", b"f" * 30),
    "a chunk of no size": b"POST /v2/x HTTP/1.1\r\n%bTransfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
    "no host": b"GET /healthz HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /healthz HTTP/1.1\r\n%bHost: y\r\n\r\n",
    "no version": b"GET /healthz\r\n%b\r\n",
    "a space in the path": b"GET /healthz /x HTTP/1.1\r\n%b\r\n",
    "a head without end": b"GET /healthz HTTP/1.1\r\n%bX: " + b"x" * 1_000_000,
    "many headers": b"GET /healthz HTTP/1.1\r\n%b" + b"".join(b"X-%d: x\r\n" % n for n in range(20_000)) + b"\r\n",
    "no HTTP at all": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
}


@pytest.mark.parametrize("what", NO_REQUESTS)
def test_what_two_servers_could_read_differently_is_refused_and_nothing_after_it_is_read(
    hasty: Served, what: str
) -> None:
    answer = exchange(hasty, NO_REQUESTS[what].replace(b"%b", HOST) + SMUGGLED)
    assert answer[9:12] in (b"", b"400", b"431", b"501"), answer[:200]  # nothing: it was reset
    assert answer.count(b"HTTP/1.1 ") <= 1
    assert b"smuggled" not in answer


def test_a_connection_carries_many_requests_with_pauses_between(hasty: Served) -> None:
    with connect(hasty) as connection:
        for _ in range(3):
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert connection.recv(4096).startswith(b"HTTP/1.1 200")
            time.sleep(1.5)


@pytest.mark.parametrize("begun", [b"", b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: "])
def test_a_head_that_does_not_end_is_given_up(hasty: Served, begun: bytes) -> None:
    with connect(hasty) as connection:
        connection.sendall(begun)
        assert all_of(connection) == b""


@pytest.mark.parametrize(
    "begun",
    [
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: ",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\nX: ",
        b"POST /v2/nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n",
    ],
)
def test_one_that_goes_on_a_byte_at_a_time_is_given_up_too(hasty: Served, begun: bytes) -> None:
    began = time.monotonic()
    with connect(hasty) as connection, pytest.raises(ConnectionError):  # noqa: PT012 - until it breaks
        connection.sendall(begun)
        while time.monotonic() - began < PATIENCE:
            connection.sendall(b"x")
            time.sleep(0.05)
        pytest.fail("it was never given up")


def test_a_body_that_comes_a_byte_at_a_time_is_given_up(hasty: Served) -> None:
    room = hasty.new_workspace()
    run_id = room.begin()
    head = f"POST {room.path}/runs/{run_id}/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {room.key}\r\n"
    with connect(hasty) as connection:
        connection.sendall(f"{head}Cognify-Run-Secret: {SECRET}\r\nContent-Length: 1000\r\n\r\n".encode())
        began = time.monotonic()
        connection.settimeout(0.05)
        answer = b""
        while not answer and time.monotonic() - began < PATIENCE:
            connection.sendall(b" ")
            try:
                answer = connection.recv(4096)
            except TimeoutError:
                continue
    assert answer.startswith(b"HTTP/1.1 408")


def test_an_answer_that_nobody_takes_is_given_up(hasty: Served) -> None:
    room = hasty.new_workspace()
    run_id = room.begin()
    for number in range(0, 400, 40):
        notes = (line({"kind": "note", "text": "x" * 40_000}, n) for n in range(number, number + 40))
        room.append(run_id, *notes).raise_for_status()
    with connect(hasty, received=4096) as connection:
        head = f"GET {room.path}/runs/{run_id}/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {room.key}\r\n\r\n"
        connection.sendall(head.encode())
        time.sleep(4)
        assert len(all_of(connection)) < 400 * 40_000


def test_many_who_never_end_keep_nobody_else_waiting(served: Served) -> None:
    began = time.monotonic()
    held = [connect(served) for _ in range(200)]
    for connection in held:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nX: ")
    assert served.ask("GET", "/healthz").status_code == 200
    assert time.monotonic() - began < HEAD_SECONDS  # before the first of them was given up
    for connection in held:
        connection.close()


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "BREW", "get"])
def test_another_method_is_refused(hasty: Served, method: str) -> None:
    for path in (b"/healthz", b"/v2/workspaces", b"/v2/workspaces/default/runs"):
        answer = exchange(hasty, method.encode() + b" " + path + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        assert answer[9:12] in (b"400", b"404", b"405"), answer[:100]
    counted = hasty.ask("GET", "/metrics").text
    assert "BREW" not in counted
    assert "PROPFIND" not in counted


def test_an_upgrade_is_not_taken_up(hasty: Served) -> None:
    asked = (
        b"GET /v2/workspaces HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: %s\r\nSec-WebSocket-Key: eA==\r\n"
    )
    for protocol in (b"websocket", b"h2c", b"nonsense"):
        answer = exchange(hasty, asked % protocol + b"Sec-WebSocket-Version: 13\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 401"), answer[:100]


def test_gzip_in_parts_is_refused(hasty: Served) -> None:
    room = hasty.new_workspace()
    run_id = room.begin()
    parts = b"".join(gzip.compress(line({"kind": "note", "text": "x"}, n) + b"\n") for n in range(2))
    refused = room.ask("POST", f"/runs/{run_id}/events", content=parts, headers={"Content-Encoding": "gzip"})
    assert (refused.status_code, room.ask("GET", f"/runs/{run_id}").json()["size"]) == (400, 1)


def memory(process: int) -> int:
    """The most memory that a process has ever had, in MiB."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) >> 10


def test_bombs_cost_the_server_no_memory(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    server = ServerProcess(tmp_path / "home", port)
    server.start()
    try:
        with server.asked() as served:
            drop_bombs(served.new_workspace(), server.pid)
    finally:
        server.kill()


def drop_bombs(room: Room, pid: int) -> None:
    run_id = room.begin()
    before = memory(pid)
    zeros = gzip.compress(bytes(256 << 20))
    keys = b'{"body":{"kind":"note","text":"x",' + b",".join(b'"k%d":1' % n for n in range(100_000)) + b"}}"
    for content, packed in ((zeros, True), (gzip.compress(zeros), True), (b"[" * (8 << 20), False), (keys, False)):
        headers = {"Content-Encoding": "gzip"} if packed else {}
        refused = room.ask("POST", f"/runs/{run_id}/events", content=content, headers=headers)
        assert 400 <= refused.status_code < 500, refused.status_code
    assert memory(pid) - before < 400
    assert room.ask("GET", f"/runs/{run_id}").json()["size"] == 1
