from __future__ import annotations

import re
from functools import cache
from io import BytesIO
from pathlib import Path

import pytest

pytest.importorskip("pikepdf")
pytest.importorskip("openpyxl")

import pikepdf

from cognify_core.verify.package import check_package
from tests.factories import SIGNER
from tests.samples import FOLDER, write

MOST_BYTES = 300_000
README = FOLDER / "README.md"


@cache
def kept() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in FOLDER.iterdir() if path != README}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in write(tmp_path_factory.mktemp("made"))}


def unpacked(data: bytes) -> bytes:
    """What a file holds, whichever zlib packed it: of a PDF every object, its streams inflated."""
    if not data.startswith(b"%PDF"):
        return data
    plain = BytesIO()
    with pikepdf.open(BytesIO(data)) as pdf:
        pdf.save(plain, qdf=True, static_id=True)
    return plain.getvalue()


def test_the_samples_are_what_the_code_makes_today(made: dict[str, bytes]) -> None:
    stale = [name for name in made if unpacked(made[name]) != unpacked(kept().get(name, b""))]
    assert stale == [], "look at what has changed in these, and run: make samples"
    assert kept().keys() == made.keys()


def test_samples_come_out_alike_each_time(made: dict[str, bytes], tmp_path: Path) -> None:
    again = {path.name: path.read_bytes() for path in write(tmp_path)}
    assert [name for name in made if made[name] != again.get(name)] == []


def test_each_pdf_among_them_verifies() -> None:
    drawn = [data for name, data in kept().items() if name.endswith(".pdf")]
    assert drawn
    assert {check_package(data, trusted=[SIGNER.public_key]).exit_code for data in drawn} == {0}


def test_each_is_listed_with_the_command_that_makes_it_and_none_is_large() -> None:
    listed = re.findall(r"^\| \[(.+?)\]\(\1\) \| `cognify ", README.read_text("utf-8"), re.MULTILINE)
    assert sorted(listed) == sorted(kept())
    assert max(map(len, kept().values())) < MOST_BYTES
