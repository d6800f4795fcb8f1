"""The datasets behind what a Lightning Trainer was given to read from, however it is nested."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from cognify_integrations.describing_models import dataset_name


class Fed(NamedTuple):
    """One source of batches: what it is called, what is behind it, what makes batches of it."""

    name: str
    dataset: Any
    """The loader itself where there is no dataset behind it."""
    collator: Any
    key: str = ""
    """Its place among several: a key, or a number."""


def datasets_of(given: Any, name: str) -> list[Fed]:
    """Every dataset of a loader, a CombinedLoader, or lists and dicts of such, in the order of their numbers."""
    return [_fed(key, loader, name) for key, loader in _flat(given, "")]


def _flat(given: Any, key: str) -> Iterator[tuple[str, Any]]:
    if given is None:
        return
    if hasattr(given, "flattened") and hasattr(given, "iterables"):
        given = given.iterables
    if isinstance(given, Mapping):
        for name, each in given.items():
            yield from _flat(each, _joined(key, name))
    elif isinstance(given, list | tuple):
        for number, each in enumerate(given):
            yield from _flat(each, _joined(key, number) if len(given) > 1 else key)
    else:
        yield key, given


def _joined(key: str, more: object) -> str:
    return f"{key}_{more}" if key else str(more)


def _fed(key: str, loader: Any, name: str) -> Fed:
    dataset = getattr(loader, "dataset", None)
    if dataset is None:
        dataset = loader
    return Fed(dataset_name(dataset, _joined(name, key) if key else name), dataset, _collator(loader), key)


def _collator(loader: Any) -> Any:
    return getattr(loader, "collate_fn", None)
