"""Overlap of texts, against the same thing done slowly with sets of text."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import pytest

pytest.importorskip("numpy")
pytest.importorskip("pyarrow")

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from cognify_core.capture.overlap import EvalTexts, Found, text_columns, texts_of
from cognify_core.capture.sources import open_source

words = st.lists(st.sampled_from(["a", "b", "C", "c", "ﬁ", "fi", "ß", "SS", "İ"]), max_size=7).map(" ".join)
texts = st.lists(st.none() | words | st.text(max_size=12), max_size=12)


def normal(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def grams(text: str, n: int) -> set[tuple[str, ...]]:
    said = normal(text).split()
    return {tuple(said[at : at + n]) for at in range(len(said) - n + 1)}


def slowly(evaluated: Sequence[str | None], trained: Sequence[str | None], n: int) -> Found:
    mine, theirs = ([text for text in side if text is not None] for side in (evaluated, trained))
    wholes = {normal(text) for text in theirs}
    known = set().union(*(grams(text, n) for text in theirs))
    found = [grams(text, n) for text in mine]
    own = set().union(*found)
    return Found(
        eval_texts=len(mine),
        train_texts=len(theirs),
        exact=sum(normal(text) in wholes for text in mine),
        long_texts=sum(bool(each) for each in found),
        overlapping=sum(bool(each & known) for each in found),
        ngrams=len(own),
        ngrams_found=len(own & known),
        cut=0,
        left_out=0,
    )


def quickly(evaluated: Sequence[str | None], *batches: Sequence[str | None], n: int) -> Found:
    side = EvalTexts.of(evaluated, n=n)
    counts = side.counts()
    for batch in batches:
        side.look(batch, counts)
    return side.found(counts)


@given(texts, texts, st.integers(1, 4))
def test_what_overlaps_is_what_sets_of_text_find(
    evaluated: list[str | None], trained: list[str | None], n: int
) -> None:
    assert quickly(evaluated, trained, n=n) == slowly(evaluated, trained, n)


@given(texts, texts, st.integers(0, 12))
def test_it_does_not_matter_how_training_texts_are_cut_into_batches(
    evaluated: list[str | None], trained: list[str | None], at: int
) -> None:
    assert quickly(evaluated, trained[:at], trained[at:], n=2) == quickly(evaluated, trained, n=2)


@given(texts)
def test_a_text_overlaps_with_itself(evaluated: list[str | None]) -> None:
    found = quickly(evaluated, evaluated, n=2)
    assert (found.exact, found.overlapping, found.ngrams_found) == (found.eval_texts, found.long_texts, found.ngrams)


def test_thirteen_words_in_the_middle_of_a_text_are_found() -> None:
    quoted = " ".join(f"word{number}" for number in range(13))
    evaluated = ["before " + quoted.upper() + " after", quoted.rpartition(" ")[0] + " other"]
    found = quickly(evaluated, [f"quite\n another  {quoted} text"], n=13)
    assert (found.exact, found.overlapping, found.long_texts) == (0, 1, 2)


def test_texts_that_are_too_long_are_cut_and_counted() -> None:
    found = quickly(["x" * 1_000_001], ["y " * 600_000], n=13)
    assert found.cut == 2
    assert found.exact == 0


def test_ngrams_that_do_not_fit_into_memory_are_left_out_and_counted() -> None:
    side = EvalTexts.of(["a b c d", "e f g h", "i"], n=2, max_ngrams=4)
    found = side.found(side.counts())
    assert (found.left_out, found.long_texts, found.eval_texts) == (1, 1, 3)


def test_columns_of_text_are_told_and_read_however_they_are_stored() -> None:
    stored = pa.table(
        {
            "plain": ["a", None],
            "large": pa.array(["b", "c"], pa.large_string()),
            "coded": pa.array(["d", "d"]).dictionary_encode(),
            "number": [1, 2],
            "nested": [["e"], ["f"]],
        }
    )
    source = open_source(stored)
    assert text_columns(source) == ["plain", "large", "coded"]
    assert [[text for batch in texts_of(source, name) for text in batch] for name in text_columns(source)] == [
        ["a", None],
        ["b", "c"],
        ["d", "d"],
    ]
