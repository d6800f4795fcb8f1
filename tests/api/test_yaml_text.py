from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cognify_core.api.yaml_text import MAX_BYTES, read_yaml, write_yaml
from cognify_core.errors import FormatError

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=10,
)


def test_words_and_days_are_text() -> None:
    read = read_yaml(b"a: no\nb: 2026-01-31\nc: 12:30\nd: yes\nannex_iv/1(f): on\n17: off\n")
    assert read == {"a": "no", "b": "2026-01-31", "c": "12:30", "d": "yes", "annex_iv/1(f)": "on", "17": "off"}


def test_numbers_and_truth_values_are_what_json_has() -> None:
    assert read_yaml(b"[1, 1.5, 7.2e23, true, false, null, ~, '1']") == [1, 1.5, 7.2e23, True, False, None, None, "1"]


def test_json_is_read_too() -> None:
    assert read_yaml(b'\xef\xbb\xbf{"a": ["b", 1e3]}') == {"a": ["b", 1000.0]}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"a: &x [1]\nb: *x", "line 2: aliases"),
        (b"a: 1\nb: 2\na: 3", "line 3: the key 'a' stands there twice"),
        (b"[" * 100, "nested deeper than 20"),
        (b"[" * 100_000, "nested deeper than 20"),
        (b"!!python/object/apply:os.system ['true']", "line 1: could not determine a constructor"),
        (b"a: !!binary aGk=", "could not determine a constructor"),
        (b"!!set {a, b}", "could not determine a constructor"),
        (b"? [1]\n: 2", "a key is one word"),
        (b"\xff", "byte 0 is not UTF-8"),
        (b"a: [", "line 1: expected the node content"),
        (b"a: \x00", "unacceptable character"),
        (b"--- a\n--- b", "line 2: but found another document"),
        (b"x" * (MAX_BYTES + 1), "no more than 262,144 are read"),
    ],
)
def test_what_could_surprise_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        read_yaml(data)


def test_a_merge_is_a_key_like_another() -> None:
    assert read_yaml(b"<<: {a: 1}") == {"<<": {"a": 1}}


@given(VALUES)
def test_what_is_written_is_read_back(value: object) -> None:
    assert read_yaml(write_yaml(value).encode()) == value


def test_what_could_deceive_is_written_as_escapes() -> None:
    assert not set(write_yaml({"a": "\u202e\x1b[31m\u2028"})) & set("\u202e\x1b\u2028")
    assert write_yaml({"b": "ü"}) == "b: ü\n"
