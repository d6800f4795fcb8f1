"""Trainings in processes of their own: what hangs says where, and what torch spoils of itself is begun again."""

from __future__ import annotations

import faulthandler
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
_SECONDS = 200
"""A training that takes as long hangs: under load it takes 60."""
_BARE_TRIALS = 2


def tell_where_it_hangs() -> None:
    """For the trainings themselves: this process ends with the stacks of its threads if it is still there then."""
    faulthandler.dump_traceback_later(_SECONDS, exit=True)


def train(command: Sequence[str], environment: Mapping[str, str], *, recorded: bool, succeeds: bool = True) -> str:
    """Run a training to its end, and give what it printed.

    A bare one has nothing of ours in it, and is there to be compared with. That gloo aborts or hangs now and then is
    torch's own affair: such a one is begun again. A recorded one is not.
    """
    console = ""
    for _ in range(1 if recorded else _BARE_TRIALS):
        done = subprocess.run(
            [sys.executable, *command],
            cwd=REPOSITORY,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_SECONDS + 30,
            check=False,
        )
        console = done.stdout
        if (done.returncode == 0) is succeeds:
            return console
    raise AssertionError(console[-8000:])
