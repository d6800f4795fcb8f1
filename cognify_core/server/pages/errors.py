"""What a page says where it cannot be shown."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from cognify_core.server.pages.rendering import page

_TITLES = {
    403: "You may not do this",
    404: "There is nothing here",
    409: "This cannot be done now",
    422: "This was not understood",
}


def error_page(request: Request, status: int, detail: str, headers: Mapping[str, str]) -> Response:
    """The page of an error; of a redirection, the redirection."""
    if status == HTTPStatus.SEE_OTHER and (where := headers.get("Location")) is not None:
        return RedirectResponse(where, status, headers={"Cache-Control": "no-store"})
    if status >= 500:
        request.state.asked = None  # what went wrong may be what a whole page would ask for
    title = _TITLES.get(status, "Something is wrong here" if status >= 500 else HTTPStatus(status).phrase)
    return page(request, "error.html", status=status, headers=headers, title=title, detail=detail, code=status)
