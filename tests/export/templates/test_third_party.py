"""Templates of others: a real distribution in a folder on the path, found by its entry points."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cognify_core.export.templates.registry import GROUP, OURS, find_template, templates
from tests.docs.blocks import blocks

PAGE = "docs/templates.md"
PROGRAM = """
from cognify_core.export.templates.registry import find_template
from tests.export.document.dossiers import rich
from tests.export.document.dossiers import texts
found = find_template("one_pager")
print(found.name, found.version, sorted(found.formats))
print("\\n".join(texts(found.compose(rich()))))
"""


def install(folder: Path, source: str, entries: str) -> None:
    """What an installer leaves behind: a module, and a .dist-info with its metadata and entry points."""
    (folder / "one_pager.py").write_text(source, "utf-8")
    info = folder / "one_pager-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: one-pager\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(entries)


def run(program: str, folder: Path) -> subprocess.CompletedProcess[str]:
    root = str(Path(__file__).parents[3])
    env = {"PYTHONPATH": f"{folder}:{root}"}
    return subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=False)


def test_the_example_of_the_guide_is_found_and_composes(tmp_path: Path) -> None:
    install(tmp_path, blocks(PAGE, "python")[0], f"[{GROUP}]\none_pager = one_pager:TEMPLATE\n")
    ran = run(PROGRAM, tmp_path)
    assert ran.returncode == 0, ran.stderr
    said = ran.stdout.splitlines()
    assert said[0] == "one_pager 1 ['pdf']"
    assert "Who answers for the model" in said
    assert "GAP" in ran.stdout


def test_the_entry_point_of_the_guide_is_the_one_that_is_read() -> None:
    assert any(f'[project.entry-points."{GROUP}"]' in block for block in blocks(PAGE, "toml"))


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("raise RuntimeError('broken')", "the template 'one_pager' cannot be loaded: broken"),
        ("TEMPLATE = object()", "the template 'one_pager' has no name, version, formats"),
    ],
)
def test_a_template_that_is_none_is_named_with_what_is_wrong(tmp_path: Path, source: str, says: str) -> None:
    install(tmp_path, source, f"[{GROUP}]\none_pager = one_pager:TEMPLATE\n")
    ran = run(PROGRAM, tmp_path)
    assert f"UnsupportedExportError: {says}" in ran.stderr


def test_nobody_takes_the_name_of_a_template_of_ours(tmp_path: Path) -> None:
    install(tmp_path, blocks(PAGE, "python")[0], f"[{GROUP}]\nhipaa = one_pager:TEMPLATE\n")
    program = 'from cognify_core.export.templates.registry import find_template; print(find_template("hipaa").name)'
    assert run(program, tmp_path).stdout == "hipaa\n"


def test_each_of_ours_has_the_name_under_which_it_is_listed() -> None:
    assert OURS.keys() == {"eu_ai_act", "hipaa"}
    for name in OURS:
        template = templates()[name]
        assert template.name == name
        assert template.formats == {"pdf"}


def test_a_name_that_nobody_has_is_no_template() -> None:
    assert find_template("iso_42001") is None
