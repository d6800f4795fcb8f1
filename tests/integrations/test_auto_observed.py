"""Data files that a process opened: which are not data, what other processes open, and how many are listed."""

from __future__ import annotations

import json
import re
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

SPAWNED = """
import os, pathlib
from torch.utils.data import DataLoader, Dataset
class Files(Dataset):
    def __len__(self):
        return 2
    def __getitem__(self, place):
        return len(pathlib.Path("worker.txt").read_text())
if __name__ == "__main__":
    import cognify
    for name in ("worker.txt", "parent.txt"):
        os.system(f"echo 1 > {name}")
    pathlib.Path("parent.txt").read_text()
    (own,) = pathlib.Path(os.environ["COGNIFY_HOME"], "keys").glob("*.pub")
    own.read_text()
    with cognify.run():
        assert sum(map(sum, DataLoader(Files(), num_workers=1, multiprocessing_context="spawn"))) == 4
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


def test_what_is_too_large_to_hash_in_passing_is_counted_with_its_size(tmp_path: Path) -> None:
    program = (
        "import cognify, os, pathlib\n"
        "with open('huge.bin', 'wb') as file: os.truncate(file.fileno(), 33 << 30)\n"  # which takes no room on disk
        "pathlib.Path('small.csv').write_text('a')\n"
        "for name in ('huge.bin', 'small.csv'): open(name).close()\n"
        "with cognify.run():\n    pass\n"
    )
    ran = run(tmp_path / "ran", "-c", program, recorded=True)
    (package,) = ran.packages
    assert files_of(package).keys() == {"small.csv"}
    (gap,) = package["gaps"]
    assert gap["reason"] == f"1 more, {33 << 30} bytes: too many to hash in passing"


def test_openings_after_the_first_twenty_thousand_names_are_counted(tmp_path: Path) -> None:
    program = (
        "import cognify, contextlib\n"
        "for number in range(20_100):\n    with contextlib.suppress(OSError): open(f'{number}.csv')\n"
        "with cognify.run():\n    pass\n"
    )
    ran = run(tmp_path / "ran", "-c", program, recorded=True)
    (package,) = ran.packages
    (gap,) = package["gaps"]
    assert re.fullmatch(r"\d{3,} openings more were not looked at", gap["reason"])


def test_workers_that_are_started_anew_are_not_seen_and_our_own_home_is_no_data(tmp_path: Path) -> None:
    program = tmp_path / "train.py"
    program.write_text(SPAWNED)
    ran = run(tmp_path / "ran", program, recorded=True)
    assert ran.code == 0, ran.stderr
    assert files_of(ran.packages[0]).keys() == {"parent.txt"}
