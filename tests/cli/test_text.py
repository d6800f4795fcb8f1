from __future__ import annotations

import io
import json
import re
from contextlib import redirect_stdout

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cognify_core.cli.console import say, table
from cognify_core.cli.text import document
from cognify_core.model.shown import html_table, plain
from cognify_core.verify.report import Report, contradicts, holds

HOSTILE = {
    "a terminal escape": ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
    "an 8-bit terminal escape": ("\x9b31m", r"\x9b31m"),
    "a title change with a bell": ("\x1b]0;pwned\x07", r"\x1b]0;pwned\x07"),
    "a carriage return that overwrites": ("FAILED\rOK", r"FAILED\rOK"),
    "a new line that forges another": ("x\nexit code 0", r"x\nexit code 0"),
    "a right-to-left override": ("a\u202egpj.exe", r"a\u202egpj.exe"),
    "a bidirectional isolate": ("\u2066x\u2069", r"\u2066x\u2069"),
    "a zero-width space": ("a\u200bb", r"a\u200bb"),
    "a line separator": ("a\u2028b", r"a\u2028b"),
    "a file name that is not UTF-8": ("a\udcff", r"a\udcff"),
    "a tag character": ("a\U000e0041", r"a\U000e0041"),
}


@pytest.mark.parametrize(("hostile", "shown"), HOSTILE.values(), ids=list(HOSTILE))
def test_what_could_deceive_a_terminal_is_shown_escaped(hostile: str, shown: str) -> None:
    assert plain(hostile) == shown


@pytest.mark.parametrize("text", ["plain", "[red]x[/red]", "naïve café", "日本語", "עברית", "😀", "a → b · c"])
def test_what_is_only_text_is_shown_as_it_is(text: str) -> None:
    assert plain(text) == text


@given(st.text())
def test_shown_text_is_printable_and_one_line(text: str) -> None:
    shown = plain(text)
    assert len(shown.splitlines()) <= 1
    assert all(character.isprintable() or character.isspace() for character in shown)
    assert not set(shown) & set("\x1b\x9b\r\n\t\u202e\u2028")


@given(st.text())
def test_json_for_programs_is_ascii_and_loses_nothing(text: str) -> None:
    written = document({"text": text})
    assert written.isascii()
    assert json.loads(written) == {"text": text}


def test_rich_markup_in_a_record_is_text() -> None:
    out = io.StringIO()
    with redirect_stdout(out):
        say("[red]not red[/red] [link=https://example.org]x[/link] :smile:")
        table(("[bold]NAME[/bold]",), [("[red]x[/red]",)])
    assert "[red]not red[/red] [link=https://example.org]x[/link] :smile:" in out.getvalue()
    assert "[bold]NAME[/bold]" in out.getvalue()
    assert "[red]x[/red]" in out.getvalue()


def test_html_in_a_record_is_text_in_a_notebook() -> None:
    page = html_table("<script>alert(1)</script>", [("a&b", '<img src=x onerror="x">'), ("c", "d\u202ee")])
    assert not set(re.findall(r"<(\w+)", page)) - {"table", "caption", "b", "tr", "th", "td", "code"}
    assert "&lt;img src=x onerror=&quot;x&quot;&gt;" in page
    assert r"d\u202ee" in page


def test_a_report_in_a_notebook_names_contradictions_first() -> None:
    report = Report("package <x>", (holds("record", "fine"), contradicts("seal", "<b>other</b> root")))
    page = report._repr_html_()
    assert page.index("&lt;b&gt;other&lt;/b&gt; root") < page.index("intact")
    assert "DOES NOT HOLD" in page
