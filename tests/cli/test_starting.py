from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cognify_core.version import RECORDER
from tests.cli.running import as_process, environment

HEAVY = "torch transformers pyarrow sqlalchemy alembic cryptography datasets pandas rich"


@pytest.mark.parametrize("words", [["--help"], ["verify", "--help"], ["keys", "--help"], ["keys", "trust", "--help"]])
def test_help_loads_nothing_heavy(words: list[str], tmp_path: Path) -> None:
    script = (
        "import sys\nfrom cognify_core.cli import app\n"
        f"try:\n    app({words!r})\nexcept SystemExit as end:\n    assert end.code == 0\n"
        f"print(sorted(set(sys.modules) & set('{HEAVY}'.split())), file=sys.stderr)"
    )
    command = [sys.executable, "-c", script]
    result = subprocess.run(command, env=environment(tmp_path), capture_output=True, text=True, check=True)
    assert result.stderr == "[]\n"


def test_version_names_the_distribution(tmp_path: Path) -> None:
    assert as_process(tmp_path, "--version").stdout == f"{RECORDER}\n"


@pytest.mark.parametrize("words", [["no-such-command"], ["show", "--no-such-option"], ["discard"], []])
def test_wrong_usage_ends_with_2_and_leaves_stdout_empty_of_verdicts(words: list[str], tmp_path: Path) -> None:
    result = as_process(tmp_path, *words)
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
