"""Pages from templates: escaped, strict about names that are not there, and closed to scripts of others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from cognify_core.server.asking import Asked, rooms_of
from cognify_core.server.pages.assets import static
from cognify_core.server.pages.filters import FILTERS, TESTS, visible
from cognify_core.server.roles import May
from cognify_core.server.visiting import csrf_of
from cognify_core.version import VERSION

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS: Mapping[str, str] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""Of every page. What a page shows is for whoever asked, and is not kept."""
THEME = "cognify_theme"
"""The cookie in which a browser keeps the theme that was chosen."""
DONE: dict[str, str] = {}
"""What is said after a form was sent and the page loaded again, by the word in `?done=`; modules add theirs."""


class Entry(NamedTuple):
    """An entry of the navigation, shown where its page exists and the visitor may see it."""

    name: str
    """The part of the address behind the workspace."""
    title: str
    needs: tuple[May, ...] = (May.READ,)
    """One of these is enough."""


NAVIGATION = (
    Entry("runs", "Runs"),
    Entry("datasets", "Datasets"),
    Entry("compare", "Compare"),
    Entry("compliance", "Compliance"),
    Entry("verify", "Verify"),
    Entry("workspace", "Workspace"),
)
SECTIONS = (
    Entry("profile", "Organisation's profile"),
    Entry("retention", "Retention"),
    Entry("storage", "Storage"),
    Entry("locks", "Expiring locks"),
    Entry("population", "List of runs", (May.EXPORT,)),
    Entry("accesses", "Access log", (May.WATCH,)),
    Entry("tokens", "API keys", (May.ADMIT,)),
    Entry("webhooks", "Webhooks", (May.KEEP,)),
)
"""The pages that are reached from `workspace`."""

TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    finalize=visible,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
TEMPLATES.filters |= FILTERS
TEMPLATES.tests |= TESTS
TEMPLATES.globals |= {"static": static, "version": VERSION, "query": urlencode}


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around every page."""

    path: str
    theme: str | None
    """`light` or `dark`; none: as the system has it."""
    done: str | None
    csrf: str
    asked: Asked | None
    workspaces: tuple[str, ...]
    navigation: tuple[Entry, ...]
    sections: tuple[Entry, ...]
    """Of the workspace."""

    @property
    def base(self) -> str:
        """What the addresses of the workspace begin with."""
        return "" if self.asked is None else f"/w/{self.asked.room.name}"

    def is_at(self, entry: Entry) -> bool:
        """Whether the page is that of an entry, or below it."""
        names = [entry.name, *(section.name for section in SECTIONS if entry.name == "workspace")]
        return any(f"{self.path}/".startswith(f"{self.base}/{name}/") for name in names)

    def may(self, permission: str) -> bool:
        """Whether the visitor has a permission."""
        return self.asked is not None and self.asked.caller.may(May(permission))


def page(
    request: Request, template: str, *, status: int = 200, headers: Mapping[str, str] | None = None, **context: Any
) -> HTMLResponse:
    """A page; its template finds `frame`, and whatever else is given."""
    body = TEMPLATES.get_template(template).render({**context, "frame": frame_of(request)})
    return HTMLResponse(body, status, {**HEADERS, **(headers or {})})


def prepare() -> None:
    """Compile the templates, so that no visitor waits for it; what is compiled already is passed over."""
    for name in TEMPLATES.list_templates():
        TEMPLATES.get_template(name)


def frame_of(request: Request) -> Frame:
    """What stands around the pages of this visitor."""
    asked: Asked | None = getattr(request.state, "asked", None)
    theme = request.cookies.get(THEME)
    return Frame(
        path=request.url.path,
        theme=theme if theme in ("light", "dark") else None,
        done=DONE.get(request.query_params.get("done", "")),
        csrf=csrf_of(request),
        asked=asked,
        workspaces=() if asked is None else tuple(_seen(request, asked)),
        navigation=() if asked is None else tuple(_entries(request, asked, NAVIGATION)),
        sections=() if asked is None else tuple(_entries(request, asked, SECTIONS)),
    )


def _seen(request: Request, asked: Asked) -> Iterator[str]:
    return (row.workspace for row in rooms_of(request).names() if asked.caller.sees(row.workspace))


def _entries(request: Request, asked: Asked, entries: Iterable[Entry]) -> Iterator[Entry]:
    there: frozenset[str] = request.app.state.pages
    for entry in entries:
        if f"/w/{{workspace_id}}/{entry.name}" in there and any(map(asked.caller.may, entry.needs)):
            yield entry
