"""Inside a `datasets.IterableDataset`: a link in its chain of examples that digests what comes through.

The chain ends with what converts and formats rows for whoever iterates. The link stands just before that, so rows are
digested as they are stored, as those of a `datasets.Dataset` are, and keeps no state of its own: a stream that was
interrupted resumes from the same `state_dict` with and without it.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from cognify_core.capture.stream import Watch
from cognify_core.capture.stream_tap import Tap

CHOOSING = ("filter", "repeat", "reshard", "shard", "shuffle", "skip", "take", "with_format", "_resolve_features")
"""Methods that give a stream of the same rows, or of some of them."""

# Outermost first; each stands there at most once.
_CONVERTING = ("FormattedExamplesIterable", "RebatchedArrowExamplesIterable")
_NOT_PASSED_ON = ("ex_iterables", "shift_rngs")  # who asks for them goes on to `ex_iterable` where they are not there


class WatchedExamples:
    """A link that gives what `ex_iterable` gives, as it is."""

    def __init__(self, ex_iterable: Any, watch: Watch, *, known: Mapping[str, Any], tap: Tap | None = None) -> None:
        self.ex_iterable = ex_iterable
        self._cognify_watch, self._known, self._tap = watch, known, tap

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        tap = self._tap or self._cognify_watch.tap(**self._known)
        try:
            for key, example in self.ex_iterable:
                tap.take(example)
                yield key, example
        finally:
            self._end(tap)

    @property
    def iter_arrow(self) -> Any:
        """How to iterate over tables, where the chain can."""
        return self._iter_arrow if self.ex_iterable.iter_arrow else None

    def _iter_arrow(self) -> Iterator[tuple[Any, Any]]:
        tap = self._tap or self._cognify_watch.tap(**self._known)
        try:
            for key, table in self.ex_iterable.iter_arrow():
                tap.load(table)
                yield key, table
        finally:
            self._end(tap)

    def shuffle_data_sources(self, *args: Any, **kwargs: Any) -> WatchedExamples:
        """The same link, before shuffled sources."""
        return self._before(self.ex_iterable.shuffle_data_sources(*args, **kwargs))

    def shard_data_sources(self, *args: Any, **kwargs: Any) -> WatchedExamples:
        """The same link, before some of the sources."""
        return self._before(self.ex_iterable.shard_data_sources(*args, **kwargs))

    def reshard_data_sources(self, *args: Any, **kwargs: Any) -> WatchedExamples:
        """The same link, before sources that were cut smaller."""
        return self._before(self.ex_iterable.reshard_data_sources(*args, **kwargs))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name in _NOT_PASSED_ON or "ex_iterable" not in vars(self):
            raise AttributeError(name)
        return getattr(self.ex_iterable, name)

    def _before(self, ex_iterable: Any) -> WatchedExamples:
        return WatchedExamples(ex_iterable, self._cognify_watch, known=self._known, tap=self._tap)

    def _end(self, tap: Tap) -> None:
        if self._tap is None:
            tap.end()


def inserted(prepared: Any, watch: Watch, known: Mapping[str, Any], tap: Tap | None) -> Any:
    """A chain that is ready to be iterated, with a link before what converts."""
    converting, below = [], prepared
    for name in _CONVERTING:
        if type(below).__name__ == name:
            converting.append(copy.copy(below))
            below = below.ex_iterable
    chain: Any = WatchedExamples(below, watch, known=known, tap=tap)
    for each in reversed(converting):
        each.ex_iterable = chain
        chain = each
    return chain


def known_columns(dataset: Any) -> dict[str, Any]:
    """What a `datasets.IterableDataset` knows of its columns, for a `Tap`."""
    features = getattr(dataset, "features", None)
    return {} if features is None else {"schema": features.arrow_schema, "features": features.to_dict()}
