"""The page for whoever runs a server, command by command: its roles, its upgrade, its backups and its restores."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest

from cognify_core.seal.keys import KeyRing
from tests.cli.running import PROGRAM, cognify, environment
from tests.deploy.files import DEPLOY
from tests.docs.blocks import ROOT, blocks
from tests.ledger.homes import Lived, live
from tests.servers.postgres import PASSWORD, Server
from tests.tamper.attacking import leave

PAGE = "docs/deploy.md"
MIGRATE, FSCK, BACK_UP, RESTORE, DUMP, LOAD = blocks(PAGE, "bash")
(ROLES,) = blocks(PAGE, "sql")
GRANTS = blocks("docs/postgresql.md", "sql")[0].replace("recorder", "cognify_server")
PASSPHRASE = "a passphrase"


@dataclass
class Operator:
    """Somebody with a shell in a folder, and the commands of the page."""

    folder: Path
    home: Path
    more: dict[str, str] = field(default_factory=dict)

    def run(self, script: str, code: int = 0) -> str:
        """Run commands of the page, one after the other; what they print."""
        programs = self.folder / "programs"
        programs.mkdir(exist_ok=True)
        (programs / "cognify").write_text(f'#!/bin/sh\nexec {shlex.join(PROGRAM)} "$@"\n')
        (programs / "cognify").chmod(0o755)
        given = environment(self.home, COGNIFY_KEY_PASSPHRASE=PASSPHRASE, COGNIFY_QUIET="1", **self.more)
        given["PATH"] = f"{programs}:{self.more.get('PROGRAMS', '')}:{os.environ['PATH']}"
        command = ["bash", "-euo", "pipefail", "-c", script]
        done = subprocess.run(
            command, cwd=self.folder, env=given, capture_output=True, text=True, check=False, timeout=300
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr


def record(home: Path, store: str | None = None) -> Lived:
    """A home with runs in every state, and its private keys under a passphrase."""
    lived = live(home.parent, store)
    KeyRing(home / "keys").protect(PASSPHRASE.encode())
    return lived


AGAIN = 'from cognify_core import api\nwith api.run("later"):\n    pass'


@pytest.mark.slow
def test_a_home_is_backed_up_and_restored_as_the_page_says(tmp_path: Path) -> None:
    lived = record(tmp_path / "home")
    operator = Operator(tmp_path, tmp_path / "home")
    operator.run(BACK_UP)
    assert "holds" in operator.run(FSCK)
    assert "holds" in operator.run(RESTORE)
    restored = Operator(tmp_path, tmp_path / "restored")
    assert lived.sealed in restored.run(f"cognify verify {lived.sealed}")


@pytest.mark.slow
def test_a_restored_home_that_lacks_what_came_since_is_called_rolled_back(tmp_path: Path) -> None:
    record(tmp_path / "home")
    operator = Operator(tmp_path, tmp_path / "home")
    operator.run(BACK_UP)
    operator.run(f"{PROGRAM[0]} -c '{AGAIN}'; cognify ledger head --output head.txt")
    assert "rolled back" in operator.run(RESTORE, code=1)


@dataclass(frozen=True)
class Databases:
    """A server of databases as its administrator has it, with the roles of the page."""

    server: Server

    def url(self, who: str, database: str = "cognify") -> str:
        return self.server.url(database, user=who, password=PASSWORD)


@pytest.fixture
def databases(server: Server) -> Iterator[Databases]:
    with psycopg.connect(server.url("postgres"), autocommit=True) as administrator:
        for statement in filter(str.strip, ROLES.split(";")):
            administrator.execute(statement.encode())
        for role in ("cognify_owner", "cognify_server"):
            administrator.execute(f"ALTER ROLE {role} PASSWORD '{PASSWORD}'".encode())
        administrator.execute("ALTER ROLE cognify_owner CREATEDB")  # to restore into a database of its own
    yield Databases(server)
    for name in ("cognify", "cognify_restored"):
        server.administrate(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    for role in ("cognify_owner", "cognify_server"):
        server.administrate(f"DROP ROLE {role}")


def give(databases: Databases, database: str) -> None:
    """The grants, by the owner."""
    with psycopg.connect(databases.url("cognify_owner", database)) as owner:
        owner.execute(GRANTS.encode())


def triggers(url: str) -> list[tuple[object, ...]]:
    query = (
        "SELECT tgrelid::regclass::text, tgname, tgenabled, prosecdef FROM pg_trigger"
        " JOIN pg_proc ON tgfoid = pg_proc.oid WHERE NOT tgisinternal ORDER BY 1, 2"
    )
    with psycopg.connect(url) as connection:
        return connection.execute(query.encode()).fetchall()


@pytest.mark.slow
def test_a_database_is_made_worked_in_dumped_and_restored_as_the_page_says(
    databases: Databases, tmp_path: Path
) -> None:
    stores = {
        "OWNERS_STORE": databases.url("cognify_owner"),
        "COGNIFY_STORE": databases.url("cognify_server"),
        "RESTORED_STORE": databases.url("cognify_owner", "cognify_restored"),
        "PROGRAMS": str(databases.server.programs),
    }
    operator = Operator(tmp_path, tmp_path / "home", stores)
    operator.run(MIGRATE)
    give(databases, "cognify")
    lived = record(tmp_path / "home", databases.url("cognify_server"))
    assert triggers(databases.url("cognify_owner")) != []
    said = operator.run(DUMP)
    assert "the store is not in it: back up postgresql://" in said
    assert PASSWORD not in said
    operator.run("cognify ledger head --output head.txt")
    assert "holds" in operator.run(LOAD)
    give(databases, "cognify_restored")
    assert triggers(stores["RESTORED_STORE"]) == triggers(databases.url("cognify_owner"))
    with (
        psycopg.connect(stores["RESTORED_STORE"]) as owner,
        pytest.raises(psycopg.Error, match="events are never changed"),
    ):
        owner.execute("UPDATE events SET kind = 'note'")
    there = databases.url("cognify_server", "cognify_restored")
    restored = Operator(tmp_path, tmp_path / "restored", stores | {"COGNIFY_STORE": there})
    assert lived.sealed in restored.run(f"cognify verify {lived.sealed}")
    restored.run(f"{PROGRAM[0]} -c '{AGAIN}'; cognify ledger fsck --head head.txt")
    restored.run("cognify ledger head --output later.txt")
    assert "rolled back" in operator.run("cognify ledger fsck --head later.txt", code=1)


def test_the_page_names_files_that_are_there_and_each_of_them() -> None:
    text = (ROOT / PAGE).read_text("utf-8")
    named = {name.removeprefix("deploy/") for name in re.findall(r"deploy/[\w.-]+", text)}
    assert named == {path.name for path in DEPLOY.iterdir()}


def test_the_server_takes_the_options_that_are_given_to_it(tmp_path: Path) -> None:
    sources = [ROOT / PAGE, *DEPLOY.iterdir()]
    lines = [
        line for source in sources for line in source.read_text("utf-8").splitlines() if re.search(r"\bserve\b", line)
    ]
    used = {option for line in lines for option in re.findall(r"--[a-z-]+", line.replace('"', ""))}
    told = cognify(tmp_path, "serve", "--help").output
    assert {"--behind-tls", "--workers", "--host"} <= used
    assert [option for option in sorted(used) if option not in told] == []
    leave()
