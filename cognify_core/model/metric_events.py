"""Events of metrics, read and written quickly: a record may hold a million points, and few others are as many.

What is read here is exactly what `parse_event` (of a draft, `parse_body`) would read, or nothing: whatever is not
plainly the one canonical form of an ordinary metrics event is left to those, and to their complaints.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, overload

from pydantic_core import from_json, to_json

from cognify_core.canonical import MAX_SAFE_INTEGER
from cognify_core.model.bodies import Metrics, Point

_HEAD = b'{"kind":"metrics","points":'
_TAIL = re.compile(
    rb',"run_id":"([^"\\]*)","seq":(0|[1-9][0-9]{0,14}),"time":"([^"\\]*)"(?:,"tracker":"([^"\\]*)")?,"v":1}'
)
_DRAFT_HEAD = b'{"body":' + _HEAD
_DRAFT_TAIL = re.compile(
    rb'(?:,"tracker":"([^"\\]*)")?},"counter":(0|[1-9][0-9]{0,14}),"time":"([^"\\]*)","writer":"([^"\\]*)"}'
)
_MILLIONTHS = re.compile(rb"([0-9])(?:\.([0-9]+))?e-6(?![0-9])")
"""The one kind of floats that are not integral and that pydantic spells otherwise than RFC 8785."""
_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,20}|Infinity)|NaN")
"""Most floats that stand under a tag: those that are integral, and those that are no numbers."""
_MOST = 50


class WrittenPoints(Sequence[Point]):
    """The points of an event, read out of its bytes each time that somebody asks: so a million of them fits in memory.

    That they can be read was found out before there is one.
    """

    __slots__ = ("_data", "_end", "_size", "_start")

    def __init__(self, data: bytes, start: int, end: int, size: int) -> None:
        self._data, self._start, self._end, self._size = data, start, end, size

    @property
    def written(self) -> bytes:
        """Their canonical JSON."""
        return self._data[self._start : self._end]

    def __iter__(self) -> Iterator[Point]:
        return map(tuple, from_json(self.written))

    def __len__(self) -> int:
        return self._size

    @overload
    def __getitem__(self, index: int) -> Point: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Point]: ...
    def __getitem__(self, index: int | slice) -> Point | Sequence[Point]:
        return tuple(self)[index]

    def __eq__(self, other: object) -> bool:
        return tuple(self) == tuple(other) if isinstance(other, Sequence) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return repr(tuple(self))


def read_metric_event(data: bytes) -> tuple[str, int, str, Metrics] | None:
    """Run id, sequence number, time and body of an ordinary metrics event; none where it takes a closer look."""
    end = data.rfind(b',"run_id":')
    if not data.startswith(_HEAD) or (tail := _TAIL.fullmatch(data, max(end, 0))) is None:
        return None
    size = _count_points(data[len(_HEAD) : end])
    try:
        run_id, time, tracker = (None if part is None else part.decode("utf-8") for part in tail.group(1, 3, 4))
    except UnicodeDecodeError:
        return None
    if not size or run_id is None or time is None or (tracker and not tracker.isprintable()):
        return None
    points = WrittenPoints(data, len(_HEAD), end, size)
    return run_id, int(tail[2]), time, Metrics.model_construct(points=points, tracker=tracker)


def read_metric_draft(line: bytes) -> tuple[str, Metrics, str, int] | None:
    """Time, body, writer and counter of a line that holds an ordinary metrics event before it has its number."""
    end = line.rfind(b"]]") + 2
    if not line.startswith(_DRAFT_HEAD) or (tail := _DRAFT_TAIL.fullmatch(line, max(end, 0))) is None:
        return None
    size = _count_points(line[len(_DRAFT_HEAD) : end])
    try:
        tracker, time, writer = (None if part is None else part.decode("utf-8") for part in tail.group(1, 3, 4))
    except UnicodeDecodeError:
        return None
    if not size or time is None or writer is None or not f"{tracker or ''}{writer}".isprintable():
        return None
    points = WrittenPoints(line, len(_DRAFT_HEAD), end, size)
    return time, Metrics.model_construct(points=points, tracker=tracker), writer, int(tail[2])


def write_metric_event(run_id: str, seq: int, time: str, metrics: Metrics) -> bytes | None:
    """The event's canonical bytes, where its points are written already; `run_id` and `time` hold nothing to escape."""
    if type(metrics.points) is not WrittenPoints:
        return None
    tracker = "" if metrics.tracker is None else f',"tracker":"{metrics.tracker}"'
    tail = f',"run_id":"{run_id}","seq":{seq},"time":"{time}"{tracker},"v":1}}'
    return _HEAD + metrics.points.written + tail.encode("utf-8")


def _count_points(text: bytes) -> int:
    """How many points there are; 0 where they are not ordinary points in their canonical form."""
    try:
        given = from_json(text, allow_inf_nan=False)
        steps, names, values = zip(*given, strict=True)
    except (ValueError, TypeError, RecursionError):
        return 0
    if len(given) > _MOST or set(map(type, given)) != {list}:
        return 0
    if set(map(type, steps)) != {int} or set(map(type, names)) != {str} or not _are_values(values):
        return 0
    if max(steps) > MAX_SAFE_INTEGER or min(steps) < -MAX_SAFE_INTEGER:
        return 0
    written = to_json(given)
    if b"e-6" in written:
        written = _MILLIONTHS.sub(_decimal, written)
    return len(given) if written == text else 0


def _are_values(values: tuple[Any, ...]) -> bool:
    """Whether each is a number as it stands in a record: plain, or under its tag."""
    if set(map(type, values)) == {float}:
        return not any(map(float.is_integer, values))
    return all(_is_value(value) for value in values)


def _is_value(value: object) -> bool:
    """An integer, a float that is none, or one under its tag."""
    if type(value) is float:
        return not value.is_integer()
    if type(value) is dict:
        return len(value) == 1 and type(text := value.get("$float")) is str and _WHOLE.fullmatch(text) is not None
    return type(value) is int and -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER


def _decimal(number: re.Match[bytes]) -> bytes:
    """A number of millionths, as RFC 8785 has it; in a name this spoils the comparison."""
    return b"0.00000" + number[1] + (number[2] or b"")
