"""Recorded values without their tags: whatever a configuration held can be shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cognify_core.canonical import encode, parse
from cognify_core.capture.config import to_facts
from cognify_core.model.plain import readable, text_of

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers() | st.booleans() | st.none(), inner),
    max_leaves=20,
)


def shown(value: object) -> object:
    """A value as a document gets it: recorded, and read again."""
    return readable(parse(encode(to_facts(value))))


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (2**60, 2**60),
        (1.0, 1.0),
        ("a\udcffb", "a\\udcffb"),
        (b"\x00\xff", "AP8="),
        ({1: "one", None: "none"}, {"1": "one", "none": "none"}),
        ({"$int": "5"}, {"$int": "5"}),
    ],
)
def test_a_value_is_shown_without_its_tags(value: object, plain: object) -> None:
    assert shown({"x": value, "rest": 1}) == {"x": plain, "rest": 1}


def test_an_integer_that_python_does_not_read_is_shown_by_its_digits() -> None:
    assert shown([10**5000, -(10**5000)]) == ["1" + "0" * 5000, "-1" + "0" * 5000]


@given(VALUES)
def test_whatever_was_recorded_can_be_shown_on_a_line(value: object) -> None:
    assert isinstance(text_of(shown(value)), str)
