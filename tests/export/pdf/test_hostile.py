"""Strangers choose run names, notes, columns and facts: all of it is text, and nothing of it does anything."""

from __future__ import annotations

from io import BytesIO

import pikepdf
import pytest

from tests.export.pdf.reading import FORBIDDEN, findings_of, fonts_of, needs_poppler, page_count, rendered, text_of
from tests.export.templates.test_hostile import HOSTILE, hostile


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_text_in_every_field_is_only_text(text: str) -> None:
    data = rendered(hostile(text), "hipaa")
    assert findings_of(data) == ()
    assert {embedded for _, embedded in fonts_of(data)} == {True}
    with pikepdf.open(BytesIO(data)) as pdf:
        kinds = {str(found.get("/Subtype")) for found in pdf.objects if isinstance(found, pikepdf.Dictionary)}
        assert not kinds & {"/Image", "/Form", "/Widget", "/FileAttachment"}
        assert all(
            link.Subtype == "/Link" and "/A" not in link for page in pdf.pages for link in page.get("/Annots", [])
        )
        assert set(pdf.attachments) == {"evidence.json", "openings.json"}


@needs_poppler
def test_markup_and_paths_are_printed_as_they_are() -> None:
    said = text_of(rendered(hostile(HOSTILE["markup"] + HOSTILE["path"])))
    assert HOSTILE["markup"] in said
    assert "root:x:0" not in said


@needs_poppler
def test_what_would_change_how_its_neighbours_are_read_is_escaped() -> None:
    said = text_of(rendered(hostile(HOSTILE["right to left"])))
    assert "U+202E evil U+2066 U+05E9" in said
    assert not set(said) & {"\u202e", "\u2066", "\u05e9"}


@needs_poppler
def test_control_characters_are_escaped() -> None:
    said = text_of(rendered(hostile(HOSTILE["control"])))
    assert "a U+0000 b U+001B [31m" in said


@needs_poppler
def test_forty_thousand_characters_are_cut_aloud() -> None:
    data = rendered(hostile(HOSTILE["long"]))
    assert "more characters in evidence.json]" in text_of(data)
    assert page_count(data) < 60


@needs_poppler
@pytest.mark.parametrize("word", FORBIDDEN)
def test_words_that_we_never_say_are_ours_only_where_somebody_recorded_them(word: str) -> None:
    assert word not in text_of(rendered(hostile("plain"))).lower()
