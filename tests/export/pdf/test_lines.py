from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cognify_core.export.pdf.fonts import width_of
from cognify_core.export.pdf.legible import Escapes, is_shown, legible
from cognify_core.export.pdf.lines import Run, lines_of
from cognify_core.export.pdf.theme import BODY, CELL_MONO
from cognify_core.export.pdf.writing import Writing

DIGEST = "sha256:" + "0123456789abcdef" * 4


@given(st.text(max_size=400), st.floats(30, 400))
def test_no_line_is_wider_than_it_may_be_and_no_character_is_lost(text: str, width: float) -> None:
    lines = Writing().lines(text, BODY, width)
    assert all(piece.x + piece.width <= width + 0.01 for line in lines for piece in line.pieces)
    parts = "".join(part for part, _ in legible(text, Escapes()))
    assert "".join("".join(line.text for line in lines).split()) == "".join(parts.split())


@given(st.text(max_size=200))
def test_whatever_is_recorded_every_character_that_is_drawn_has_a_glyph(text: str) -> None:
    shown = "".join(part for part, _ in legible(text, Escapes())).replace("\n", "")
    assert all(map(is_shown, shown))


def test_a_digest_is_set_in_groups_of_eight_as_many_on_each_line() -> None:
    lines = lines_of([Run(DIGEST, CELL_MONO)], 230)
    assert [line.text for line in lines] == ["sha256:" + "0123456789abcdef" * 2, "0123456789abcdef" * 2]
    assert all(line.grouped for line in lines)


def test_nothing_stands_between_a_digest_and_the_comma_behind_it() -> None:
    (line,) = Writing().lines(f"root {DIGEST}, signed", BODY, 2000)
    comma = next(piece for piece in line.pieces if piece.text.startswith(","))
    before = line.pieces[line.pieces.index(comma) - 1]
    assert abs(before.x + width_of(before.text, before.style.face, before.style.size) - comma.x) < 0.01


def test_an_escape_does_not_run_into_what_stands_beside_it() -> None:
    assert [part for part, _ in legible("a\u05d1c", Escapes())] == ["a ", "U+05D1", " c"]
