"""The formats and templates that exist, by name. A renderer's module is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed
from pathlib import PurePath
from typing import Protocol

from cognify_core.errors import UnsupportedExportError
from cognify_core.export.dossier import Dossier
from cognify_core.export.inputs import SealedRun
from cognify_core.export.templates.registry import find_template, templates
from cognify_core.export.templates.template import Template
from cognify_core.export.watched import Watch, unwatched
from cognify_core.store.protocol import Opening


class Renderer(Protocol):
    """A function from a dossier to a file's bytes: same inputs, same bytes, on every machine."""

    def __call__(self, dossier: Dossier, template: Template | None, watch: Watch) -> bytes:
        """Render the package; `watch` is told how far it has come.

        Raises `FormatError` where an input is not what it should be.
        """


@dataclass(frozen=True, slots=True)
class Format:
    """A format: where its renderer is, the renderer's version, and how its files' names end."""

    renderer: str
    """As in `package.module:function`."""
    version: str
    extension: str
    extra: str | None = None
    """The extra that brings the libraries it needs."""
    libraries: tuple[str, ...] = ()
    """Distributions that decide over the bytes: their versions are part of the renderer's."""


FORMATS: dict[str, Format] = {
    "json": Format("cognify_core.export.package_json:render_dossier", "cognify-json/2", "json"),
    "xlsx": Format(
        "cognify_core.export.package_xlsx:render_dossier", "cognify-xlsx/1", "xlsx", "xlsx", libraries=("openpyxl",)
    ),
    "cyclonedx": Format("cognify_core.export.cyclonedx:render_dossier", "cognify-cyclonedx/1", "cdx.json"),
    "hf-card": Format("cognify_core.export.model_card:render_dossier", "cognify-hf-card/1", "md"),
    "pdf": Format(
        "cognify_core.export.pdf.package_pdf:render_dossier",
        "cognify-pdf/1",
        "pdf",
        "pdf",
        libraries=("reportlab", "pikepdf", "matplotlib"),
    ),
}


@dataclass(frozen=True, slots=True)
class ExportFormat:
    """One pair of format and template."""

    format: str
    template: Template | None
    version: str
    """What packages and receipts call the renderer, the template's version included."""
    extension: str

    def render(self, dossier: Dossier, watch: Watch = unwatched) -> bytes:
        """The bytes of a package; `watch` is told how far it has come.

        Raises:
            FormatError: an input is not what it should be.
            UnsupportedExportError: a library that this format needs is not installed; the message names the extra.
        """
        kind = FORMATS[self.format]
        module, _, name = kind.renderer.partition(":")
        try:
            renderer: Renderer = getattr(import_module(module), name)
        except ModuleNotFoundError as error:
            if kind.extra is None or (error.name or "").startswith("cognify"):
                raise
            raise _missing(self.format, error.name or "a library") from error
        return renderer(dossier, self.template, watch)


def export_format(format: str, template: str | None) -> ExportFormat:  # noqa: A002 - the word that users know
    """The pair of a format and a template.

    Raises:
        UnsupportedExportError: there is no such pair; the message lists those that exist. Or a library that the format
            needs is not installed; the message names the extra.
    """
    kind = FORMATS.get(format)
    asked = None if template is None else find_template(template)
    if kind is None or (template is not None and (asked is None or format not in asked.formats)):
        raise UnsupportedExportError(
            f"there is no export of format {format!r} with template {template!r}; there are:\n{export_table()}"
        )
    return ExportFormat(format, asked, renderer_version(format, asked), kind.extension)


def format_named(path: PurePath) -> str | None:
    """The format that a file's name asks for, as in `audit.pdf`; None where it asks for none."""
    for name, kind in sorted(FORMATS.items(), key=lambda each: -len(each[1].extension)):
        if path.name.lower().endswith(f".{kind.extension}"):
            return name
    return None


def renderer_version(format: str, template: Template | None) -> str:  # noqa: A002
    """What packages and receipts call a renderer: its own version, its libraries', the template's.

    Raises:
        UnsupportedExportError: a library that the format needs is not installed; the message names the extra.
    """
    kind = FORMATS[format]
    parts = [kind.version, *(_library(format, name) for name in kind.libraries)]
    return "+".join(parts if template is None else [*parts, f"{template.name}/{template.version}"])


@cache
def _library(format: str, name: str) -> str:  # noqa: A002
    """As in `openpyxl/3.1.5`."""
    try:
        return f"{name}/{installed(name)}"
    except PackageNotFoundError as error:
        raise _missing(format, name) from error


def _missing(format: str, library: str) -> UnsupportedExportError:  # noqa: A002
    extra = FORMATS[format].extra
    return UnsupportedExportError(f"the format {format!r} needs {library}: pip install 'cognify-audit[{extra}]'")


def render_package(
    format: str,  # noqa: A002
    template: str | None,
    run: SealedRun,
    addenda: Sequence[SealedRun] = (),
    *,
    openings: Sequence[Opening] = (),
) -> bytes:
    """The bytes of a package.

    Raises:
        UnsupportedExportError: there is no such pair of format and template.
        FormatError: an input is not what it should be.
    """
    return export_format(format, template).render(Dossier.of(run, addenda, openings=openings))


def export_table() -> str:
    """Which format × template exist, a line each."""
    rows = [("FORMAT", "TEMPLATE"), *((kind, "(none)") for kind in FORMATS)]
    rows += [(kind, name) for name, template in templates().items() for kind in FORMATS if kind in template.formats]
    return "\n".join(f"  {kind:<12}{template}" for kind, template in rows)
