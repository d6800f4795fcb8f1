"""How many evaluation texts stand in training texts, whole or in part.

Two texts are the same when they are equal after NFKC, case folding and making each run of white space one space. Parts
are n-grams of words, 13 by custom (Brown et al., *Language Models are Few-Shot Learners*, 2020, app. C).

The evaluation texts are held as 8-byte hashes, and the training texts stream past: memory is bounded by the former.
A single false match of 64-bit hashes, between 5 million n-grams and 10 billion others, has a chance of 1 in 370.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np
import pyarrow as pa

from cognify_core.capture.parts import Source
from cognify_core.turns import let_others_run

NORMALISATION = "NFKC, casefold, each run of white space one space"
WORDS = 13
MAX_NGRAMS = 5_000_000
MAX_CHARACTERS = 1_000_000
_TEXTS_AT_ONCE = 256
_FACTOR = np.uint64(0x9E3779B97F4A7C15)  # odd, so that no bit of a word is lost


@dataclass(slots=True)
class Counts:
    """What was found in one column of training texts."""

    train_texts: int = 0
    cut: int = 0
    seen: Any = None
    """Which of the different whole texts were found."""
    seen_ngrams: Any = None


@dataclass(frozen=True, slots=True)
class Found:
    """The comparison of one column of evaluation texts with one of training texts."""

    eval_texts: int
    train_texts: int
    exact: int
    long_texts: int
    overlapping: int
    ngrams: int
    ngrams_found: int
    cut: int
    left_out: int


@dataclass(slots=True)
class EvalTexts:
    """The evaluation texts of one column, as hashes. Made by `of`."""

    n: int
    """How many words are an n-gram."""
    wholes: Any
    """Sorted different hashes of whole texts."""
    whole_of: Any
    """The place in `wholes` of each text."""
    ngrams: Any
    places: list[Any]
    """The places in `ngrams` of those of each text that has any."""
    cut: int = 0
    left_out: int = 0

    @classmethod
    def of(cls, texts: Iterable[str | None], *, n: int = WORDS, max_ngrams: int = MAX_NGRAMS) -> EvalTexts:
        """Hash the evaluation texts; those that are null are none."""
        wholes: list[int] = []
        parts: list[Any] = []
        cut = left_out = held = 0
        for text in texts:
            if text is None:
                continue
            normal, was_cut = _normal(text)
            wholes.append(hash(normal))
            cut += was_cut
            found = np.unique(_ngrams(normal, n))
            if held + len(found) > max_ngrams:
                left_out += 1
            elif len(found):
                held += len(found)
                parts.append(found)
        known, whole_of = np.unique(np.array(wholes, dtype=np.int64), return_inverse=True)
        ngrams = np.unique(np.concatenate(parts)) if parts else np.empty(0, dtype=np.uint64)
        return cls(n, known, whole_of, ngrams, [np.searchsorted(ngrams, part) for part in parts], cut, left_out)

    @property
    def key(self) -> bytes:
        """The same for the same texts, in this process."""
        return sha256(self.n.to_bytes(8, "big") + self.wholes.tobytes() + b"|" + self.whole_of.tobytes()).digest()

    def counts(self) -> Counts:
        """Nothing is found yet."""
        return Counts(0, 0, np.zeros(len(self.wholes), dtype=bool), np.zeros(len(self.ngrams), dtype=bool))

    def look(self, texts: Sequence[str | None], counts: Counts) -> None:
        """Mark what stands in these training texts."""
        for start in range(0, len(texts), _TEXTS_AT_ONCE):
            hashes = []
            for text in texts[start : start + _TEXTS_AT_ONCE]:
                if text is not None:
                    normal, was_cut = _normal(text)
                    hashes.append(hash(normal))
                    counts.cut += was_cut
                    if len(self.ngrams):
                        _mark(self.ngrams, _ngrams(normal, self.n), counts.seen_ngrams)
            counts.train_texts += len(hashes)
            _mark(self.wholes, np.array(hashes, dtype=np.int64), counts.seen)
            let_others_run()

    def found(self, counts: Counts) -> Found:
        """What has been found, counted by evaluation text."""
        return Found(
            eval_texts=len(self.whole_of),
            train_texts=counts.train_texts,
            exact=int(counts.seen[self.whole_of].sum()) if len(self.whole_of) else 0,
            long_texts=len(self.places),
            overlapping=sum(bool(counts.seen_ngrams[places].any()) for places in self.places),
            ngrams=len(self.ngrams),
            ngrams_found=int(counts.seen_ngrams.sum()),
            cut=self.cut + counts.cut,
            left_out=self.left_out,
        )


def text_columns(source: Source) -> list[str]:
    """The columns that hold text."""
    return [each.name for each in source.schema if _is_text(each.type)]


def texts_of(source: Source, column: str) -> Iterator[list[str | None]]:
    """The texts of a column, a batch at a time.

    Raises:
        CaptureError: something cannot be read.
    """
    for part in source.parts:
        for batch in part.projected([column]).batches():
            for start in range(0, batch.num_rows, _TEXTS_AT_ONCE):
                yield batch.column(0).slice(start, _TEXTS_AT_ONCE).to_pylist()


def _is_text(kind: Any) -> bool:
    stored = kind.value_type if pa.types.is_dictionary(kind) else kind
    return str(stored) in ("string", "large_string", "string_view")


def _normal(text: str) -> tuple[str, bool]:
    """The text in its normal form, and whether only its beginning."""
    cut = len(text) > MAX_CHARACTERS
    return " ".join(unicodedata.normalize("NFKC", text[:MAX_CHARACTERS]).casefold().split()), cut


def _ngrams(normal: str, n: int) -> Any:
    """A hash of every n words that follow each other."""
    words = normal.split(" ")
    if len(words) < n or not normal:
        return np.empty(0, dtype=np.uint64)
    hashes = np.fromiter(map(hash, words), dtype=np.int64, count=len(words)).view(np.uint64)
    found = np.zeros(len(words) - n + 1, dtype=np.uint64)
    for place in range(n):  # Horner's rule, modulo 2^64
        found = found * _FACTOR + hashes[place : place + len(found)]
    return found ^ (found >> np.uint64(32))


def _mark(known: Any, met: Any, seen: Any) -> None:
    if len(known) and len(met):
        places = np.searchsorted(known, met)
        places[places == len(known)] = 0
        seen[places[known[places] == met]] = True
