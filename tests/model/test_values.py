from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cognify_core.errors import FormatError
from cognify_core.model.digest import Digest
from cognify_core.model.names import is_run_id, new_run_id, slug, stamp_time, whole_seconds
from cognify_core.model.numbers import plain_number, tagged_number


@given(st.binary())
def test_a_digest_is_read_as_it_is_written(data: bytes) -> None:
    digest = Digest.of(data)
    assert Digest.parse(str(digest)) == digest


@pytest.mark.parametrize(
    "text",
    ["", "sha256:", "sha256:" + "a" * 63, "sha256:" + "A" * 64, "sha1:" + "a" * 64, "a" * 64, f"sha256:{'a' * 64}\n"],
)
def test_what_is_no_digest_is_not_read_as_one(text: str) -> None:
    with pytest.raises(FormatError, match="not a digest"):
        Digest.parse(text)


def test_a_digest_that_exists_is_well_formed() -> None:
    with pytest.raises(FormatError, match="not a SHA-256"):
        Digest("../../etc/passwd")


def test_run_ids_are_utc_time_and_five_hex_digits() -> None:
    moment = datetime(2025, 9, 12, 14, 30, 22, tzinfo=UTC)
    assert new_run_id(moment, bytes.fromhex("a7f3cd")) == "run_20250912_143022_a7f3c"


@pytest.mark.parametrize(
    "text", ["run_20250912_143022_a7f3c/..", "run_٢0250912_143022_a7f3c", "", "../x", "run_20250912_143022_A7F3C"]
)
def test_what_could_leave_a_folder_is_no_run_id(text: str) -> None:
    assert not is_run_id(text)


@given(st.text())
def test_a_slug_is_safe_in_ids_and_never_empty(text: str) -> None:
    made = slug(text)
    assert made
    assert len(made) <= 48
    assert set(made) <= set("abcdefghijklmnopqrstuvwxyz0123456789_")


def test_names_of_which_nothing_survives_stay_apart() -> None:
    assert slug("数据") != slug("资料")


def test_times_have_six_decimals_and_are_cut_not_rounded() -> None:
    moment = datetime(2025, 9, 12, 16, 45, 0, 999_999, tzinfo=UTC)
    assert stamp_time(moment) == "2025-09-12T16:45:00.999999Z"
    assert whole_seconds(stamp_time(moment)) == "2025-09-12T16:45:00Z"
    elsewhere = datetime(2025, 9, 12, 18, 45, tzinfo=timezone(timedelta(hours=2)))
    assert stamp_time(elsewhere) == "2025-09-12T16:45:00.000000Z"


@pytest.mark.parametrize(
    ("number", "tagged"),
    [
        (1, 1),
        (0.5, 0.5),
        (1.0, {"$float": "1"}),
        (-0.0, {"$float": "-0"}),
        (math.nan, {"$float": "NaN"}),
        (math.inf, {"$float": "Infinity"}),
        (-math.inf, {"$float": "-Infinity"}),
        (2**53 - 1, 2**53 - 1),
        (2**53, {"$int": "9007199254740992"}),
        (-(2**64), {"$int": "-18446744073709551616"}),
        (1e21, {"$float": "1e+21"}),
    ],
)
def test_numbers_that_json_confuses_are_told_apart(number: float, tagged: object) -> None:
    assert tagged_number(number) == tagged


@given(st.integers() | st.floats())
def test_a_tagged_number_is_read_back_as_itself(number: float) -> None:
    back = plain_number(tagged_number(number))
    assert type(back) is type(number)
    assert back == number or (math.isnan(back) and math.isnan(number))


def test_an_integer_of_ten_thousand_digits_is_written_in_full() -> None:
    assert tagged_number(10**9999) == {"$int": "1" + "0" * 9999}


@pytest.mark.parametrize("value", [True, None, "1", {"$int": 1}, {"$float": "1", "more": 2}, [], {"$int": "x"}])
def test_what_is_no_number_is_not_read_as_one(value: object) -> None:
    with pytest.raises(ValueError, match=r"no number|not a number|invalid literal"):
        plain_number(value)
