"""How a finished document reads to others: poppler, pikepdf's validator, a reader of QR codes."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import pikepdf

from cognify_core.export.dossier import Dossier
from cognify_core.export.formats import export_format
from tests.installed import needs

needs_poppler = needs("pdftotext")
FORBIDDEN = ("compliant", "certified", "guarantee")


def rendered(dossier: Dossier, template: str | None = None) -> bytes:
    return export_format("pdf", template).render(dossier)


def text_of(data: bytes, *, pages: tuple[int, int] | None = None) -> str:
    """The text as poppler reads it, words apart, lines joined."""
    span = ["-f", str(pages[0]), "-l", str(pages[1])] if pages else []
    return " ".join(_poppler("pdftotext", data, *span, "-").decode().split())


def images_of(data: bytes, folder: Path, page: int = 1, dpi: int = 150) -> Path:
    """A page as a picture."""
    target = folder / f"page-{page}"
    _poppler("pdftoppm", data, "-png", "-singlefile", "-r", str(dpi), "-f", str(page), str(target))
    return target.with_suffix(".png")


def structure_of(data: bytes) -> str:
    """The tree of tags as poppler reads it; with its text it would draw a page for each of them."""
    return _poppler("pdfinfo", data, "-struct", before=True).decode()


def starts_of(data: bytes, kind: str) -> list[tuple[int, int]]:
    """Where the elements of a kind begin, in the order of the tree of tags: page, and place in its content."""
    with pikepdf.open(BytesIO(data)) as pdf:
        pages = {page.obj.objgen: number for number, page in enumerate(pdf.pages)}
        found: list[tuple[int, int]] = []

        def walk(node: Any, within: bool) -> None:
            if node.get("/Type") == "/MCR" and within:
                found.append((pages[node.Pg.objgen], int(node.MCID)))
            for kid in node.get("/K", []):
                walk(kid, node.get("/S") == f"/{kind}")

        walk(pdf.Root.StructTreeRoot, False)
        return found


def attached(data: bytes) -> dict[str, bytes]:
    with pikepdf.open(BytesIO(data)) as pdf:
        return {name: spec.get_file().read_bytes() for name, spec in pdf.attachments.items()}


def page_count(data: bytes) -> int:
    with pikepdf.open(BytesIO(data)) as pdf:
        return len(pdf.pages)


def fonts_of(data: bytes) -> Iterator[tuple[str, bool]]:
    """Each font of the file, by name, and whether it is embedded."""
    with pikepdf.open(BytesIO(data)) as pdf:
        for found in pdf.objects:
            if isinstance(found, pikepdf.Dictionary) and found.get("/Type") == "/Font":
                descriptor: Any = found.get("/FontDescriptor", {})
                embedded = any(key in descriptor for key in ("/FontFile", "/FontFile2", "/FontFile3"))
                yield str(found.BaseFont), embedded


def findings_of(data: bytes) -> Sequence[Any]:
    """What pikepdf's validator has against a file as PDF/A-3b."""
    from pikepdf import pdfa

    with pikepdf.open(BytesIO(data)) as pdf:
        report = pdfa.check(pdf, "3b")
        assert report.passed == (not report.findings)
        return tuple(report.findings)


def _poppler(program: str, data: bytes, *arguments: str, before: bool = False) -> bytes:
    order = [*arguments, "-"] if before else ["-", *arguments]
    return subprocess.run([program, *order], input=data, capture_output=True, check=True).stdout
