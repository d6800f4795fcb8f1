"""What holds for every pair of format and template that there is."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

pytest.importorskip("pikepdf")
pytest.importorskip("openpyxl")

from cognify_core.export.formats import FORMATS, export_format
from cognify_core.export.templates.registry import templates
from tests.export.document.dossiers import rich
from tests.export.pdf.reading import text_of
from tests.export.sheets.workbooks import parts
from tests.export.templates.test_hostile import FORBIDDEN
from tests.installed import the

ROOT = Path(__file__).parents[2]
EVERY = [
    (kind, template)
    for kind in FORMATS
    for template in (None, *sorted(templates()))
    if template is None or kind in templates()[template].formats
]
PAIRS = pytest.mark.parametrize(("kind", "template"), EVERY, ids=["-".join(filter(None, pair)) for pair in EVERY])
TOLD = rich()


@cache
def words_of(kind: str, template: str | None) -> str:
    """All that a reader of the file sees, of a run of which much is told."""
    data = export_format(kind, template).render(TOLD)
    if kind == "pdf":
        the("pdftotext")
        return text_of(data)
    return "\n".join(part.decode() for _, part in parts(data)) if kind == "xlsx" else data.decode()


@PAIRS
def test_no_output_says_more_than_it_knows(kind: str, template: str | None) -> None:
    assert FORBIDDEN.findall(words_of(kind, template)) == []


@PAIRS
def test_every_output_names_the_run_and_the_root_of_its_record_in_full(kind: str, template: str | None) -> None:
    said = re.sub(r"\s", "", words_of(kind, template))
    assert TOLD.run_id in said
    assert TOLD.seals[0].root in said


ALONE = """
import sys, tempfile
from cognify_core.export.formats import export_format
from tests.export.templates.test_hostile import HOSTILE, hostile
from tests.export.test_every_export import EVERY

ours = str(sys.modules["cognify_core"].__path__[0]) + "/export/pdf/colour/"  # each PDF carries the profile
kept = tempfile.gettempdir() + "/openpyxl."  # what openpyxl has written of a sheet, until the workbook is put together
KINDS = ("open", "os", "socket", "subprocess", "shutil", "ctypes", "urllib", "http", "import")
seen = []

def watch(event, arguments):
    name = str(arguments[0])
    is_kept = name.startswith(kept) or (name, *arguments[1:2]) == (tempfile.gettempdir(), "w+")
    if event.split(".")[0] in KINDS and not is_kept and not name.startswith(ours):
        seen.append((event, str(arguments)))

told = hostile(HOSTILE["markup"] + HOSTILE["path"])
for kind, template in EVERY:
    export_format(kind, template).render(hostile("warm"))  # imports what it imports, and reads its fonts
sys.addaudithook(watch)
for kind, template in EVERY:
    export_format(kind, template).render(told)
    assert not seen, (kind, template, seen[:10])
"""


def test_while_they_render_nothing_is_read_that_is_not_their_own_and_nothing_connected_to(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ALONE],
        env={"PYTHONPATH": str(ROOT), "HOME": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
