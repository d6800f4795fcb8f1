"""A server that dies in mid-put, and an answer that never arrives: tried again, there is exactly one locked object."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from cognify_core.errors import VaultUnavailableError
from cognify_core.model.digest import Digest
from cognify_core.vault.protocol import LockState, Mode, Reading
from tests.servers.objects import s3, s3_ports
from tests.vault.buckets import Seaweed
from tests.vault.contract import DATA, DIGEST, key, lock

__all__ = ["key"]
pytestmark = pytest.mark.slow
LARGE = bytes(range(256)) * (32 << 12)
"""32 MiB: long enough on its way to be cut off."""


@pytest.mark.parametrize("sent", [1 << 16, 16 << 20, 32 << 20])
def test_a_server_killed_in_mid_put_ends_with_one_locked_object(tmp_path: Path, key: str, sent: int) -> None:
    """Killed with SIGKILL when so many bytes of the request have reached it, while the rest still waits."""
    ports, asked = s3_ports(), lock(mode=Mode.COMPLIANCE)
    with ThreadPoolExecutor(1) as thread, ExitStack() as server:
        seaweed = Seaweed(server.enter_context(s3(tmp_path / "weed", ports)))
        bucket = seaweed.bucket()
        with _dammed(seaweed.url, sent) as (url, dam):
            put: Future[Reading] = thread.submit(seaweed.vault(bucket, url=url).put_once, key, LARGE, asked)
            assert dam.reached.wait(60)
            server.close()
            dam.opened.set()
            with pytest.raises(VaultUnavailableError, match="does not answer"):
                put.result(timeout=60)
    with s3(tmp_path / "weed", ports):
        vault = seaweed.vault(bucket)
        again = _until_it_answers(lambda: vault.put_once(key, LARGE, asked))
        assert again.state(asked, Digest.of(LARGE)) is LockState.LOCKED
        assert list(vault.versions()) == [(key, again.version)]
        assert vault.read(key, again.version) == LARGE
        assert vault.put_once(key, LARGE, asked).version == again.version


def _until_it_answers(ask: Callable[[], Reading]) -> Reading:
    """A server that has just begun, after it was killed, may refuse for a while; whoever retries goes on."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return ask()
        except VaultUnavailableError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def test_what_is_locked_is_there_and_locked_after_the_server_was_killed(tmp_path: Path, key: str) -> None:
    ports, asked = s3_ports(), lock(mode=Mode.COMPLIANCE)
    with s3(tmp_path / "weed", ports) as environ:
        seaweed = Seaweed(environ)
        bucket = seaweed.bucket()
        put = seaweed.vault(bucket).put_once(key, DATA, asked)
    with s3(tmp_path / "weed", ports):
        vault = seaweed.vault(bucket)
        assert vault.look(key, put.version).state(asked, DIGEST) is LockState.LOCKED


def test_an_answer_that_was_lost_is_asked_for_again(seaweed: Seaweed, key: str) -> None:
    bucket, asked = seaweed.bucket(), lock(mode=Mode.COMPLIANCE)
    with _losing_answers(seaweed.url, count=1) as url:
        put = seaweed.vault(bucket, url=url).put_once(key, DATA, asked)
    assert put.state(asked, DIGEST) is LockState.LOCKED
    assert list(seaweed.vault(bucket).versions()) == [(key, put.version)]


def test_answers_that_stay_lost_leave_one_object_for_the_next_try(seaweed: Seaweed, key: str) -> None:
    bucket, asked = seaweed.bucket(), lock(mode=Mode.COMPLIANCE)
    with (
        _losing_answers(seaweed.url, count=100) as url,
        pytest.raises(VaultUnavailableError, match="does not answer"),
    ):
        seaweed.vault(bucket, url=url).put_once(key, DATA, asked)
    put = seaweed.vault(bucket).put_once(key, DATA, asked)
    assert put.state(asked, DIGEST) is LockState.LOCKED
    assert list(seaweed.vault(bucket).versions()) == [(key, put.version)]


@dataclass
class _Dam:
    """What holds a request back."""

    after: int
    """Bytes that pass first."""
    passed: int = 0
    reached: threading.Event = field(default_factory=threading.Event)
    opened: threading.Event = field(default_factory=threading.Event)

    def let(self, size: int) -> None:
        """So many more have passed; wait where these were enough."""
        self.passed += size
        if self.passed >= self.after:
            self.reached.set()
            self.opened.wait(60)


@contextmanager
def _dammed(url: str, after: int) -> Iterator[tuple[str, _Dam]]:
    """A way to the server on which requests are held back once so many bytes of them have passed."""
    dam = _Dam(after)
    with _way_to(url, lambda client, server: _converse(client, server, [0], dam.let)) as way:
        yield way, dam


@contextmanager
def _losing_answers(url: str, *, count: int) -> Iterator[str]:
    """A way to the server on which the first `count` answers are lost after it has done what was asked."""
    left = [count]
    with _way_to(url, lambda client, server: _converse(client, server, left)) as way:
        yield way


@contextmanager
def _way_to(url: str, converse: Callable[[socket.socket, tuple[str, int]], None]) -> Iterator[str]:
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=_pass_on, args=(listening, (host, int(port)), converse), daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def _pass_on(
    listening: socket.socket, server: tuple[str, int], converse: Callable[[socket.socket, tuple[str, int]], None]
) -> None:
    while True:
        try:
            client, _ = listening.accept()
        except OSError:
            return
        threading.Thread(target=converse, args=(client, server), daemon=True).start()


def _converse(
    client: socket.socket, server: tuple[str, int], left: list[int], let: Callable[[int], None] = lambda _: None
) -> None:
    """Pass requests on; where answers are to be lost, hang up as soon as the server begins to give one."""
    with client, suppress(ConnectionRefusedError), socket.create_connection(server) as upstream:
        threading.Thread(target=_copy, args=(client, upstream, let), daemon=True).start()
        while data := _received(upstream):
            if not data.startswith(b"HTTP/1.1 100") and left[0] > 0:
                left[0] -= 1
                client.shutdown(socket.SHUT_RDWR)
                return
            client.sendall(data)


def _copy(source: socket.socket, target: socket.socket, let: Callable[[int], None]) -> None:
    while data := _received(source):
        try:
            target.sendall(data)
        except OSError:
            return
        let(len(data))


def _received(source: socket.socket) -> bytes:
    try:
        return source.recv(65536)
    except OSError:
        return b""
