"""What a stream delivers, kept as it is now: a collator may pop columns and change lists in place a moment later.

Rows are dicts. What a stream gives instead is made one: the items of a tuple or list are columns named by their place,
as those of a `TensorDataset` are, and anything else is the one column `0`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_SCALARS = frozenset({str, int, float, bool, bytes})
_FIXED = _SCALARS | {type(None)}


def row_of(delivered: Any) -> dict[Any, Any]:
    """A row that nobody else can change."""
    if type(delivered) is dict:
        return {name: value if type(value) in _FIXED else _kept(value) for name, value in delivered.items()}
    if isinstance(delivered, Mapping):
        return {name: _kept(delivered[name]) for name in delivered}
    if isinstance(delivered, tuple | list):
        return {str(place): _kept(value) for place, value in enumerate(delivered)}
    return {"0": _kept(delivered)}


def _kept(value: Any) -> Any:
    kind = type(value)
    if kind in _FIXED:
        return value
    if kind is list or kind is tuple:
        # Numbers and texts stay what they are; a list that begins with one of them holds nothing else, or is refused.
        return list(value) if value and type(value[0]) in _SCALARS else [_kept(each) for each in value]
    if isinstance(value, Mapping):
        return {name: _kept(value[name]) for name in value}
    if hasattr(value, "detach") and kind.__module__.partition(".")[0] == "torch":
        return _lists_of(value.detach().cpu().numpy())
    return _lists_of(value) if kind.__module__ == "numpy" else value


def _lists_of(array: Any) -> Any:
    """A NumPy array as its rows, each a copy of its own: Arrow reads arrays of one dimension only."""
    if not hasattr(array, "ndim") or array.dtype.kind not in "biuf":
        return array.copy() if hasattr(array, "copy") else array
    if array.ndim == 0:
        return array.item()
    return array.copy() if array.ndim == 1 else [_lists_of(each) for each in array]
