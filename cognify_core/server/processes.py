"""A server's processes: one, or several that share a socket and a database in PostgreSQL; and how they end.

SIGTERM and Ctrl-C let open requests come to their end, for `GRACE_SECONDS` at most, and close the store.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import ssl
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from cognify_core.errors import CognifyError, ConfigurationError, StoreError
from cognify_core.server.wire import Wire
from cognify_core.store.sql import POSTGRES, open_store

if TYPE_CHECKING:
    from fastapi import FastAPI

    from cognify_core.settings import Settings

GRACE_SECONDS = 30
_log = logging.getLogger("cognify.server")
_COUNTS = "PROMETHEUS_MULTIPROC_DIR"
"""The variable by which the client of Prometheus finds the folder in which processes count together."""


@dataclass(frozen=True, slots=True)
class Listening:
    """Where a server listens, and with how many processes."""

    host: str
    port: int
    certificate: Path | None = None
    key: Path | None = None
    workers: int = 1
    behind_tls: bool = False
    """A proxy speaks TLS before it."""

    def check(self) -> None:
        """Refuse a certificate that no client could be shown.

        Raises:
            ConfigurationError: it is none, or the key is another's, or under a passphrase.
        """
        if self.certificate is None:
            return
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.certificate, self.key, password="")
        except (OSError, ValueError) as error:
            raise ConfigurationError(
                f"{self.certificate} and {self.key} are no certificate and its key: {error}"
            ) from error

    def bind(self) -> socket.socket:
        """A socket that is bound; connections wait until a process takes them.

        Raises:
            ConfigurationError: the address cannot be had.
        """
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        bound = socket.socket(family)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((self.host, self.port))
        except OSError as error:
            bound.close()
            raise ConfigurationError(f"cannot listen on {self.host} port {self.port}: {error.strerror}") from error
        bound.set_inheritable(True)
        return bound

    def url(self, bound: socket.socket) -> str:
        """Where the API is, for people."""
        host, port = bound.getsockname()[:2]
        scheme = "http" if self.certificate is None else "https"
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}/v2"


def check_workers(settings: Settings, workers: int) -> None:
    """Refuse several processes where they would only wait for one another.

    Raises:
        ConfigurationError: the store is a file.
    """
    if workers > 1 and not str(settings.store_place).startswith(POSTGRES):
        raise ConfigurationError(
            f"--workers {workers}: several processes serve a store in PostgreSQL alone; a file takes one writer at once"
        )


def serve(settings: Settings, listening: Listening, told: Callable[[str], None]) -> None:
    """Serve until somebody ends it; the store is there, and of the schema of this Cognify.

    Args:
        settings: what every process of it works by.
        listening: where, and how many.
        told: is given the URL, once connections are taken.

    Raises:
        ConfigurationError: the address cannot be had, or the certificate is none.
        StoreError: no process could begin.
    """
    listening.check()
    with listening.bind() as bound, _counted_together(listening.workers):
        config = _config(settings, listening)
        bound.listen(config.backlog)
        told(listening.url(bound))
        if listening.workers == 1:
            began = _one(uvicorn.Server(config), bound)
        else:
            began = _several(Multiprocess(config, [bound]))
    if not began:
        raise StoreError("the server could not begin: its log says why")


def _config(settings: Settings, listening: Listening) -> uvicorn.Config:
    return uvicorn.Config(
        partial(_application, settings, behind_tls=listening.behind_tls),
        factory=True,
        lifespan="on",
        workers=listening.workers,
        ssl_certfile=listening.certificate,
        ssl_keyfile=listening.key,
        http=Wire,
        ws="none",
        server_header=False,
        proxy_headers=False,
        log_level="warning",
        h11_max_incomplete_event_size=64 << 10,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=GRACE_SECONDS,
        timeout_worker_healthcheck=60,
        limit_concurrency=500,
    )


def _application(settings: Settings, *, behind_tls: bool) -> FastAPI:
    """What one process serves. It is called in that process."""
    from cognify_core.server.app import make_app

    try:
        return make_app(settings, open_store(settings.store_place), behind_tls=behind_tls)
    except CognifyError as error:
        _log.error("%s", error)
        raise SystemExit(STARTUP_FAILURE) from error


def _one(server: uvicorn.Server, bound: socket.socket) -> bool:
    """Serve in this process; whether it could. uvicorn raises the signal that ended it once more, when all is done."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt, SystemExit):
        server.run([bound])
    return server.started


def _several(processes: Multiprocess) -> bool:
    """Serve in processes that are begun anew when they die; whether they could."""
    processes.run()
    return all(process.exitcode != STARTUP_FAILURE for process in processes.processes)


def _counted_together(workers: int) -> AbstractContextManager[object]:
    """Have what each process counts for Prometheus lie where all of them read it."""
    if workers == 1:
        return nullcontext()
    folder = TemporaryDirectory(prefix="cognify-counts-")
    os.environ[_COUNTS] = folder.name
    return folder
