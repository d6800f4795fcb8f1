"""Streams seen through a class that watches them: what is to be used in a stream's place, and is one like it.

The watched object is an instance of a class derived from the stream's own, made here, and has the very attributes of
the stream: one `__dict__`. So `isinstance` holds, methods work as before, and who sets an attribute of one sets it of
both. Where no such class can be made, a plain object stands before the stream.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Generator, Iterator
from functools import cache
from typing import Any, SupportsIndex

from cognify_core.capture import stream_datasets
from cognify_core.capture.stream import Watch
from cognify_core.capture.stream_kinds import is_of
from cognify_core.capture.stream_tap import Tap

_DEPTH = 32


class WatchedStream:
    """The part that watches, of a class that is derived from a stream's own."""

    __slots__ = ("_cognify_inner", "_cognify_watch")
    _cognify_inner: Any
    _cognify_watch: Watch

    def __iter__(self) -> Iterator[Any]:
        rows: Iterator[Any] = super().__iter__()  # type: ignore[misc] # the stream's own class comes next
        return _taken(rows, self._cognify_watch)

    def __reduce_ex__(self, _protocol: SupportsIndex) -> tuple[Any, ...]:
        return watched_as, (self._cognify_inner, self._cognify_watch)

    def __copy__(self) -> Any:
        return watched_as(copy.copy(self._cognify_inner), self._cognify_watch)


class WatchedDatasetsStream(WatchedStream):
    """The same of a `datasets.IterableDataset`: its rows are digested as they are stored, before they are formatted.

    What is derived from it by choosing rows (`shard`, `take`, `shuffle` …) is watched where they come out of that; what
    changes rows (`map`, `rename_column` …) is fed by the watched stream, and the rows are digested as they go in.
    """

    __slots__ = ("_cognify_tap",)
    _cognify_tap: Tap

    def __iter__(self) -> Iterator[Any]:
        inner = self._cognify_inner
        resumed = vars(inner).get("_starting_state_dict")  # rows of its first batch are skipped, nobody knows how many
        tap = self._cognify_watch.tap(**stream_datasets.known_columns(inner), counted=not resumed)
        reader = _made(type(self), inner, self._cognify_watch)
        object.__setattr__(reader, "_cognify_tap", tap)
        rows: Iterator[Any] = super(WatchedStream, reader).__iter__()  # type: ignore[misc] # as above
        return _each(rows, lambda _: tap.deliver(), tap)

    @property
    def _ex_iterable(self) -> Any:
        inner = self._cognify_inner
        known = stream_datasets.known_columns(inner)
        return stream_datasets.WatchedExamples(vars(inner)["_ex_iterable"], self._cognify_watch, known=known)

    def _prepare_ex_iterable_for_iteration(self, *args: Any, **kwargs: Any) -> Any:
        inner = self._cognify_inner
        prepared = inner._prepare_ex_iterable_for_iteration(*args, **kwargs)  # noqa: SLF001 - it overrides this
        known = stream_datasets.known_columns(inner)
        tap = getattr(self, "_cognify_tap", None)
        return stream_datasets.inserted(prepared, self._cognify_watch, known, tap)


class WatchedIterable:
    """Stands before a stream of a class from which none can be derived."""

    def __init__(self, stream: Any, watch: Watch) -> None:
        self._cognify_inner, self._cognify_watch = stream, watch

    def __iter__(self) -> Iterator[Any]:
        return _taken(iter(self._cognify_inner), self._cognify_watch)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_cognify_"):
            raise AttributeError(name)
        return getattr(self._cognify_inner, name)


class WatchedSized(WatchedIterable):
    """The same, of one that has a length."""

    def __len__(self) -> int:
        length: int = len(self._cognify_inner)
        return length


class WatchedIterator(WatchedIterable):
    """The same, of an iterator, a generator among them: its rows come once."""

    def __init__(self, stream: Iterator[Any], watch: Watch) -> None:
        super().__init__(stream, watch)
        self._cognify_rows = _taken(stream, watch)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        return next(self._cognify_rows)

    def close(self) -> None:
        """Close both, ours first."""
        self._cognify_rows.close()
        if hasattr(self._cognify_inner, "close"):
            self._cognify_inner.close()


def watched_as(stream: Any, watch: Watch) -> Any:
    """An object to use in the place of `stream`, which `watch` watches."""
    if isinstance(stream, Iterator):
        return WatchedIterator(stream, watch)
    try:
        return _made(_derived(type(stream)), stream, watch)  # type: ignore[arg-type] # a class is hashable
    except (AttributeError, TypeError):  # no `__dict__`, a built-in type, or a class that does not let others derive
        return (WatchedSized if hasattr(type(stream), "__len__") else WatchedIterable)(stream, watch)


def watches_of(data: Any) -> list[Watch]:
    """The watches of a watched stream, of what was made from it, or of what reads it. No code of theirs is run."""
    found: dict[str, Watch] = {}
    left = [data]
    for _ in range(_DEPTH):
        if not left:
            break
        one = left.pop(0)
        if (watch := getattr(one, "_cognify_watch", None)) is not None and isinstance(watch, Watch):
            found[watch.key] = watch
            continue
        known = getattr(one, "__dict__", {})
        left += [known[name] for name in ("dataset", "_ex_iterable", "ex_iterable") if name in known]
        left += known.get("ex_iterables") or known.get("datasets") or ()
    return list(found.values())


def _made(derived: type, stream: Any, watch: Watch) -> Any:
    watched: Any = object.__new__(derived)
    object.__setattr__(watched, "__dict__", vars(stream))
    object.__setattr__(watched, "_cognify_inner", stream)
    object.__setattr__(watched, "_cognify_watch", watch)
    return watched


@cache
def _derived(base: type) -> type:
    """The class that watches streams of a class. It goes by that one's name: frameworks write names into logs."""
    namespace: dict[str, Any] = {
        "__slots__": (),
        "__module__": base.__module__,
        "__qualname__": base.__qualname__,
        "__doc__": base.__doc__,
    }
    if not is_of(base, "datasets", "IterableDataset"):
        return type(base.__name__, (WatchedStream, base), namespace)
    for name in stream_datasets.CHOOSING:
        if hasattr(base, name):
            namespace[name] = _choosing(name)
    return type(base.__name__, (WatchedDatasetsStream, base), namespace)


def _choosing(name: str) -> Any:
    def choose(self: WatchedDatasetsStream, *args: Any, **kwargs: Any) -> Any:
        return watched_as(getattr(self._cognify_inner, name)(*args, **kwargs), self._cognify_watch)

    choose.__name__ = name
    return choose


def _taken(rows: Iterator[Any], watch: Watch) -> Generator[Any]:
    tap = watch.tap()
    return _each(rows, tap.take, tap)


def _each(rows: Iterator[Any], take: Callable[[Any], None], tap: Tap) -> Generator[Any]:
    try:
        for row in rows:
            take(row)
            yield row
    finally:
        tap.end()
