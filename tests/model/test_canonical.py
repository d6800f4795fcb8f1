from __future__ import annotations

import json
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from cognify_core.canonical import MAX_DEPTH, encode, parse, parse_lenient
from cognify_core.errors import FormatError
from tests.vectors import VECTORS, needs_vectors

JCS = VECTORS / "rfc8785-jcs" / "testdata"

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@needs_vectors
@pytest.mark.parametrize("name", ["arrays", "french", "structures", "unicode", "values", "weird"])
def test_the_vectors_of_rfc_8785_come_out_byte_for_byte(name: str) -> None:
    given_bytes = (JCS / "input" / f"{name}.json").read_bytes()
    expected = (JCS / "output" / f"{name}.json").read_bytes()
    assert encode(parse_lenient(given_bytes)) == expected
    assert encode(parse(expected)) == expected
    assert expected == bytes.fromhex((JCS / "outhex" / f"{name}.txt").read_text("ascii"))


@given(json_values)
def test_what_is_written_is_read_back_and_written_the_same(value: Any) -> None:
    assert encode(parse(encode(value))) == encode(value)


@given(json_values)
def test_other_spellings_are_not_canonical(value: Any) -> None:
    spelt = json.dumps(value, indent=1).encode()
    if spelt != encode(value):
        with pytest.raises(FormatError, match="not canonical JSON"):
            parse(spelt)


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b'{"a":1,"a":2}', "'a' stands twice"),
        (b'{"a":{"b":1,"b":1}}', "'b' stands twice"),
        (b"NaN", "NaN is no JSON number"),
        (b"[Infinity]", "Infinity is no JSON number"),
        (b"-Infinity", "-Infinity is no JSON number"),
        (b"1e999", "does not fit a double"),
        (b"1" * 400, "does not fit a double"),
        (b'"\\ud800"', "lone surrogate"),
        (b'{"\\udfff":1}', "lone surrogate"),
        (b'"\xff"', "byte 1 is not UTF-8"),
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"{} {}", "not JSON"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        (b"[" * 100_000, "nested too deep|not JSON"),
        (b"[" * 100_000 + b"]" * 100_000, "nested too deep"),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "nested deeper than 100"),
    ],
)
def test_what_two_readers_may_read_differently_is_refused(data: bytes, complaint: str) -> None:
    for read in (parse, parse_lenient):
        with pytest.raises(FormatError, match=complaint):
            read(data)


def test_a_document_as_deep_as_allowed_is_read() -> None:
    data = b"[" * (MAX_DEPTH - 1) + b"]" * (MAX_DEPTH - 1)
    assert encode(parse(data)) == data


@pytest.mark.parametrize("data", [b"1.0", b"01", b"1E5", b" 1", b"1\n", b'"\\u0041"', b'{"b":1,"a":2}', b"-0"])
def test_bytes_that_differ_from_their_canonical_form_are_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        parse(data)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**53, "\ud800", {1: 2}, {"a": {2.5: 1}}])
def test_what_json_cannot_hold_is_not_written(value: Any) -> None:
    with pytest.raises(FormatError, match="cannot be written as canonical JSON"):
        encode(value)


def test_a_value_too_deep_to_write_is_refused_and_not_a_crash() -> None:
    value: Any = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(FormatError, match="nested too deep"):
        encode(value)


_TEXTS = st.one_of(st.text(max_size=8), st.sampled_from(['"\\\n\x00\x1f\x7f/', "\u2028", "😀", "\ue000", "\ud800"]))
_EDGES = [1e-7, 1e-6, 9.999999999999999e-05, 1e-4, -0.1, -0.0, 1e15 + 0.125, 9007199254740993.0, 1e16, 1e21]
_FLOATS = st.one_of(st.floats(), st.floats(width=16), st.floats(1e-5, 1e17), st.sampled_from(_EDGES))
_NUMBERS = st.one_of(st.integers(), _FLOATS)
_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), _NUMBERS, _TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(_TEXTS, inner, max_size=4)),
    max_leaves=12,
)


@given(_VALUES | st.lists(_FLOATS, max_size=30))
def test_what_is_written_quickly_is_what_the_reference_writes(value: Any) -> None:
    try:
        expected = rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError):
        with pytest.raises(FormatError, match="canonical JSON"):
            encode(value)
    else:
        assert encode(value) == expected


@pytest.mark.parametrize("value", [{1: 2}, {"a": {2: 3}}, {"a": object()}, [{1, 2}]])
def test_what_is_no_json_is_refused_however_it_is_nested(value: Any) -> None:
    with pytest.raises(FormatError, match="cannot be written as canonical JSON"):
        encode(value)
