"""`cognify ledger`, asked of a home in which somebody deleted a run, never sealed one, or rewrote history."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.running import cognify, json_of
from tests.ledger.homes import Lived
from tests.tamper.attacking import leave


@pytest.fixture
def home(lived: Lived, tmp_path: Path) -> Path:
    """The folder in which the home lies, of which a head was written down."""
    leave()
    json_of(tmp_path, "ledger", "head", "--output", tmp_path / "head")
    return tmp_path


def test_a_ledger_that_nobody_touched_holds(home: Path) -> None:
    found = cognify(home, "ledger", "fsck", "--head", home / "head")
    assert (found.exit_code, "holds (exit code 0)" in found.stdout) == (0, True)


def test_a_run_that_was_deleted_is_named(lived: Lived, home: Path) -> None:
    lived.edit(*(f"DELETE FROM {table} WHERE run_id = '{lived.open}'" for table in ("events", "owners", "runs")))
    found = cognify(home, "ledger", "fsck")
    assert (found.exit_code, lived.open in found.stdout) == (1, True)
    report = json_of(home, "ledger", "fsck", code=1)
    assert [finding["code"] for finding in report["findings"]] == ["run_deleted"]


def test_runs_that_were_never_sealed_are_listed(lived: Lived, home: Path) -> None:
    listed = json_of(home, "ledger", "list", "--open")["open"]
    assert [(run["run_id"], run["status"]) for run in listed] == [(lived.closed, "COMPLETED"), (lived.open, "RUNNING")]
    shown = cognify(home, "ledger", "list", "--open").stdout
    assert all(run_id in shown for run_id in (lived.closed, lived.open))
    assert lived.sealed not in shown


def test_a_ledger_that_was_rolled_back_does_not_continue_its_head(lived: Lived, home: Path) -> None:
    assert cognify(home, "ledger", "consistency", home / "head").exit_code == 0
    lived.edit("DELETE FROM leaves WHERE position >= 8", "DELETE FROM nodes WHERE (place + 1) << level > 8")
    for words in (("consistency", home / "head"), ("fsck", "--head", home / "head")):
        found = cognify(home, "ledger", *words)
        assert (found.exit_code, "it was rolled back" in found.output) == (1, True)


def test_a_head_that_is_none_cannot_be_checked(home: Path) -> None:
    (home / "junk").write_text("junk")
    for file in ("junk", "nowhere"):
        found = cognify(home, "ledger", "consistency", home / file)
        assert (found.exit_code, len(found.stderr.splitlines())) == (2, 1)
