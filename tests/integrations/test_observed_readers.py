"""Every reader that docs/without-code.md names: what it reads is listed, with how that was seen and its hash."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("pandas")
pytest.importorskip("safetensors")

from tests.integrations.scripted import run

pytestmark = pytest.mark.slow

HOOK = "open"
MAPS = "/proc/self/maps"

READS = {
    "open.txt": (HOOK, "open('open.txt').read()"),
    "without_suffix": (HOOK, "open('without_suffix').read()"),
    "io.csv": (HOOK, "import csv, io; list(csv.reader(io.open('io.csv')))"),
    "os.csv": (HOOK, "os.close(os.open('os.csv', os.O_RDONLY))"),
    "pathlib.txt": (HOOK, "pathlib.Path('pathlib.txt').read_text()"),
    "compressed.jsonl.gz": (HOOK, "import gzip; gzip.open('compressed.jsonl.gz').read()"),
    "archive.zip": (HOOK, "import zipfile; zipfile.ZipFile('archive.zip').namelist()"),
    "pandas.csv": (HOOK, "pandas.read_csv('pandas.csv')"),
    "pandas.jsonl": (HOOK, "pandas.read_json('pandas.jsonl', lines=True)"),
    "numpy.npy": (HOOK, "numpy.load('numpy.npy')"),
    "numpy.txt": (HOOK, "numpy.loadtxt('numpy.txt')"),
    "torch.pt": (HOOK, "torch.load('torch.pt')"),
    "mapped.txt": (
        HOOK,
        "import mmap; source = open('mapped.txt'); mmap.mmap(source.fileno(), 0, access=mmap.ACCESS_READ)",
    ),
    "sqlite.db": ("sqlite3", "sqlite3.connect(pathlib.Path('sqlite.db').absolute().as_posix()).close()"),
    "path.db": ("sqlite3", "sqlite3.connect(pathlib.Path('path.db')).close()"),
    "pandas.parquet": ("pandas.io.parquet.read_parquet", "pandas.read_parquet('pandas.parquet')"),
    "pandas.feather": ("pandas.io.feather_format.read_feather", "pandas.read_feather('pandas.feather')"),
    "pandas.orc": ("pandas.io.orc.read_orc", "pandas.read_orc('pandas.orc')"),
    "table.parquet": ("pyarrow.parquet.read_table", "pyarrow.parquet.read_table('table.parquet')"),
    "path.parquet": ("pyarrow.parquet.read_table", "pyarrow.parquet.read_table(source=pathlib.Path('path.parquet'))"),
    "file.parquet": ("pyarrow.parquet.ParquetFile", "pyarrow.parquet.ParquetFile('file.parquet').read()"),
    "set.parquet": ("pyarrow.parquet.ParquetDataset", "pyarrow.parquet.ParquetDataset('set.parquet').read()"),
    "part.parquet": ("pyarrow.parquet.read_table", "pyarrow.parquet.read_table('folder')"),
    "arrow.csv": ("pyarrow.csv.read_csv", "pyarrow.csv.read_csv('arrow.csv')"),
    "stream.csv": ("pyarrow.csv.open_csv", "pyarrow.csv.open_csv('stream.csv').read_all()"),
    "arrow.jsonl": ("pyarrow.json.read_json", "pyarrow.json.read_json('arrow.jsonl')"),
    "stream.jsonl": ("pyarrow.json.open_json", "pyarrow.json.open_json('stream.jsonl').read_all()"),
    "table.feather": ("pyarrow.feather.read_table", "pyarrow.feather.read_table('table.feather')"),
    "frame.feather": ("pyarrow.feather.read_feather", "pyarrow.feather.read_feather('frame.feather')"),
    "table.orc": ("pyarrow.orc.read_table", "pyarrow.orc.read_table('table.orc')"),
    "file.orc": ("pyarrow.orc.ORCFile", "pyarrow.orc.ORCFile('file.orc').read()"),
    "dataset.parquet": ("pyarrow.dataset.dataset", "pyarrow.dataset.dataset('dataset.parquet').to_table()"),
    "list.parquet": ("pyarrow.dataset.dataset", "pyarrow.dataset.dataset(['list.parquet']).to_table()"),
    "memory_map.arrow": ("pyarrow.memory_map", "pyarrow.memory_map('memory_map.arrow').size()"),
    "os_file.arrow": ("pyarrow.OSFile", "pyarrow.OSFile('os_file.arrow').size()"),
    "opened.safetensors": ("safetensors.safe_open", "safetensors.safe_open('opened.safetensors', 'pt').keys()"),
    "numpy.safetensors": ("safetensors.safe_open", "safetensors.numpy.load_file('numpy.safetensors')"),
    "torch.safetensors": ("safetensors.safe_open", "safetensors.torch.load_file('torch.safetensors')"),
    "kept.npy": (HOOK, "kept = numpy.load('kept.npy', mmap_mode='r')"),
    "native.arrow": (MAPS, "mapped = read_natively('native.arrow')"),
}
"""By the name of its file: how it is seen, and the reader."""

UNSEEN = {
    "subprocess.csv": "subprocess.run([sys.executable, '-S', '-c', \"open('subprocess.csv').read()\"], check=True)",
    "tokenizers.json": "import tokenizers; tokenizers.Tokenizer.from_file('tokenizers.json')",
    "deleted.csv": "open('deleted.csv').read(); os.remove('deleted.csv')",
    "settings.toml": "open('settings.toml').read()",
    "training.lock": "open('training.lock').read()",
}

MAKE = """
import gzip, json, os, pathlib, sqlite3, zipfile
import numpy, pandas, pyarrow, pyarrow.feather, pyarrow.orc, safetensors.numpy, tokenizers, torch
rows = pandas.DataFrame({"text": ["a", "b"], "label": [0, 1]})
table = pyarrow.Table.from_pandas(rows)
pathlib.Path("folder").mkdir()
for name in NAMES:
    path, kind = pathlib.Path("folder" if name == "part.parquet" else ".", name), name.rpartition(".")[2]
    if kind == "parquet":
        rows.to_parquet(path)
    elif kind == "csv":
        rows.to_csv(path, index=False)
    elif kind == "jsonl":
        path.write_text(json.dumps({"text": name}) + "\\n")
    elif kind == "feather":
        pyarrow.feather.write_feather(table, str(path))
    elif kind == "orc":
        pyarrow.orc.write_table(table, str(path))
    elif kind == "arrow":
        with pyarrow.OSFile(name, "wb") as sink, pyarrow.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
    elif kind == "safetensors":
        safetensors.numpy.save_file({"w": numpy.full(3, len(name))}, path)
    elif kind == "npy":
        numpy.save(path, numpy.full(30, len(name)))
    elif kind == "pt":
        torch.save(torch.zeros(3), path)
    elif kind == "gz":
        path.write_bytes(gzip.compress(b'{"text": "a"}'))
    elif kind == "zip":
        zipfile.ZipFile(path, "w").writestr("rows.csv", "a")
    elif kind == "db":
        connection = sqlite3.connect(path)
        connection.execute("create table t (a)")
        connection.commit()
        os.utime(path, (1e9, 1e9))  # one that was written meanwhile is taken for where a tracker writes
    elif kind == "json":
        tokenizers.Tokenizer(tokenizers.models.WordLevel({"a": 0}, "a")).save(name)
    else:
        path.write_text("1 2 3")
