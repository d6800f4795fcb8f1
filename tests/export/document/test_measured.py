"""Overlap in words."""

from __future__ import annotations

from cognify_core.export.document.measured import overlap
from cognify_core.model.evaluation_facts import Overlap, OverlapOfColumn

COLUMN = OverlapOfColumn(
    column="text",
    trained="text",
    dataset="notes",
    eval_texts=40,
    train_texts=900,
    exact=2,
    long_texts=30,
    overlapping=3,
    ngrams=500,
    ngrams_found=31,
)


def test_overlap_is_told_by_column() -> None:
    told = overlap(Overlap(status="compared", columns=(COLUMN,)))
    assert told == ("compared; column text against notes: 2 of 40 texts are training texts, 3 of 30 share an n-gram")


def test_texts_that_are_too_short_for_an_n_gram_are_no_count_of_none() -> None:
    nothing = {"long_texts": 0, "overlapping": 0, "ngrams": 0, "ngrams_found": 0}
    short = COLUMN.model_copy(update=nothing)
    told = overlap(Overlap(status="compared", columns=(short,)))
    assert told.endswith("2 of 40 texts are training texts, and none is long enough for an n-gram")


def test_where_it_was_partly_compared_it_names_what_was_not() -> None:
    told = overlap(
        Overlap(status="partly compared", columns=(COLUMN,), not_compared=("scans: no text", "web: a stream"))
    )
    assert told.startswith("partly compared; column text")
    assert told.endswith("; not compared: scans: no text and web: a stream")


def test_where_nothing_was_compared_no_number_stands_there() -> None:
    told = overlap(Overlap(status="not comparable", reason="the run names no training data"))
    assert told == "not comparable: the run names no training data"
