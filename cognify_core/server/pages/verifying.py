"""The page that checks packages in the browser: the very file that works from disk, for everybody, signed in or not.

What is dropped into it never comes here. Whoever does not trust this server compares the file's SHA-256.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Annotated

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from cognify_core.server.asking import Asked
from cognify_core.server.pages.rendering import HEADERS
from cognify_core.server.pages.standalone import policy, standalone
from cognify_core.server.roles import May
from cognify_core.server.visiting import visit

router = APIRouter(tags=["pages"])


@router.get("/verify")
def show_verifier() -> Response:
    """The page, without a login: it is the same for all, and knows nothing of anybody."""
    data = standalone()
    own = {
        "Content-Security-Policy": f"{policy()}; frame-ancestors 'none'",
        "Cache-Control": "no-cache",
        "ETag": f'"{sha256(data).hexdigest()}"',
        "Referrer-Policy": "no-referrer",
    }
    return HTMLResponse(data, headers={**HEADERS, **own})


@router.get("/w/{workspace_id}/verify")
def lead_to_verifier(asked: Annotated[Asked, visit(May.READ)]) -> Response:  # noqa: ARG001 - whoever may not is refused
    """The way there from the pages of a workspace."""
    return RedirectResponse("/verify", 303)
