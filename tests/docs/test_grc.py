from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import GOLDENS
from tests.docs.blocks import ROOT, blocks

PAGE = (ROOT / "docs/grc.md").read_text("utf-8")


def test_the_rows_that_the_page_cuts_are_those_of_the_package(tmp_path: Path) -> None:
    (program,) = blocks("docs/grc.md", "python")
    package = GOLDENS / "package.json"
    subprocess.run([sys.executable, "-W", "ignore", "-c", program, package], cwd=tmp_path, check=True)
    sent = [row for path in sorted(tmp_path.glob("rows-*.json")) for row in json.loads(path.read_text())["records"]]
    assert sent == json.loads(package.read_text("utf-8"))["grc_records"]


def test_the_page_explains_every_column() -> None:
    (row, *_) = json.loads((GOLDENS / "package.json").read_text("utf-8"))["grc_records"]
    table = PAGE[PAGE.index("| column |") : PAGE.index("Some two hundred rows")]
    assert set(re.findall(r"`([a-z_0-9]+)`", table)) == set(row)


@pytest.mark.parametrize("code", blocks("docs/grc.md", "sh"))
def test_shell_blocks_parse_and_name_no_secret(code: str) -> None:
    subprocess.run(["bash", "-n"], input=code, text=True, check=True)
    assert not re.search(r"Bearer (?!\$)", code)
