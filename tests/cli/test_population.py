from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from tests.cli.running import cognify, json_of
from tests.cli.test_runs import sealed, still_open
from tests.export.sheets.workbooks import ipe_facts, table

YEARS = ("--since", "2020-01-01", "--until", "2099-12-31", "--format", "xlsx")


def test_the_runs_of_a_period_are_listed_with_a_discarded_one(mine: Path) -> None:
    kept, gone = sealed(mine), still_open(mine)
    assert cognify(mine, "discard", gone, "--reason", "=wrong data").exit_code == 0
    done = json_of(mine, "export", *YEARS)
    data = Path(done["path"]).read_bytes()
    assert (done["runs"], done["since"], done["until"], done["format"]) == (2, "2020-01-01", "2099-12-31", "xlsx")
    assert done["package_hash"] == f"sha256:{sha256(data).hexdigest()}"
    found = {row["run"]: row for row in table(data, "runs")}
    assert found[kept]["listed as"] == "sealed"
    assert (found[gone]["status"], found[gone]["why it is gone"]) == ("DISCARDED", "=wrong data")


def test_a_run_outside_the_period_is_counted_and_not_listed(mine: Path) -> None:
    words = ("--since", "2020-01-01", "--until", "2020-12-31", "-o", mine / "none.xlsx")
    assert json_of(mine, "export", *words)["runs"] == 0
    assert ipe_facts((mine / "none.xlsx").read_bytes())["Outside the period, not listed"] == 2


def test_the_list_verifies_by_its_receipt_and_a_flipped_byte_shows(mine: Path) -> None:
    path = Path(json_of(mine, "export", *YEARS)["path"])
    result = cognify(mine, "verify", path)
    assert result.exit_code == 0, result.output
    assert "a list of 2 runs opened from 2020-01-01 to 2099-12-31" in result.stdout
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    report = json_of(mine, "verify", path, code=1)
    assert "receipt_package" in {finding["code"] for finding in report["findings"]}


def test_people_are_told_how_many_where_and_the_hash(mine: Path) -> None:
    said = cognify(mine, "export", *YEARS, "-o", mine / "list.xlsx").stdout.splitlines()
    assert said[0] == "2 runs opened from 2020-01-01 to 2099-12-31"
    assert said[1] == str(mine / "list.xlsx")
    assert said[2].startswith("sha256:")
    assert said[3] == f"receipt: {mine / 'list.xlsx'}.sigstore.json"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--since", "2026-01-01"), "a period has two ends"),
        (("--since", "2026-1-1", "--until", "2026-12-31", "--format", "xlsx"), "--since takes a day as in 2026-01-31"),
        (("--since", "2026-02-01", "--until", "2026-01-31", "--format", "xlsx"), "cannot end on 2026-01-31"),
        (("--since", "2026-01-01", "--until", "2026-12-31", "--format", "json"), "are there as xlsx, not as 'json'"),
        (("last", *YEARS), "leave out the run"),
        (("--template", "hipaa", *YEARS), "leave out the run"),
    ],
)
def test_a_period_that_is_none_is_refused(workspace: Path, words: tuple[str, ...], said: str) -> None:
    result = cognify(workspace, "export", *words)
    assert result.exit_code == 2
    assert said in result.stderr
