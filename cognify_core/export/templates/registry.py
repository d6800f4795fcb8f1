"""The templates that exist: those of this package, and those that others install."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points

from cognify_core.errors import UnsupportedExportError
from cognify_core.export.templates.template import Template

GROUP = "cognify.templates"
"""The entry point group: each entry, by the template's name, is a `Template`."""
OURS: dict[str, str] = {
    "eu_ai_act": "cognify_core.export.templates.eu_ai_act:TEMPLATE",
    "hipaa": "cognify_core.export.templates.hipaa:TEMPLATE",
}
"""Where each is, by name; nobody else takes these names."""
_NEEDED = ("name", "version", "formats", "shows_personal_data", "compose")


def find_template(name: str) -> Template | None:
    """The template of that name; ours come first."""
    return templates().get(name)


@cache
def templates() -> dict[str, Template]:
    """All templates, by name.

    Raises:
        UnsupportedExportError: one that is installed cannot be loaded, or is no template.
    """
    found = {entry.name: _loaded(entry) for entry in entry_points(group=GROUP) if entry.name not in OURS}
    for name, place in OURS.items():
        module, _, attribute = place.partition(":")
        found[name] = getattr(import_module(module), attribute)
    return found


def _loaded(entry: EntryPoint) -> Template:
    try:
        template: Template = entry.load()
    except Exception as error:
        raise UnsupportedExportError(f"the template {entry.name!r} cannot be loaded: {error}") from error
    if missing := [name for name in _NEEDED if not hasattr(template, name)]:
        raise UnsupportedExportError(f"the template {entry.name!r} has no {', '.join(missing)}")
    return template
