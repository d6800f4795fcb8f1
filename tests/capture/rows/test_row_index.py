from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cognify_core.canonical import parse
from cognify_core.capture.row_diff import RowChange, locate_changes
from cognify_core.capture.row_index import IndexBuilder, RowIndex, read_index
from cognify_core.capture.rows import rows_outcome
from cognify_core.errors import FormatError, VerificationError
from cognify_core.merkle import HASH_SIZE, leaf_hash, root_hash


def _table(rows: int) -> pa.Table:
    return pa.table({"n": pa.array(range(rows), pa.int64())})


def _indexed(data: pa.Table, path: Path, cap: int = 16 << 20) -> str:
    """Write the index of `data`; return the root in its manifest."""
    builder = IndexBuilder(cap)
    manifest = rows_outcome(data, sink=builder.add).manifest
    builder.index().write(path)
    assert manifest is not None
    root: str = parse(manifest)["root"]
    return root


@pytest.mark.parametrize("rows", [0, 1, 3, 4096, 4097, 20_000])
@pytest.mark.parametrize("cap", [32, 4096, 100_000, 16 << 20])
def test_an_index_leads_to_the_root_in_the_manifest(rows: int, cap: int, tmp_path: Path) -> None:
    root = _indexed(_table(rows), tmp_path / "i", cap)
    index = read_index(tmp_path / "i", root)
    assert index.rows == rows
    assert len(index.hashes) <= max(cap, HASH_SIZE)
    assert index.height == 0 or 2 * len(index.hashes) + HASH_SIZE > cap


@given(st.integers(0, 70), st.integers(0, 7))
def test_nodes_of_any_height_lead_to_the_same_root(rows: int, height: int) -> None:
    leaves = [leaf_hash(bytes([n])) for n in range(rows)]
    nodes = [root_hash(leaves[at : at + (1 << height)]) for at in range(0, rows, 1 << height)]
    assert RowIndex(height, rows, b"".join(nodes)).root() == root_hash(leaves)


def test_an_index_that_was_changed_is_refused(tmp_path: Path) -> None:
    root = _indexed(_table(100), tmp_path / "i")
    whole = (tmp_path / "i").read_bytes()
    (tmp_path / "i").write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(VerificationError, match="i does not lead to the root"):
        read_index(tmp_path / "i", root)
    (tmp_path / "i").write_bytes(whole[:-32])
    with pytest.raises(VerificationError, match="which 100 rows do not have"):
        read_index(tmp_path / "i", root)


def test_an_index_of_other_rows_is_refused(tmp_path: Path) -> None:
    root = _indexed(_table(100), tmp_path / "i")
    _indexed(_table(101), tmp_path / "other")
    with pytest.raises(VerificationError, match="other does not lead to the root"):
        read_index(tmp_path / "other", root)


@pytest.mark.parametrize("head", ["{", "{}", '{"format":"cognify.row-index/v1"}', "[]"])
def test_what_is_no_index_is_refused(head: str, tmp_path: Path) -> None:
    (tmp_path / "i").write_text(f"{head}\n")
    with pytest.raises(FormatError):
        read_index(tmp_path / "i")


def _edited(table: pa.Table, row: int) -> pa.Table:
    values = table["n"].to_pylist()
    values[row] = -1
    return pa.table({"n": pa.array(values, pa.int64())})


def test_a_changed_row_is_found_by_the_index(tmp_path: Path) -> None:
    root = _indexed(_table(9000), tmp_path / "i")
    found = locate_changes(tmp_path / "i", _edited(_table(9000), 8191), root=root)
    assert found == [RowChange("changed", range(8191, 8192), range(8191, 8192))]
    assert locate_changes(tmp_path / "i", _table(9000), root=root) == []


def test_an_index_above_its_cap_names_the_range_of_the_changed_row(tmp_path: Path) -> None:
    root = _indexed(_table(9000), tmp_path / "i", cap=10_000)
    index = read_index(tmp_path / "i", root)
    (found,) = locate_changes(tmp_path / "i", _edited(_table(9000), 8191), root=root)
    assert index.height == 5
    assert found.new == range(8191 // 32 * 32, 8191 // 32 * 32 + 32)


def test_appended_and_cut_rows_are_found_by_the_index(tmp_path: Path) -> None:
    _indexed(_table(5000), tmp_path / "i")
    assert locate_changes(tmp_path / "i", _table(5003)) == [RowChange("added", range(5000, 5000), range(5000, 5003))]
    assert locate_changes(tmp_path / "i", _table(4000)) == [RowChange("removed", range(4000, 5000), range(4000, 4000))]
