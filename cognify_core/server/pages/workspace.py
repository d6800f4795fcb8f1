"""What there is to set and to see of a workspace, each on a page of its own."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from cognify_core.server.pages.rendering import page
from cognify_core.server.roles import May
from cognify_core.server.visiting import visit

router = APIRouter(prefix="/w/{workspace_id}/workspace", tags=["pages"])
ABOUT = {
    "profile": "What the organisation says of itself and of its AI systems, law by law.",
    "retention": "How long sealed runs are kept, and why: what is said here, and the floors of the law.",
    "storage": "The vault that packages go into, what its locks are worth, and what the last round found.",
    "locks": "Packages whose lock ends soonest, and until when they must be kept.",
    "population": "Every run of a period in one signed workbook: the population that auditors sample from.",
    "accesses": "Who looked at what, when, and from where; whether the log holds; erasure of names.",
    "tokens": "API keys: who may do what here, until when.",
    "webhooks": "Whom the server tells what happens.",
}


@router.get("", dependencies=[visit(May.READ)])
def show_workspace(request: Request) -> Response:
    """The pages of the workspace that the visitor may see."""
    return page(request, "workspace.html", about=ABOUT)
