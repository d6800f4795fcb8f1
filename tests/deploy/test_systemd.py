"""The unit, read by systemd's own programs: nothing in it that they do not know, and little that it lets through."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.deploy.files import written
from tests.installed import needs

pytestmark = needs("systemd-analyze")
PROGRAM = ("/opt/cognify/bin/cognify", "/bin/true")


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    written("postgresql.conf", tmp_path / "cognify.service.d" / "postgresql.conf", PROGRAM)
    return written("cognify.service", tmp_path / "cognify.service", PROGRAM)


def analyze(*words: object) -> subprocess.CompletedProcess[str]:
    command = ["systemd-analyze", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={"PATH": "/usr/bin:/bin"})


def test_systemd_finds_nothing_to_say_against_the_unit_and_its_drop_in(unit: Path) -> None:
    told = analyze("verify", "--man=no", unit)
    assert (told.returncode, told.stdout + told.stderr) == (0, "")


@pytest.mark.parametrize("name", ["cognify.service", "cognify.service.d/postgresql.conf"])
def test_systemd_would_find_a_word_that_it_does_not_know(unit: Path, name: str) -> None:
    with (unit.parent / name).open("a") as file:
        file.write("[Service]\nProtectEverything=yes\n")
    assert "Unknown key" in analyze("verify", "--man=no", unit).stderr


def test_the_unit_lets_little_through(unit: Path) -> None:
    told = analyze("security", "--offline=true", unit).stdout
    level = re.search(r"exposure level for cognify\.service: ([\d.]+)", told)
    assert level is not None, told
    assert float(level[1]) <= 2.0
