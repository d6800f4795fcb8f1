"""Whether a command starts a Python that will load `cognify_auto.pth`: found out before it is started."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from cognify_core.errors import ConfigurationError

_PYTHON = re.compile(r"(python|pypy)[\d.]*t?")
_WITH_AN_ARGUMENT = "WX"  # options of one letter that take the next word; with c and m the options end
_ASKED = "IESsPb"  # options that decide about what an interpreter loads, and nothing else
_PATIENCE_SECONDS = 60
_PROBE = """
import sys
if "cognify_integrations.auto" not in sys.modules:
    from importlib.util import find_spec
    sys.exit(11 if sys.flags.no_site else 12 if find_spec("cognify_integrations") is None else 13)
"""
_MENDS = {
    11: "without `site` (-S) Python loads nothing by itself: leave -S out, or add CognifyCallback() to the script",
    12: f"it cannot import cognify: install cognify-audit into it, or name the Python that has it, {sys.executable}",
    13: "cognify_auto.pth is not in its site-packages: install cognify-audit into it with pip",
}


def find(command: Sequence[str], environment: Mapping[str, str]) -> str:
    """The path of the program that `command` starts.

    Raises:
        ConfigurationError: there is none.
    """
    program = shutil.which(command[0], path=environment.get("PATH"))
    if program is None:
        raise ConfigurationError(f"{command[0]!r}: no such program; to run a script, write `python {command[0]}`")
    return program


def check(program: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
    """Look whether what `program` does with the words of `command` is recorded.

    Raises:
        ConfigurationError: it is no Python, or a Python in which nothing would be recorded.
    """
    python = _python_of(program, command)
    if python is None:
        raise ConfigurationError(
            f"{program} is not Python: write `cognify run --` right before the python or torchrun that trains"
        )
    _probe(python, environment)


def _python_of(program: str, command: Sequence[str]) -> list[str] | None:
    """The interpreter of a program, with the options that it is given; None where it is no Python."""
    if _PYTHON.fullmatch(Path(program).name):
        return [program, *_options(command[1:])]
    with Path(program).open("rb") as file:
        lines = file.read(4096).split(b"\n")
    if not lines[0].startswith(b"#!"):
        return None
    words = shlex.split(os.fsdecode(lines[0][2:]))
    if words[:1] == ["/bin/sh"] and len(lines) > 1 and lines[1].startswith(b"'''exec' "):  # pip's, for long paths
        words = shlex.split(os.fsdecode(lines[1].removeprefix(b"'''exec' ")))[:1]
    if words and Path(words[0]).name == "env":
        words = [word for word in words[1:] if word != "-S"]
    if not words or not _PYTHON.fullmatch(Path(words[0]).name):
        return None
    return [words[0], *_options(words[1:])]


def _options(words: Sequence[str]) -> list[str]:
    """Those of an interpreter's options that decide about what it loads."""
    found: list[str] = []
    rest = iter(words)
    for word in rest:
        if not word.startswith("-") or word in ("-", "--"):
            break
        if word.startswith("--"):
            if word == "--check-hash-based-pycs":
                next(rest, None)
            continue
        for place, letter in enumerate(word[1:], start=2):
            if letter in "cm":
                return found
            if letter in _WITH_AN_ARGUMENT:
                if place == len(word):
                    next(rest, None)
                break
            if letter in _ASKED:
                found.append(f"-{letter}")
    return found


def _probe(python: Sequence[str], environment: Mapping[str, str]) -> None:
    """Start the interpreter, as it will be started, for a moment."""
    command = [*python, "-c", _PROBE]
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, stdin=subprocess.DEVNULL, timeout=_PATIENCE_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigurationError(f"{python[0]} cannot be started: {error}") from error
    if done.returncode == 0:
        return
    last = os.fsdecode(done.stderr.strip().rpartition(b"\n")[2])[:200]
    mend = _MENDS.get(done.returncode, f"a trial ended with exit code {done.returncode}: {last or 'it said nothing'}")
    raise ConfigurationError(f"{' '.join(python)}: nothing would be recorded; {mend}")
