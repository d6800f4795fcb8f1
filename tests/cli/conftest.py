from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.running import environment

TWO_RUNS = """
import pathlib
import cognify

pathlib.Path("rows.jsonl").write_text('{"text": "a", "label": 0}\\n{"text": "b", "label": 1}\\n')
pathlib.Path("model").mkdir()
pathlib.Path("model/weights.bin").write_bytes(bytes(1000))
with cognify.run("sealed", project="clinical-nlp") as run:
    run.config({"learning_rate": 0.01}, name="toy")
    run.dataset("rows.jsonl", name="patient_notes", schema_version="3")
    run.log({"loss": 0.5}, step=1)
    run.log({"loss": float("nan")}, step=2)
    run.checkpoint("model", step=2)
with cognify.run("open [red]\\x1b[31m\\u202e", project="clinical-nlp", seal="manual") as run:
    cognify.note("line one\\nline two \\x1b]0;pwned\\x07", kind="limitation")
"""


@pytest.fixture(scope="session")
def unopened(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of `workspace`, as it is before anybody looks: it is copied, nothing else."""
    folder = tmp_path_factory.mktemp("unopened")
    command = [sys.executable, "-c", TWO_RUNS]
    subprocess.run(command, cwd=folder, env=environment(folder / "home"), check=True, timeout=120)
    return folder


@pytest.fixture(scope="session")
def workspace(unopened: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `home` (one sealed run, one that is not), `rows.jsonl` and `model`. Not to be changed."""
    return Path(shutil.copytree(unopened, tmp_path_factory.mktemp("workspace"), dirs_exist_ok=True))


@pytest.fixture
def unread(unopened: Path, tmp_path: Path) -> Path:
    """As `mine`, with nobody in its access log: other tests read the runs that `mine` is a copy of."""
    return Path(shutil.copytree(unopened, tmp_path / "unread"))


@pytest.fixture
def mine(workspace: Path, tmp_path: Path) -> Path:
    """A copy of the workspace, to be changed at will."""
    return Path(shutil.copytree(workspace, tmp_path / "mine"))
