"""Names of people: which are one person's."""

from __future__ import annotations

import pytest

from cognify_core.model.names import same_name


@pytest.mark.parametrize(
    "other",
    ["Ada Person", "ADA PERSON", " ada  person ", "Ada\u00a0Person", "\uff21da Person", "A.d.a Person", "AdaPerson"],
)
def test_neither_case_nor_width_nor_spaces_nor_points_make_another_person(other: str) -> None:
    assert same_name("Ada Person", other)


@pytest.mark.parametrize("unseen", ["\u200b", "\u00ad", "\ufe0f", "\u034f", "\u2060", "\u3164", "\U000e0101", "\x07"])
def test_nor_does_a_character_that_nobody_sees(unseen: str) -> None:
    assert same_name("root", f"ro{unseen}ot")


def test_a_name_is_one_in_each_of_its_normal_forms() -> None:
    assert same_name("Maria \u00d6z", "Maria O\u0308z")
    assert same_name("Stra\u00dfer", "STRASSER")


@pytest.mark.parametrize("other", ["Ada Persson", "Eve Person", "Ada", "", "\u0410da Person"])
def test_other_letters_are_another_person(other: str) -> None:
    assert not same_name("Ada Person", other)


def test_names_without_letters_are_told_by_what_they_are() -> None:
    assert same_name(" ? ", "?")
    assert not same_name("?", "!")
