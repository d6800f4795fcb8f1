"""What `tests/prepare.py` installs, as tests find it. Where it is missing a test skips, and says so.

In CI it fails: there `tests/prepare.py` has run as root, and something is wrong.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

from tests.prepare import IN_CI, NODE

MODULES = Path(os.environ.get("COGNIFY_TEST_NODE", NODE)) / "node_modules"
"""Where npm's packages lie."""


def find(program: str) -> str | None:
    """The path of a program: the system's, or npm's."""
    return shutil.which(program) or shutil.which(program, path=str(MODULES / ".bin"))


def lacking(what: str, brought_by: str = "tests/prepare.py") -> NoReturn:
    """End a test for which something is not installed."""
    told = f"{what} is not installed; {brought_by} does that"
    if IN_CI:
        pytest.fail(told)
    pytest.skip(told)


def the(program: str) -> str:
    """The path of a program that the test needs."""
    return find(program) or lacking(program)


def needs(*programs: str, package: str | None = None) -> pytest.MarkDecorator:
    """A mark for tests that need programs, and a package of npm's; in CI they run without a look, and fail there."""
    missing = [program for program in programs if find(program) is None]
    if package is not None and not (MODULES / package).is_dir():
        missing.append(package)
    told = f"{', '.join(missing)} not installed; tests/prepare.py does that"
    return pytest.mark.skipif(bool(missing) and not IN_CI, reason=told)