"""

PRELUDE = """
import ctypes, os, pathlib, sqlite3, subprocess, sys
import numpy, pandas, torch, safetensors, safetensors.numpy, safetensors.torch
import pyarrow, pyarrow.csv, pyarrow.dataset, pyarrow.feather, pyarrow.json, pyarrow.orc, pyarrow.parquet
import cognify
def read_natively(name):  # as a library written in C does, of which Python sees nothing
    c = ctypes.CDLL(None, use_errno=True)
    c.mmap.restype = ctypes.c_void_p
    descriptor = c.open(name.encode(), os.O_RDONLY)
    return c.mmap(None, ctypes.c_size_t(4096), 1, 2, descriptor, ctypes.c_long(0))
"""


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, dict[str, Any]]]:
    """A folder with data, and what was recorded of one process that read all of it, each file in its own way."""
    folder = tmp_path_factory.mktemp("observed") / "ran"
    make = f"NAMES = {[*READS, *UNSEEN]!r}\n{MAKE}"
    made = f"import subprocess, sys\nsubprocess.run([sys.executable, '-S', '-c', {_with_paths(make)!r}], check=True)\n"
    reads = "\n".join([*(read for _, read in READS.values()), *UNSEEN.values()])
    ran = run(folder, "-c", f"{made}{PRELUDE}{reads}\nwith cognify.run():\n    pass\n", recorded=True)
    assert ran.code == 0, ran.stderr
    (package,) = ran.packages
    said = [json.loads(line) for line in package["record"]["events"]]
    return folder, {Path(each["location"]).name: each for each in said if each["kind"] == "dataset"}


def _with_paths(code: str) -> str:
    """The same program for a Python without `site`, which nobody watches."""
    import sys

    return f"import sys\nsys.path[:0] = {[path for path in sys.path if path]!r}\n{code}"


@pytest.mark.parametrize("name", READS)
def test_a_file_that_was_read_is_listed_with_how_and_its_hash(
    name: str, seen: tuple[Path, dict[str, dict[str, Any]]]
) -> None:
    folder, files = seen
    (path,) = folder.rglob(name)
    assert files[name]["hash"] == f"sha256:{sha256(path.read_bytes()).hexdigest()}"
    assert files[name]["role"] == "source"
    assert files[name]["facts"]["observed"] == READS[name][0]


@pytest.mark.parametrize("name", UNSEEN)
def test_what_the_page_says_is_not_listed_is_not(name: str, seen: tuple[Path, dict[str, dict[str, Any]]]) -> None:
    assert name not in seen[1]


def test_nothing_else_is_listed(seen: tuple[Path, dict[str, dict[str, Any]]]) -> None:
    assert seen[1].keys() == READS.keys()
