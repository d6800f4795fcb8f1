from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cognify_core.canonical import encode, parse
from cognify_core.errors import FormatError
from cognify_core.model.events import Draft, Event, Metrics, parse_body, parse_event
from cognify_core.model.metric_events import read_metric_draft, read_metric_event
from cognify_core.model.numbers import tagged_number
from tests.factories import RUN_ID, TIME

POINTS = st.lists(
    st.tuples(
        st.integers(-(2**53) + 1, 2**53 - 1),
        st.text(max_size=6),
        st.one_of(st.floats(), st.integers(), st.integers(-(10**22), 10**22).map(float)),
    ),
    min_size=1,
    max_size=50,
)


def event(points: list[tuple[int, str, float]]) -> bytes:
    tagged = tuple((step, name, tagged_number(value)) for step, name, value in points)
    return encode({"kind": "metrics", "points": tagged, "run_id": RUN_ID, "seq": 3, "time": TIME, "v": 1})


@given(POINTS)
@example([(1, "loss", 1e-6), (2, "lr 1e-6", 2.5e-6), (3, "x", 1e-7), (4, "y", 9.9e-06), (5, "z", 1e-60)])
@example([(1, "loss", 0.1), (2, "loss", 5e-324), (3, "loss", -1.7976931348623157e308)])
def test_what_is_read_quickly_is_what_the_full_parser_reads(points: list[tuple[int, str, float]]) -> None:
    data = event(points)
    found = read_metric_event(data)
    parsed = parse_event(data)
    assert parsed.encode() == data
    if found is not None:
        assert Event(*found[:3], found[3]) == parsed
        assert isinstance(parsed.body, Metrics)


def draft(points: list[tuple[int, str, float]], **more: object) -> bytes:
    tagged = [[step, name, tagged_number(value)] for step, name, value in points]
    body = {"kind": "metrics", "points": tagged, **more}
    return encode({"body": body, "counter": 7, "time": TIME, "writer": "a1b2"})


@given(POINTS, st.one_of(st.none(), st.text(max_size=6)))
@example([(1, "loss", 0.5)], "mlflow")
@example([(1, "]]", 0.5)], "]]")
def test_what_of_a_draft_is_read_quickly_is_what_the_full_parser_reads_and_writes(
    points: list[tuple[int, str, float]], tracker: str | None
) -> None:
    line = draft(points, **({} if tracker is None else {"tracker": tracker}))
    found = read_metric_draft(line)
    body = parse_body(parse(line)["body"])
    if found is not None:
        quick = Draft(*found)
        assert quick == Draft(TIME, body, "a1b2", 7)
        assert quick.at(RUN_ID, 3).encode() == Draft(TIME, body, "a1b2", 7).at(RUN_ID, 3).encode()
        assert parse_event(quick.at(RUN_ID, 3).encode()).body == body


@pytest.mark.parametrize(
    "spoil",
    [
        lambda line: line.replace(b'"counter":7', b'"counter":07'),
        lambda line: line.replace(b'"counter":7', b'"counter":-7'),
        lambda line: line.replace(b'"writer":"a1b2"', b'"writer":"a\\u0031"'),
        lambda line: line.replace(b'"writer":"a1b2"', b'"writer":"a","writer":"b"'),
        lambda line: line.replace(b'{"body"', b'{"a":1,"body"'),
        lambda line: line + b" ",
        lambda line: line.replace(b"0.5", b"0.50"),
        lambda line: line.replace(b"a1b2", b"\xff"),
        lambda line: line.replace(b"a1b2", b"\x01"),
    ],
)
def test_a_draft_in_another_spelling_is_not_read_quickly(spoil: Callable[[bytes], bytes]) -> None:
    line = draft([(1, "loss", 0.5)])
    assert read_metric_draft(line)
    assert spoil(line) != line
    assert read_metric_draft(spoil(line)) is None


def test_ordinary_points_are_read_quickly() -> None:
    assert read_metric_event(event([(1, "loss", 0.5), (2, "lr", 2.5e-6), (3, "lr", 1e-9), (4, "tokens", 7)]))
    assert read_metric_event(event([(1, "acc", 1.0), (2, "x", -0.0), (3, "loss", math.nan), (4, "y", -math.inf)]))


@pytest.mark.parametrize(
    ("number", "other"),
    [("0.5", "0.50"), ("0.5", "5e-1"), ("0.5", "0.5e0"), ("0.000001", "1e-6"), ("0.0000025", "2.5e-6"),
     ("1e-7", "0.0000001"), ("1e-7", "1e-07"), ("7", "7.0"), ("7", "07"), ("7", "-0"), ("7", "1e1"), ("7", "1e16"),
     ("7", "1E1"), ("7", "NaN"), ("7", "Infinity"), ("7", "1e999"), ("7", "true"), ("7", '"7"'), ("7", "[7]"),
     ("7", "9007199254740993"), ("7", '{"$float":"07"}'), ("7", '{"$float":7}'), ("7", '{"$float":"1e+21"}'),
     ("7", '{"$float":"7","x":1}'), ("7", '{"$float":"7","$float":"7"}'), ("7", '{"$int":"7"}'),
     ("7", '{ "$float":"7"}')],
)  # fmt: skip
def test_a_number_in_another_spelling_is_not_read_quickly_and_refused(number: str, other: str) -> None:
    whole = event([(1, "loss", 0.25)]).replace(b"0.25", number.encode())
    changed = whole.replace(f",{number}]".encode(), f",{other}]".encode())
    assert whole != changed
    assert read_metric_event(whole)
    assert read_metric_event(changed) is None
    with pytest.raises(FormatError):
        parse(parse_event(changed).encode() + b" ")
