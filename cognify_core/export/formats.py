"""The formats and templates that exist, by name. A renderer's module is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol

from cognify_core.errors import UnsupportedExportError
from cognify_core.export.inputs import SealedRun


class Renderer(Protocol):
    """A function from sealed runs to a file's bytes: same inputs, same bytes, on every machine."""

    def __call__(self, run: SealedRun, addenda: Sequence[SealedRun]) -> bytes:
        """Render the package. Raises `FormatError` where an input is not what it should be."""


@dataclass(frozen=True, slots=True)
class ExportFormat:
    """One pair of format and template: where its renderer is, its version, and how its files' names end."""

    renderer: str
    """As in `package.module:function`."""
    version: str
    """What packages and receipts call the renderer."""
    extension: str

    def load(self) -> Renderer:
        """The renderer itself."""
        module, _, name = self.renderer.partition(":")
        renderer: Renderer = getattr(import_module(module), name)
        return renderer


FORMATS: dict[tuple[str, str | None], ExportFormat] = {
    ("json", None): ExportFormat("cognify_core.export.package_json:render", "cognify-json/1", "json"),
}
"""Who has a renderer of their own adds its pair."""


def export_format(format: str, template: str | None) -> ExportFormat:  # noqa: A002 - the word that users know
    """The pair's entry.

    Raises:
        UnsupportedExportError: there is none; the message lists those that exist.
    """
    if (found := FORMATS.get((format, template))) is None:
        raise UnsupportedExportError(
            f"there is no export of format {format!r} with template {template!r}; there are:\n{_table()}"
        )
    return found


def file_extension(format: str, template: str | None = None) -> str:  # noqa: A002
    """How the names of files of this format end, without the dot.

    Raises:
        UnsupportedExportError: there is no such pair.
    """
    return export_format(format, template).extension


def render_package(
    format: str,  # noqa: A002
    template: str | None,
    run: SealedRun,
    addenda: Sequence[SealedRun] = (),
) -> bytes:
    """The bytes of a package.

    Raises:
        UnsupportedExportError: there is no such pair of format and template.
        FormatError: an input is not what it should be.
    """
    return export_format(format, template).load()(run, addenda)


def _table() -> str:
    rows = [("FORMAT", "TEMPLATE"), *((kind, template or "(none)") for kind, template in sorted(FORMATS, key=str))]
    return "\n".join(f"  {kind:<8}{template}" for kind, template in rows)
