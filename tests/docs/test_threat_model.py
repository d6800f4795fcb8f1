"""The threat model names, row by row, the tests that show what it says; each of them is there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODEL = (ROOT / "docs" / "threat-model.md").read_text("utf-8")
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
SECTIONS = {text.partition("\n")[0]: text for text in re.split(r"^##+ ", MODEL, flags=re.MULTILINE)[1:]}
ROWS = [line for line in SECTIONS["What shows, and from what"].splitlines() if line.startswith("| ")][2:]
ATTACKERS = [name for name in SECTIONS if name.startswith("Who ")]


@cache
def known_tests(file: str) -> frozenset[str]:
    """The names of the tests in a file; none where there is no such file."""
    path = ROOT / file
    tree = ast.walk(ast.parse(path.read_text("utf-8"))) if path.exists() else ()
    return frozenset(each.name for each in tree if isinstance(each, ast.FunctionDef) and each.name.startswith("test_"))


@pytest.mark.parametrize("document", sorted(ROOT.glob("docs/**/*.md")), ids=lambda path: path.name)
def test_every_test_that_a_document_names_is_there(document: Path) -> None:
    named = NAMED.findall(document.read_text("utf-8"))
    assert [f"{file}::{name}" for file, name in named if name not in known_tests(file)] == []


def test_a_test_that_is_not_there_would_be_missed() -> None:
    assert "test_that_is_not_there" not in known_tests("tests/docs/test_threat_model.py")
    assert known_tests("tests/docs/test_that_is_not_there.py") == frozenset()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split(" | ")[0][2:60])
def test_every_row_names_a_test_that_shows_it(row: str) -> None:
    cells = [cell.strip() for cell in row.strip("|").split(" | ")]
    assert len(cells) == 5
    assert NAMED.findall(cells[-1])


@pytest.mark.parametrize("attacker", ATTACKERS)
def test_every_attacker_names_a_test_that_shows_it(attacker: str) -> None:
    assert NAMED.findall(SECTIONS[attacker])
