"""Data files that a process opened: which are not data, what other processes open, and how many are listed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

from tests.integrations.scripted import run

pytestmark = pytest.mark.slow

FORKED = """
import os, pathlib
from torch.utils.data import DataLoader, Dataset
class Files(Dataset):
    def __len__(self):
        return 8
    def __getitem__(self, place):
        return len(pathlib.Path(f"item{place}.txt").read_text())
for place in range(8):
    path = pathlib.Path(f"item{place}.txt")
    descriptor = os.open("/dev/null", os.O_RDONLY); os.close(descriptor)
    os.system(f"echo {place} > {path}")
import cognify
with cognify.run() as run:
    assert sum(map(sum, DataLoader(Files(), num_workers=2))) == 16
"""


def files_of(package: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The files of a package, by name."""
    said = [json.loads(line) for line in package["record"]["events"]]
    return {Path(each["location"]).name: each for each in said if each["kind"] == "dataset"}


def test_what_dataloader_workers_opened_is_listed(tmp_path: Path) -> None:
    ran = run(tmp_path / "ran", "-c", FORKED, recorded=True)
    assert ran.code == 0, ran.stderr
    files = files_of(ran.packages[0])
    assert {name for name in files if name.startswith("item")} == {f"item{place}.txt" for place in range(8)}
    assert files["item3.txt"]["facts"]["observed"] == "open in a forked process"


def test_more_files_than_can_be_hashed_in_passing_are_counted(tmp_path: Path) -> None:
    program = (
        "import os, cognify, pathlib\n"
        "os.system('for n in $(seq 150); do echo $n > n$n.csv; done')\n"
        "with cognify.run() as run:\n    [path.read_text() for path in pathlib.Path().glob('*.csv')]\n"
    )
    ran = run(tmp_path / "ran", "-c", program, recorded=True)
    (package,) = ran.packages
    assert len(files_of(package)) == 100
    (gap,) = package["gaps"]
    assert gap["subject"] == "observed files"
    assert gap["reason"].startswith("50 more, ")


def test_what_the_training_wrote_itself_is_no_data_when_it_reads_it_again(tmp_path: Path) -> None:
    program = (
        "import pathlib, cognify\n"
        "before, after = pathlib.Path('before.csv'), pathlib.Path('after.csv')\n"
        "before.write_text('a'); before.read_text()\n"
        "with cognify.run() as run:\n    after.write_text('a'); after.read_text()\n"
    )
    ran = run(tmp_path / "ran", "-c", program, recorded=True)
    assert files_of(ran.packages[0]).keys() == {"before.csv"}
