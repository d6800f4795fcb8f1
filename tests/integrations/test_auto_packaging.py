"""`cognify_auto.pth` goes where Python looks for it, however the project is installed."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("hatchling")

from tests.integrations.scripted import ROOT


@pytest.mark.slow
def test_a_wheel_puts_the_line_that_starts_us_into_site_packages(tmp_path: Path) -> None:
    """That an editable install does so too is shown by every test of `cognify run`: `make setup` makes one."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel:standard", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        assert packed.read("cognify_auto.pth") == (ROOT / "cognify_auto.pth").read_bytes()
