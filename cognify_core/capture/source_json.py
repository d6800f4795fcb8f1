"""JSON and JSON lines, read as strictly as a record is: what two readers could read differently is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

from cognify_core.canonical import Json
from cognify_core.capture.parts import Part
from cognify_core.capture.source_python import Row, part_of_rows
from cognify_core.errors import CaptureError

_ROWS_AT_ONCE = 1_000
_BYTES_AT_ONCE = 1 << 18


def json_part(paths: Sequence[Path]) -> tuple[Part, dict[str, Json]]:
    """The rows of `.jsonl` files, or of `.json` files that hold one array of objects or one object a line.

    Raises:
        CaptureError: a line is not acceptable JSON (twice the same key, NaN, a number beyond a double, not UTF-8) or
            not an object; the message names file and line.
    """

    def blocks() -> Iterator[Sequence[Row]]:
        for path in paths:
            yield from _array_blocks(path) if _holds_an_array(path) else _line_blocks(path)

    return part_of_rows(blocks, None)


def _holds_an_array(path: Path) -> bool:
    if path.suffix.lower() != ".json":
        return False
    with path.open("rb") as file:
        return file.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"[")


def _line_blocks(path: Path) -> Iterator[Sequence[Row]]:
    block: list[Row] = []
    size = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")
            if not line.isspace() and line:
                block.append(_object(_parsed(line, f"{path.name}, line {number}"), f"{path.name}, line {number}"))
            size += len(line)
            if len(block) >= _ROWS_AT_ONCE or size >= _BYTES_AT_ONCE:
                yield block
                block, size = [], 0
    if block:
        yield block


def _array_blocks(path: Path) -> Iterator[Sequence[Row]]:
    rows = _parsed(path.read_bytes().removeprefix(b"\xef\xbb\xbf"), path.name)
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        block = rows[start : start + _ROWS_AT_ONCE]
        yield [_object(row, f"{path.name}, item {start + at}") for at, row in enumerate(block)]


def _object(value: Any, where: str) -> Row:
    if not isinstance(value, dict):
        raise CaptureError(f"{where}: a row is a JSON object, not {json.dumps(value)[:40]}")
    return value


def _parsed(data: bytes, where: str) -> Any:
    try:
        return json.loads(
            data.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_number, parse_float=_finite
        )
    except (ValueError, RecursionError) as error:
        raise CaptureError(f"{where}: not acceptable JSON: {error}") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key {next(name for name in names if names.count(name) > 1)[:80]!r} stands twice")
    return members


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"the number {text[:40]} does not fit a double")
    return number
