from __future__ import annotations

import random
from typing import Any

import datasets
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cognify_core.capture.row_align import hashes_of, unequal_blocks
from cognify_core.capture.row_diff import RowChange, diff_columns, diff_rows
from cognify_core.errors import CaptureError
from cognify_core.merkle import leaf_hash

ROWS: list[dict[str, Any]] = [{"n": i, "t": f"r{i}"} for i in range(300)]


def test_equal_datasets_do_not_differ() -> None:
    assert diff_rows(ROWS, pa.Table.from_pylist(ROWS)) == []
    assert diff_rows([], []) == []


def test_edited_rows_are_named_with_the_columns_that_differ() -> None:
    rows = list(ROWS)
    rows[7] = {"n": -7, "t": "r7"}
    rows[8] = {"n": -8, "t": "r8"}
    rows[9] = {"n": -9, "t": "x"}
    assert diff_rows(ROWS, rows) == [
        RowChange("changed", range(7, 9), range(7, 9), ("n",)),
        RowChange("changed", range(9, 10), range(9, 10), ("n", "t")),
    ]


def test_added_removed_and_moved_rows_are_named_by_where_they_stand() -> None:
    new = [*ROWS[:50], *ROWS[60:200], {"n": 0, "t": "new"}, *ROWS[200:299], {"n": 1, "t": "r299"}]
    assert diff_rows(ROWS, new) == [
        RowChange("removed", range(50, 60), range(50, 50)),
        RowChange("added", range(200, 200), range(190, 191)),
        RowChange("changed", range(299, 300), range(290, 291), ("n",)),
    ]
    assert [str(change) for change in diff_rows(ROWS, new)] == [
        "rows 50–59 removed",
        "row 190 added",
        "row 290 changed in n (was 299)",
    ]


def test_an_added_column_changes_every_row_in_it() -> None:
    new = [row | {"z": 1} for row in ROWS]
    assert diff_rows(ROWS, new) == [RowChange("changed", range(300), range(300), ("z",))]
    assert diff_columns(ROWS, new) == {"z": (None, "int")}


def test_renamed_classes_change_no_row_and_show_among_the_columns() -> None:
    def labelled(*names: str) -> datasets.Dataset:
        features = datasets.Features({"y": datasets.ClassLabel(names=list(names))})
        return datasets.Dataset.from_dict({"y": [0, 1]}, features=features)

    old, new = labelled("no", "yes"), labelled("yes", "no")
    assert diff_rows(old, new) == []
    assert diff_columns(old, new) == {"y": ({"class": ["no", "yes"]}, {"class": ["yes", "no"]})}


def test_a_shuffled_dataset_differs_from_the_plain_one_by_its_rows() -> None:
    dataset = datasets.Dataset.from_list(ROWS)
    assert diff_rows(dataset.shuffle(seed=1), dataset.shuffle(seed=1)) == []
    assert diff_rows(dataset, dataset.shuffle(seed=1))


def test_what_can_be_read_only_once_cannot_be_compared_column_by_column() -> None:
    with pytest.raises(CaptureError, match="only once"):
        diff_rows(pa.Table.from_pylist(ROWS).to_reader(), [ROWS[1], *ROWS[1:]])


def _leaves(words: list[int]) -> Any:
    return hashes_of(b"".join(leaf_hash(bytes([word])) for word in words))


@given(st.lists(st.integers(0, 5), max_size=30), st.lists(st.integers(0, 5), max_size=30))
def test_blocks_that_differ_turn_the_old_rows_into_the_new_ones(old: list[int], new: list[int]) -> None:
    rebuilt: list[int] = []
    at = 0
    for old_rows, new_rows in unequal_blocks(_leaves(old), _leaves(new)):
        assert not old_rows or not new_rows or len(old_rows) == len(new_rows)
        rebuilt += old[at : old_rows.start]
        assert len(rebuilt) == new_rows.start
        rebuilt += new[new_rows.start : new_rows.stop]
        at = old_rows.stop
    assert rebuilt + old[at:] == new


def test_large_datasets_that_were_shifted_are_aligned_fast() -> None:
    words = random.Random(3).sample(range(1 << 24), 200_000)
    old = hashes_of(b"".join(word.to_bytes(32, "big") for word in words))
    shifted = [*words[1000:150_000], 1 << 30, *words[150_000:]]
    new = hashes_of(b"".join(word.to_bytes(32, "big") for word in shifted))
    assert list(unequal_blocks(old, new)) == [
        (range(1000), range(0)),
        (range(150_000, 150_000), range(149_000, 149_001)),
    ]
