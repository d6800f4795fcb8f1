"""Scripts that know MLflow and not us, run as their users run them, and what is left of them."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import textwrap
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from cognify_core.model.events import Body, DatasetSeen, Gap, Metrics, Phase, RunOpened, parse_event
from cognify_core.model.numbers import plain_number
from cognify_core.seal.keys import KeyRing
from cognify_core.store.protocol import RunRow
from cognify_core.store.sql import SqlStore, open_store
from cognify_core.verify.package import check_package_file
from cognify_core.verify.report import Report
from tests.integrations.mlflow_stores import begin_database

SQLITE = "cognify+sqlite:///mlflow.db"
SCRIPT = """
    import mlflow, mlflow.data, pandas
    open("rows.csv", "w").write("a,b\\n1.5,x\\n")
    with mlflow.start_run(run_name="first") as run:
        mlflow.log_param("lr", 0.001)
        mlflow.log_params({"epochs": 2, "api_key": "tell-nobody"})
        for step in range(120):
            mlflow.log_metric("loss", 1 / (step + 1), step=step)
        mlflow.log_metrics({"f1": 0.5, "nan": float("nan")}, step=7)
        mlflow.set_tags({"team": "ml", "gone": "soon"})
        mlflow.delete_tag("gone")
        rows = mlflow.data.from_pandas(pandas.read_csv("rows.csv"), source="rows.csv", name="notes")
        mlflow.log_input(rows, context="training")
        mlflow.log_text("hello", "note.txt")
    print(run.info.run_id)
"""


@dataclass
class Recorded:
    """One run of ours, read back."""

    store: SqlStore
    row: RunRow
    home: Path

    @cached_property
    def bodies(self) -> list[Body]:
        return [parse_event(event).body for event in self.store.events(self.row.run_id)]

    @property
    def opened(self) -> RunOpened:
        first = self.bodies[0]
        assert isinstance(first, RunOpened)
        return first

    @property
    def mlflow_id(self) -> str:
        return self.opened.tags["mlflow.run_id"]

    @property
    def points(self) -> dict[str, list[tuple[int, float]]]:
        """Metrics by name: step and value, in order."""
        found: dict[str, list[tuple[int, float]]] = {}
        for body in self.bodies:
            for step, name, value in body.points if isinstance(body, Metrics) else ():
                found.setdefault(name, []).append((step, plain_number(value)))
        return found

    def said(self, what: str) -> list[dict[str, Any]]:
        """What phases of the name `mlflow.<what>` say."""
        return [body.facts for body in self.bodies if isinstance(body, Phase) and body.phase == f"mlflow.{what}"]

    def merged(self, what: str) -> dict[str, str]:
        """All parameters, or tags, that were said one after another."""
        return {key: value for facts in self.said(what) for key, value in facts[what].items()}

    @property
    def gaps(self) -> list[Gap]:
        return [body for body in self.bodies if isinstance(body, Gap)]

    @property
    def datasets(self) -> dict[str, DatasetSeen]:
        return {body.name: body for body in self.bodies if isinstance(body, DatasetSeen)}

    @cached_property
    def package(self) -> dict[str, Any]:
        read: dict[str, Any] = json.loads(self._package.read_bytes())
        return read

    def verify(self) -> Report:
        """Check the package alone, with the key of its home."""
        return check_package_file(self._package, trusted=KeyRing(self.home / "keys").trusted())

    @property
    def _package(self) -> Path:
        return Path(self.store.receipts(self.row.run_id)[-1].path)


@dataclass
class Done:
    """A script that has ended."""

    folder: Path
    home: Path
    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @cached_property
    def store(self) -> SqlStore:
        return open_store(self.home / "cognify.db")

    @property
    def runs(self) -> list[Recorded]:
        """Every run, oldest first."""
        return [Recorded(self.store, row, self.home) for row in reversed(self.store.runs())]

    @property
    def run(self) -> Recorded:
        """The only run."""
        (only,) = self.runs
        return only


def environment(folder: Path, uri: str | None = SQLITE, **more: str) -> dict[str, str]:
    """What a user's shell has, with a home of the test's own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("COGNIFY_", "MLFLOW_"))}
    tracking = {} if uri is None else {"MLFLOW_TRACKING_URI": uri}
    return {
        **kept,
        **tracking,
        "COGNIFY_HOME": str(folder / "home"),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "OMP_NUM_THREADS": "1",
        "HF_HUB_OFFLINE": "1",
        "GIT_PYTHON_REFRESH": "quiet",
        **more,
    }


def run_script(
    folder: Path, code: str, *, uri: str | None = SQLITE, expect: int = 0, is_first: bool = False, **more: str
) -> Done:
    """Run a script in a folder of its own and wait for its end; `is_first` where it is to make MLflow's database."""
    environ = environment(folder, uri, **more)
    if uri in (SQLITE, SQLITE.removeprefix("cognify+")) and not is_first and not (folder / "mlflow.db").exists():
        begin_database(folder)
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == expect, done.stdout + done.stderr
    return Done(folder, Path(environ["COGNIFY_HOME"]), done.returncode, done.stdout, done.stderr)


def database(folder: Path, query: str) -> list[Any]:
    """What MLflow's own database holds."""
    with closing(sqlite3.connect(folder / "mlflow.db")) as connection:
        return connection.execute(query).fetchall()
