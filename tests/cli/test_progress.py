"""What `export` shows of how far it has come: to people at a terminal, and to nobody else."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

pytest.importorskip("pikepdf")
pytest.importorskip("openpyxl")

from tests.cli.running import as_process, in_terminal
from tests.cli.test_runs import sealed, still_open


@pytest.mark.parametrize(("format", "counted"), [("pdf", "drawing pages"), ("xlsx", "writing rows")])
def test_a_terminal_shows_a_bar_that_counts(mine: Path, format: str, counted: str) -> None:  # noqa: A002
    shown = in_terminal(mine, "export", sealed(mine), "--format", format, "-o", f"audit.{format}", columns=120)
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
    assert plain.index("exporting: sealing") < plain.index("exporting: reading the record")
    assert re.search(rf"exporting: {counted} \S* [0-9]+/[1-9][0-9,]* ", plain)
    assert "\x1b[2K" in shown  # and it is gone afterwards
    assert (mine / f"audit.{format}").exists()


def test_a_list_of_runs_counts_the_runs_that_it_reads_and_then_its_rows(mine: Path) -> None:
    period = ("--since", "2020-01-01", "--until", "2099-12-31")
    shown = in_terminal(mine, "export", *period, "--format", "xlsx", "-o", "list.xlsx", columns=120)
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
    runs = re.search(r"listing: reading runs \S* [0-9]+/2 ", plain)
    rows = re.search(r"listing: writing rows \S* [0-9]+/[1-9][0-9,]* ", plain)
    assert runs
    assert rows
    assert runs.start() < rows.start()
    assert (mine / "list.xlsx").exists()


def test_a_pipe_gets_no_bar_and_stdout_nothing_but_the_document(mine: Path) -> None:
    done = as_process(mine, "export", sealed(mine), "--format", "xlsx", "--json", "-o", "audit.xlsx")
    assert done.stderr == ""
    assert json.loads(done.stdout)["format"] == "xlsx"


def test_a_preview_counts_its_pages_too(mine: Path) -> None:
    shown = in_terminal(mine, "preview", still_open(mine), "-o", "preview.pdf", columns=120)
    assert "previewing: drawing pages" in shown
