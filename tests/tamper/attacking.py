"""A home with real sealed runs and real packages, and what somebody who owns its files can do to them."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cognify_core import api
from cognify_core.api.exporting import Package
from cognify_core.canonical import encode, parse
from cognify_core.errors import CannotVerifyError, CognifyError, VerificationError
from cognify_core.verify.report import Report


@dataclass(frozen=True)
class Home:
    """A `COGNIFY_HOME` with a run that has an addendum and two packages, and a run beside it."""

    path: Path
    run: str
    addendum: str
    other: str
    early: Path
    """The package that was made before the addendum."""
    late: Path
    """The package that holds it."""

    @property
    def database(self) -> Path:
        """The store's file."""
        return self.path / "cognify.db"

    @property
    def keys(self) -> Path:
        """The folder of the key ring."""
        return self.path / "keys"

    def copied_to(self, path: Path) -> Home:
        """A copy, to be attacked, with which this process works from now on."""
        shutil.copytree(self.path, path)
        use(path)
        moved = (path / package.relative_to(self.path) for package in (self.early, self.late))
        return Home(path, self.run, self.addendum, self.other, *moved)

    def edit(self, *statements: str | tuple[str, tuple[object, ...]]) -> None:
        """Drop every trigger, then do as the statements (alone, or with their parameters) say."""
        with sqlite3.connect(self.database) as connection:
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                connection.execute(f"DROP TRIGGER {name}")
            for statement in statements:
                connection.execute(*((statement,) if isinstance(statement, str) else statement))
        connection.close()

    def events(self, run_id: str) -> list[bytes]:
        """The bytes of a run's events, as they are in the file."""
        with sqlite3.connect(self.database) as connection:
            query = "SELECT event FROM events WHERE run_id = ? ORDER BY seq"
            found = [event for (event,) in connection.execute(query, (run_id,))]
        connection.close()
        return found


def use(path: Path, store: str | None = None) -> None:
    """Let this process work in a home, with the store of that URL where one is given."""
    api.init(home=path, quiet=True, project="tests", mode="on", store=store)


def leave() -> None:
    """Let go of the home that this process works in."""
    session = api.this_session()
    session.settle(timeout=30)
    session.workspace.close()


def new_home(path: Path) -> Home:
    """Record, seal and export for real."""
    use(path / "home")
    checkpoint = path / "step-1"
    checkpoint.mkdir(parents=True)
    (checkpoint / "weights.bin").write_bytes(b"\1" * 1000)
    with api.run("victim") as run:
        run.config({"learning_rate": 0.1})
        run.log({"loss": 0.5}, step=1)
        run.checkpoint(checkpoint, step=1)
        api.note("fails on negation", kind="limitation")
    with api.run("bystander") as other:
        other.config({"learning_rate": 0.2})
    early = api.export_audit(run.id).path
    api.eval({"f1": 0.5}, name="holdout", run_id=run.id)
    late = api.export_audit(run.id).path
    (row,) = api.this_session().workspace.store.addenda(run.id)
    leave()
    return Home(path / "home", run.id, row.run_id, other.id, early, late)


def improved(event: bytes, **fields: Any) -> bytes:
    """An event with other fields, in the form in which events are written."""
    return encode(json.loads(event) | fields)


def without_log(payload: bytes) -> bytes:
    """A statement that names no ledger, as none would that has to be found there."""
    statement = parse(payload)
    del statement["predicate"]["log"]
    return encode(statement)


def rewritten(package: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Edit a package file where it lies."""
    value = parse(package.read_bytes())
    change(value)
    package.write_bytes(encode(value))


def refused(ask: Callable[..., object], *args: Any, **options: Any) -> CognifyError:
    """The error that an attacked home gives instead of an answer."""
    try:
        answer = ask(*args, **options)
    except CognifyError as error:
        return error
    raise AssertionError(f"{answer!r} was given, and should have been refused")


def report_of(target: str | Path | Package, **options: Any) -> Report:
    """What verification says of something, whether it holds or not."""
    try:
        return api.verify(target, **options)
    except (VerificationError, CannotVerifyError) as error:
        if not isinstance(error.report, Report):
            raise
        return error.report
