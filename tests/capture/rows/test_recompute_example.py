"""`examples/recompute_digest.py`, which shares no code with us, comes to our digests."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import save_file

from cognify_core.capture.rows import rows_outcome
from cognify_core.capture.tree import tree_outcome
from cognify_core.capture.weights import weights_from_files

ROOT = Path(__file__).parents[3]
FORMATS = ROOT / "tests" / "data" / "vectors" / "formats"


def _recomputed(what: str, path: Path) -> str:
    script = ROOT / "examples" / "recompute_digest.py"
    done = subprocess.run([sys.executable, script, what, path], capture_output=True, check=True, text=True)
    return done.stdout.strip()


def test_the_example_is_short_and_knows_nothing_of_us() -> None:
    text = (ROOT / "examples" / "recompute_digest.py").read_text()
    assert len(text.splitlines()) < 60
    assert "cognify_core" not in text
    assert "import cognify" not in text


@pytest.mark.parametrize(("name", "answer"), json.loads((FORMATS / "answers.json").read_bytes()).items())
def test_it_comes_to_the_known_answers(name: str, answer: dict[str, str]) -> None:
    assert _recomputed("rows", FORMATS / f"{name}.arrow") == answer["digest"]


def test_it_comes_to_our_digest_of_rows(tmp_path: Path) -> None:
    widths = (pa.int8(), pa.uint16(), pa.float32(), pa.uint64())
    table = pa.table(
        {
            "text": ["é", None, ""],
            "label": pa.array([1, -70_000, 2**63 - 1]),
            "messages": [[{"role": "user", "content": "hi"}] * 30, [], None],
            **{f"l_{type_}": pa.array([[1, 2], [None], []], pa.list_(type_)) for type_ in widths},
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    assert _recomputed("rows", tmp_path / "a.parquet") == str(rows_outcome(tmp_path / "a.parquet").hash)


def test_it_comes_to_our_digest_of_a_tree(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / ".hidden").write_bytes(b"x")
    (tmp_path / "b.txt").write_bytes(b"y")
    (tmp_path / "é").write_bytes(b"")
    assert _recomputed("tree", tmp_path) == str(tree_outcome(tmp_path).hash)


def test_it_comes_to_our_digest_of_weights(tmp_path: Path) -> None:
    tensors = {"b.weight": np.ones((2, 3), np.float16), "a": np.array(5), "é": np.zeros(0, np.uint8)}
    save_file(tensors, tmp_path / "m.safetensors", metadata={"format": "pt"})
    assert _recomputed("weights", tmp_path / "m.safetensors") == str(
        weights_from_files(tmp_path / "m.safetensors").hash
    )
