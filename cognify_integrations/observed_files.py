"""Which of the files that a process opened are data, rather than a part of Python, of the system, or of our own."""

from __future__ import annotations

import os
import re
import stat
import sys
import sysconfig
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path

from cognify_integrations.observed import MOST_NAMES

DATA = frozenset(
    {".arrow", ".avro", ".bin", ".bz2", ".csv", ".db", ".feather", ".gguf", ".gz", ".h5", ".hdf5", ".jsonl", ".mdb"}
    | {".msgpack", ".ndjson", ".npy", ".npz", ".orc", ".parquet", ".pickle", ".pkl", ".pt", ".safetensors", ".sqlite"}
    | {".sqlite3", ".tar", ".tfrecord", ".tgz", ".tsv", ".xz", ".zip", ".zst"}
)
"""Suffixes of data wherever they lie, inside of Python's own folders too."""

_SYSTEM = ("/proc/", "/dev/", "/sys/", "/etc/", "/run/", "/usr/", "/lib", "/var/lib/", "/opt/")
_NOISE = re.compile(
    r"/__pycache__/|/\.git/|/\.config/|/\.triton/|/\.cache/(?!huggingface/|torch/)|/torchinductor_|/torchelastic_"
    r"|/\.(netrc|gitconfig|bashrc|profile)$|\.(lock|sock|pid|ini|cfg|toml)$"
    r"|/huggingface/(token|stored_tokens)$|/(models|datasets|spaces)--[^/]+/(refs|\.no_exist)/"
)
_MAPPED = re.compile(r" \d+ +(/.*)$", re.MULTILINE)


def data_files(
    names: Iterable[tuple[str, str]], ours: Path, of_model: Callable[[Path], bool], *, since: float
) -> Iterator[tuple[Path, str]]:
    """Of files that were seen, those that are data or a model's, with how they were seen; a folder gives its files.

    Args:
        names: paths, each with how it was seen.
        ours: our own folder, of which nothing is data.
        of_model: whether a file is a model's.
        since: when the process began; a database that was written since then is where it tracks, not what it reads.
    """
    python = _python()
    passed_over = (f"{ours}{os.sep}", *_caches())
    for name, how in names:
        for path in _within(Path(name), folders=not how.startswith("open")):
            place, in_python = str(path), str(path).startswith(python)
            if place.startswith(passed_over) or _NOISE.search(place):
                continue
            if how.startswith("sqlite3") and path.stat().st_mtime >= since:
                continue
            if in_python:
                if path.suffix.lower() in DATA or of_model(path):
                    yield path, how
            elif not place.startswith(_SYSTEM):
                yield path, how


def mapped() -> list[tuple[str, str]]:
    """The data files that this process has mapped into its memory."""
    try:
        maps = Path("/proc/self/maps").read_text(errors="surrogateescape")
    except OSError:
        return []
    names = dict.fromkeys(_MAPPED.findall(maps))
    return [(name, "/proc/self/maps") for name in names if Path(name).suffix.lower() in DATA]


def _within(path: Path, *, folders: bool) -> Iterator[Path]:
    """A regular file itself; of a folder that a reader was given, the data files in it."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return
    if stat.S_ISREG(mode):
        yield path
    elif folders and stat.S_ISDIR(mode):
        within = islice(path.rglob("*"), MOST_NAMES)
        yield from sorted(each for each in within if each.suffix.lower() in DATA and each.is_file())


def _python() -> tuple[str, ...]:
    places = {sys.prefix, sys.base_prefix, sys.exec_prefix, *sysconfig.get_paths().values()}
    return tuple(f"{place.rstrip(os.sep)}{os.sep}" for place in sorted(places))


def _caches() -> tuple[str, ...]:
    """Where `datasets` keeps what it has made of sources: rows are hashed where they are fed."""
    given = os.environ
    home = Path(given.get("HF_HOME") or Path(given.get("XDG_CACHE_HOME") or "~/.cache", "huggingface"))
    return (f"{Path(given.get('HF_DATASETS_CACHE') or home / 'datasets').expanduser()}{os.sep}",)
