"""Whom the server tells what happens: webhooks, a new one with its secret, shown this once, a try, and an end."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, StringConstraints

from cognify_core.api.saying import checked
from cognify_core.errors import ConfigurationError
from cognify_core.server.asking import Asked
from cognify_core.server.happening import EVENTS
from cognify_core.server.notifying import MOST_HOOKS
from cognify_core.server.pages.rendering import DONE, page
from cognify_core.server.problems import Problem
from cognify_core.server.roles import May
from cognify_core.server.routes.webhooks import (
    HookChange,
    HookGiven,
    HookShown,
    NewHook,
    Tried,
    add_webhook,
    change_webhook,
    list_deliveries,
    list_webhooks,
    remove_webhook,
    test_webhook,
)
from cognify_core.server.visiting import act, visit

router = APIRouter(prefix="/w/{workspace_id}/webhooks", tags=["pages"])
DONE["hook-changed"] = "The webhook is changed."
DONE["hook-removed"] = "The webhook is removed."
ABOUT = {
    "run.sealed": "a run was sealed",
    "package.exported": "a package is in a vault",
    "export.failed": "a package could not be put there three times",
    "verification.failed": "a lock or a copy is less than it was, a vault is silent, or a record contradicts its seal",
    "retention.ending": "a run must be kept for 30 days more, and no longer",
    "gap.opened": "a record has its first gap",
}
Word = Annotated[str, StringConstraints(max_length=60)]


class Sent(BaseModel):
    """The form, as it was sent."""

    url: Annotated[str, StringConstraints(max_length=4000, strip_whitespace=True)] = ""
    label: Annotated[str, StringConstraints(max_length=1000, strip_whitespace=True)] = ""
    events: list[Word] = []
    enabled: Word = ""


@router.get("")
def show_webhooks(request: Request, asked: Annotated[Asked, visit(May.KEEP)]) -> Response:
    """The webhooks of the workspace."""
    return _page(request, asked, Sent(events=list(EVENTS)))


@router.post("")
def add(request: Request, asked: Annotated[Asked, act(May.KEEP)], sent: Annotated[Sent, Form()]) -> Response:
    """Add one; this page shows its secret, and no other ever will."""
    try:
        new = checked(lambda: NewHook(url=sent.url, label=sent.label, events=sent.events))
        given = add_webhook(asked, request, new)
    except ConfigurationError as error:
        return _page(request, asked, sent, wrong=str(error), status=422)
    return _page(request, asked, Sent(events=list(EVENTS)), given=given, status=201)


@router.get("/{hook_id}")
def show_webhook(request: Request, asked: Annotated[Asked, visit(May.KEEP)], hook_id: str) -> Response:
    """One of them, and what became of what it was told."""
    return _hook_page(request, asked, hook_id)


@router.post("/{hook_id}")
def change(
    request: Request, asked: Annotated[Asked, act(May.KEEP)], hook_id: str, sent: Annotated[Sent, Form()]
) -> Response:
    """Change what it is told, and whether it is."""
    try:
        said = checked(lambda: HookChange(events=sent.events, label=sent.label, enabled=bool(sent.enabled)))
        change_webhook(asked, hook_id, said)
    except ConfigurationError as error:
        return _hook_page(request, asked, hook_id, wrong=str(error), status=422)
    return RedirectResponse(f"/w/{asked.room.name}/webhooks/{hook_id}?done=hook-changed", 303)


@router.post("/{hook_id}/test")
def try_webhook(request: Request, asked: Annotated[Asked, act(May.KEEP)], hook_id: str) -> Response:
    """Send it a message of no importance now, and show what became of it."""
    return _hook_page(request, asked, hook_id, tried=test_webhook(asked, request, hook_id))


@router.get("/{hook_id}/removal")
def ask_removal(request: Request, asked: Annotated[Asked, visit(May.KEEP)], hook_id: str) -> Response:
    """What ends with it."""
    waiting = sum(each.state == "waiting" for each in list_deliveries(asked, hook_id, limit=500))
    return page(request, "webhook_end.html", hook=_hook(asked, hook_id), waiting=waiting)


@router.post("/{hook_id}/removal")
def remove(asked: Annotated[Asked, act(May.KEEP)], hook_id: str) -> Response:
    """Tell it no more."""
    remove_webhook(asked, hook_id)
    return RedirectResponse(f"/w/{asked.room.name}/webhooks?done=hook-removed", 303)


def _page(
    request: Request,
    asked: Asked,
    sent: Sent,
    *,
    given: HookGiven | None = None,
    wrong: str = "",
    status: int = 200,
) -> Response:
    return page(
        request,
        "webhooks.html",
        status=status,
        hooks=list_webhooks(asked),
        most=MOST_HOOKS,
        events=ABOUT,
        sent=sent,
        given=given,
        wrong=wrong,
    )


def _hook_page(
    request: Request, asked: Asked, hook_id: str, *, tried: Tried | None = None, wrong: str = "", status: int = 200
) -> Response:
    return page(
        request,
        "webhook.html",
        status=status,
        hook=_hook(asked, hook_id),
        deliveries=list_deliveries(asked, hook_id, limit=100),
        events=ABOUT,
        tried=tried,
        wrong=wrong,
    )


def _hook(asked: Asked, hook_id: str) -> HookShown:
    if (hook := asked.room.store.hook(hook_id)) is None:
        raise Problem(404, "there is no such webhook in this workspace")
    return HookShown.of(hook)
