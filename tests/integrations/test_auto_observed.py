"""Data files that a process opened: which are seen, which are not data, and how many are listed."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("pandas")

from tests.integrations.scripted import run

pytestmark = pytest.mark.slow

MAKE = """
import json, os, pathlib, sqlite3
import numpy, pandas, pyarrow, pyarrow.feather, pyarrow.parquet, safetensors.numpy
folder = pathlib.Path("data"); folder.mkdir()
rows = pandas.DataFrame({"text": ["a", "b"], "label": [0, 1]})
for name in ("csv", "pandas.csv"):
    rows.to_csv(folder / f"rows.{name}", index=False)
for name in ("pandas", "table", "file", "dataset"):
    rows.to_parquet(folder / f"{name}.parquet")
(folder / "many").mkdir()
for number in range(3):
    rows.to_parquet(folder / "many" / f"part{number}.parquet")
(folder / "rows.jsonl").write_text('{"text": "a"}\\n')
pyarrow.feather.write_feather(pyarrow.Table.from_pandas(rows), str(folder / "rows.feather"))
with pyarrow.OSFile(str(folder / "rows.arrow"), "wb") as sink, pyarrow.ipc.new_file(sink, pyarrow.schema([])) as writer:
    pass
safetensors.numpy.save_file({"w": numpy.zeros(3)}, folder / "weights.safetensors")
numpy.save(folder / "mapped.npy", numpy.zeros(30))
connection = sqlite3.connect(folder / "rows.db"); connection.execute("create table t (a)"); connection.commit()
os.utime(folder / "rows.db", (1e9, 1e9))  # one that was written meanwhile would be taken for a tracker's own
(folder / "plain").write_text("a corpus without a suffix")
"""

READS = {
    "plain": "open('data/plain').read()",
    "rows.csv": "import csv, io; list(csv.reader(io.open('data/rows.csv')))",
    "rows.pandas.csv": "import pandas; pandas.read_csv('data/rows.pandas.csv')",
    "pandas.parquet": "import pandas; pandas.read_parquet('data/pandas.parquet')",
    "table.parquet": "import pyarrow.parquet as pq; pq.read_table('data/table.parquet')",
    "file.parquet": "import pyarrow.parquet as pq; pq.ParquetFile('data/file.parquet').read()",
    "dataset.parquet": "import pyarrow.dataset as ds; ds.dataset('data/dataset.parquet').to_table()",
    "part2.parquet": "import pyarrow.parquet as pq; pq.read_table('data/many')",
    "rows.jsonl": "import pyarrow.json; pyarrow.json.read_json('data/rows.jsonl')",
    "rows.feather": "import pyarrow.feather as f; f.read_table('data/rows.feather')",
    "rows.arrow": "import pyarrow; pyarrow.memory_map('data/rows.arrow').size()",
    "weights.safetensors": "from safetensors.numpy import load_file; load_file('data/weights.safetensors')",
    "mapped.npy": "import numpy; kept = numpy.load('data/mapped.npy', mmap_mode='r')",
    "rows.db": "import sqlite3, pathlib; sqlite3.connect(pathlib.Path('data/rows.db').absolute().as_posix())",
}

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


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, dict[str, Any]]]:
    """A folder with data, and what was recorded of a process that read all of it."""
    folder = tmp_path_factory.mktemp("observed") / "ran"
    reads = "\n".join(READS.values())
    made = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {MAKE!r}], check=True)\n"
    ran = run(folder, "-c", f"{made}{reads}\nimport cognify\nwith cognify.run() as run:\n    pass\n", recorded=True)
    assert ran.code == 0, ran.stderr
    return folder, files_of(ran.packages[0])


def files_of(package: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The files of a package, by name."""
    said = [json.loads(line) for line in package["record"]["events"]]
    return {Path(each["location"]).name: each for each in said if each["kind"] == "dataset"}


@pytest.mark.parametrize("name", READS)
def test_a_file_that_was_read_is_listed_with_its_hash(name: str, seen: tuple[Path, dict[str, dict[str, Any]]]) -> None:
    folder, files = seen
    (path,) = (folder / "data").rglob(name)
    assert files[name]["hash"] == f"sha256:{sha256(path.read_bytes()).hexdigest()}"
    assert files[name]["role"] == "source"
    assert files[name]["facts"]["observed"]


def test_nothing_else_is_listed(seen: tuple[Path, dict[str, dict[str, Any]]]) -> None:
    assert seen[1].keys() - READS.keys() == {"part0.parquet", "part1.parquet"}


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
