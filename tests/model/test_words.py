from __future__ import annotations

import pytest

from cognify_core.errors import ConfigurationError
from cognify_core.model.words import DATASHEET, NOTE_KINDS, datasheet_key, note_kind


@pytest.mark.parametrize("kind", [*NOTE_KINDS, "carbon", "carbon_footprint_2"])
def test_a_note_may_have_any_lower_case_word_as_its_kind(kind: str) -> None:
    assert note_kind(kind) == kind


@pytest.mark.parametrize(("kind", "meant"), [("limitaton", "limitation"), ("limitations", "limitation"),
                                             ("failure_modes", "failure_mode"), ("trade_off", "tradeoff")])  # fmt: skip
def test_a_kind_that_is_almost_a_known_one_is_refused(kind: str, meant: str) -> None:
    with pytest.raises(ConfigurationError, match=f"documents look for '{meant}'"):
        note_kind(kind)


@pytest.mark.parametrize("kind", ["", "Limitation", "two words", "=cmd", "ümlaut", "x" * 61, "a\n"])
def test_a_kind_is_one_lower_case_word(kind: str) -> None:
    with pytest.raises(ConfigurationError, match="one lower-case word"):
        note_kind(kind)


@pytest.mark.parametrize("key", [*DATASHEET, "doi", "crawl_period"])
def test_a_dataset_may_be_told_anything(key: str) -> None:
    assert datasheet_key(key) == key


def test_a_licence_may_be_spelt_in_two_ways() -> None:
    assert (datasheet_key("license"), datasheet_key("labeling")) == ("licence", "labelling")


@pytest.mark.parametrize("key", ["licens", "sourcecategory", "labeling_", "personaldata"])
def test_a_key_that_is_almost_a_known_one_is_refused(key: str) -> None:
    with pytest.raises(ConfigurationError, match="documents look for"):
        datasheet_key(key)
