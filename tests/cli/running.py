"""Ways to run the command line: in this process, as a process of its own, and in a terminal."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from cognify_core.cli import app

ROOT = Path(__file__).parents[2]
PROGRAM = [sys.executable, "-c", "import sys; from cognify_core.cli import app; sys.argv[0] = 'cognify'; app()"]


def environment(home: Path, **more: str) -> dict[str, str]:
    """Nothing of the developer's own settings, and the checkout importable."""
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "COGNIFY_HOME": str(home), "HOME": str(home)} | more


def cognify(folder: Path, *words: object) -> Result:
    """Run a command in this process, on `folder/home`."""
    return CliRunner().invoke(app, ["--home", str(folder / "home"), *map(str, words)])


def json_of(folder: Path, *words: object, code: int = 0) -> Any:
    """Run a command with `--json`; what it writes to stdout is one document."""
    result = cognify(folder, *words, "--json")
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def as_process(folder: Path, *words: object) -> subprocess.CompletedProcess[str]:
    """Run a command as a process of its own, in `folder`, on `folder/home`."""
    command = [*PROGRAM, *map(str, words)]
    where = environment(folder / "home")
    return subprocess.run(command, cwd=folder, env=where, capture_output=True, text=True, check=False, timeout=120)


def in_terminal(folder: Path, *words: object, columns: int, says: str = "") -> str:
    """What a command shows in a terminal of so many columns, in which somebody types what he `says`."""
    main, side = pty.openpty()
    command = [*PROGRAM, *map(str, words)]
    where = environment(folder / "home", COLUMNS=str(columns), TERM="xterm")
    with subprocess.Popen(command, cwd=folder, env=where, stdin=side, stdout=side, stderr=side):
        os.close(side)
        os.write(main, says.encode())
        shown = b"".join(iter(lambda: _read(main), b""))
    os.close(main)
    return shown.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux's way to say that the other side is closed
        return b""
