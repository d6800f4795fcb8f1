"""Events of metrics, read quickly: a record may hold a million points, and few of its other events are as many.

What is read here is exactly what `parse_event` would read, or nothing: whatever is not plainly the one canonical form
of an ordinary metrics event is left to it, and to its complaints.
"""

from __future__ import annotations

import json
import re
from math import isfinite

import rfc8785

from cognify_core.canonical import MAX_SAFE_INTEGER
from cognify_core.model.bodies import Metrics

_HEAD = '{"kind":"metrics","points":'
_TAIL = re.compile(
    r',"run_id":"([^"\\]*)","seq":(0|[1-9][0-9]{0,14}),"time":"([^"\\]*)"(?:,"tracker":"([^"\\]*)")?,"v":1}'
)
_EXPONENT = re.compile(r"-?[0-9]+(?:\.[0-9]+)?e[+-][0-9]+")
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


def _points(text: str) -> tuple[tuple[int, str, int | float], ...] | None:
    try:
        given = json.loads(text)
        points = tuple((step, name, value) for step, name, value in given)
    except (ValueError, TypeError, RecursionError):
        return None
    if not 0 < len(points) <= _MOST or not all(map(_is_point, points)):
        return None
    written = json.dumps(given, ensure_ascii=False, separators=(",", ":"))
    if ".0]" in written:  # an integral float, which is tagged or is an integer
        return None
    return points if _EXPONENT.sub(_canonical, written) == text else None


def _is_point(point: tuple[object, object, object]) -> bool:
    step, name, value = point
    return (
        type(step) is int
        and type(name) is str
        and ((type(value) is float and isfinite(value)) or (type(value) is int and abs(value) <= MAX_SAFE_INTEGER))
        and abs(step) <= MAX_SAFE_INTEGER
    )


def _canonical(number: re.Match[str]) -> str:
    """A number that Python writes with an exponent, as RFC 8785 has it; in a name this spoils the comparison."""
    value = float(number[0])
    return rfc8785.dumps(value).decode() if isfinite(value) else ""
