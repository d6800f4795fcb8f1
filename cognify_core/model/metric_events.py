"""Events of metrics, read quickly: a record may hold a million points, and few of its other events are as many.

What is read here is exactly what `parse_event` would read, or nothing: whatever is not plainly the one canonical form
of an ordinary metrics event is left to it, and to its complaints.
"""

from __future__ import annotations

import re

from pydantic_core import from_json, to_json

from cognify_core.canonical import MAX_SAFE_INTEGER, Json
from cognify_core.model.bodies import Metrics

_HEAD = '{"kind":"metrics","points":'
_TAIL = re.compile(
    r',"run_id":"([^"\\]*)","seq":(0|[1-9][0-9]{0,14}),"time":"([^"\\]*)"(?:,"tracker":"([^"\\]*)")?,"v":1}'
)
_MILLIONTHS = re.compile(r"([0-9])(?:\.([0-9]+))?e-6(?![0-9])")
"""The one kind of floats that are not integral and that pydantic spells otherwise than RFC 8785."""
_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,20}|Infinity)|NaN")
"""Most floats that stand under a tag: those that are integral, and those that are no numbers."""
_MOST = 50


def read_metric_event(data: bytes) -> tuple[str, int, str, Metrics] | None:
    """Run id, sequence number, time and body of an ordinary metrics event; none where it takes a closer look."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    if not text.startswith(_HEAD) or (tail := _TAIL.fullmatch(text, text.rfind(',"run_id":'))) is None:
        return None
    points = _points(text[len(_HEAD) : tail.start()])
    if points is None or (tail[4] and not tail[4].isprintable()):
        return None
    return tail[1], int(tail[2]), tail[3], Metrics.model_construct(points=points, tracker=tail[4])


def _points(text: str) -> tuple[tuple[int, str, Json], ...] | None:
    try:
        given = from_json(text, allow_inf_nan=False)
        points = tuple((step, name, value) for step, name, value in given)
    except (ValueError, TypeError, RecursionError):
        return None
    if not 0 < len(points) <= _MOST:
        return None
    steps, names, values = zip(*points, strict=True)
    if set(map(type, steps)) != {int} or set(map(type, names)) != {str} or not all(map(_is_value, values)):
        return None
    if max(steps) > MAX_SAFE_INTEGER or min(steps) < -MAX_SAFE_INTEGER:
        return None
    written = to_json(given).decode("utf-8")
    return points if (_MILLIONTHS.sub(_decimal, written) if "e-6" in written else written) == text else None


def _is_value(value: object) -> bool:
    """An integer, a float that is none, or one under its tag."""
    if type(value) is float:
        return not value.is_integer()
    if type(value) is dict:
        return len(value) == 1 and type(text := value.get("$float")) is str and _WHOLE.fullmatch(text) is not None
    return type(value) is int and -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER


def _decimal(number: re.Match[str]) -> str:
    """A number of millionths, as RFC 8785 has it; in a name this spoils the comparison."""
    return f"0.00000{number[1]}{number[2] or ''}"
