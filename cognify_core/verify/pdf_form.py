"""A PDF package, opened: the JSON package inside it, and what the file says of how it was made. Nothing is believed."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from cognify_core.canonical import Json, parse
from cognify_core.errors import CannotVerifyError, FormatError
from cognify_core.export.formats import FORMATS
from cognify_core.store.protocol import Opening

MAGIC = b"%PDF-"
EVIDENCE, OPENINGS = "evidence.json", "openings.json"
_PRODUCER = re.compile(r"cognify-pdf/[0-9]+(?:\+[^/+]+/[^/+]+)*")
_OBJECT = re.compile(r"^stream <[^>]*>: ")
"""How the library calls a file that it was given as bytes: by an address that tells nobody anything."""
_NO_LIBRARY = "to look into a PDF package, {name} is needed: pip install 'cognify-audit[pdf]'"


@dataclass(frozen=True, slots=True)
class PdfPackage:
    """A PDF package, read but not believed."""

    evidence: bytes
    """The JSON package."""
    openings: tuple[Opening, ...] | None
    """The clear values that its template was given; none where it takes none."""
    renderer: str
    """Its version, those of its libraries and of the template, as in `cognify-pdf/1+reportlab/5.1.0+hipaa/1`."""

    @property
    def versions(self) -> dict[str, str]:
        """By name, in their order."""
        return dict(part.split("/", 1) for part in self.renderer.split("+"))

    @property
    def template(self) -> str | None:
        """The template's name: the last part that is no library's."""
        last = list(self.versions)[-1]
        return None if last in ("cognify-pdf", *FORMATS["pdf"].libraries) else last


def is_pdf(data: bytes) -> bool:
    """Whether bytes are a PDF file's."""
    return data.startswith(MAGIC)


def read_pdf(data: bytes, max_bytes: int) -> PdfPackage:
    """Read a PDF package; what is attached may have `max_bytes`.

    Raises:
        FormatError: it is no PDF package.
        CannotVerifyError: the library that reads PDF is not installed.
    """
    try:
        from pikepdf import PdfError
    except ModuleNotFoundError as error:
        raise CannotVerifyError(_NO_LIBRARY.format(name=error.name)) from error
    try:
        found, producer = _opened(data, max_bytes)
    except (PdfError, ValueError, TypeError, KeyError, AttributeError, IndexError, RuntimeError, zlib.error) as error:
        # whatever a library makes of bytes that somebody has broken on purpose
        raise FormatError(f"not a PDF package: {_OBJECT.sub('', str(error))}") from error
    if EVIDENCE not in found:
        raise FormatError(f"not a PDF package: no {EVIDENCE} is attached; a preview is no evidence")
    if _PRODUCER.fullmatch(producer) is None:
        raise FormatError(f"not a PDF package: it was made by {producer[:80]!r}")
    openings = None if OPENINGS not in found else _openings(found[OPENINGS])
    return PdfPackage(found[EVIDENCE], openings, producer)


def _opened(data: bytes, max_bytes: int) -> tuple[dict[str, bytes], str]:
    from pikepdf import Pdf

    with Pdf.open(BytesIO(data), suppress_warnings=True) as pdf:
        names = list(pdf.Root.Names.EmbeddedFiles.Names) if "/Names" in pdf.Root else []
        found = {str(name): _content(spec, max_bytes) for name, spec in zip(names[::2], names[1::2], strict=True)}
        if 2 * len(found) != len(names):
            raise ValueError("two files of one name are attached")
        return found, str(pdf.trailer.Info.Producer)


def _content(spec: Any, max_bytes: int) -> bytes:
    """What is attached. It is unpacked here, so that a small file cannot become a large one."""
    stream = spec.EF.F
    filters = [str(one) for one in _listed(stream.get("/Filter"))]
    data: bytes = stream.read_raw_bytes()
    if filters not in ([], ["/FlateDecode"]) or "/DecodeParms" in stream:
        raise ValueError("what is attached is packed in another way than packages are")
    if filters:
        unpacking = zlib.decompressobj()
        data = unpacking.decompress(data, max_bytes + 1)
    if len(data) > max_bytes:
        raise ValueError(f"what is attached has more than {max_bytes:,} bytes")
    return data


def _listed(filters: Any) -> list[Any]:
    from pikepdf import Array

    return [] if filters is None else list(filters) if isinstance(filters, Array) else [filters]


def _openings(data: bytes) -> tuple[Opening, ...]:
    value = parse(data)
    listed = value.get("openings") if isinstance(value, dict) else None
    if not isinstance(listed, list):
        raise FormatError(f"not a PDF package: {OPENINGS} is no list of clear values")
    return tuple(map(_opening, listed))


def _opening(value: Json) -> Opening:
    match value:
        case {"commitment": str(commitment), "label": str(label), "random": str(random), "value": str(clear)}:
            try:
                return Opening(commitment, label, bytes.fromhex(random), clear)
            except ValueError as error:
                raise FormatError(f"not a PDF package: {OPENINGS}: {error}") from error
    raise FormatError(f"not a PDF package: {OPENINGS} holds something else than clear values")
