"""Programs that fork, run apart from the process of the tests, which may have threads."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]


def run(*program: str) -> None:
    """Run the parts of a program one after the other; it must end well and say nothing."""
    of_forks = "ignore:This process:DeprecationWarning"  # Python 3.12 and newer warn of what is tested here
    command = [sys.executable, "-W", of_forks, "-c", "\n".join(program)]
    done = subprocess.run(command, check=False, cwd=REPOSITORY, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
