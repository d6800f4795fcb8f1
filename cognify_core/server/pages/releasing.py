"""The released run of a project: proposed here by one person, approved or declined here by another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel

from cognify_core.api.saying import checked
from cognify_core.errors import ConfigurationError
from cognify_core.server.asking import Asked
from cognify_core.server.forms import NewApproval, NewProposal, NewRefusal
from cognify_core.server.pages.rendering import DONE, page
from cognify_core.server.pages.saying import sealed_run
from cognify_core.server.releasing import proposal_of, refusal, releases_of
from cognify_core.server.roles import May
from cognify_core.server.routes.releasing import approve_release, decline_release, propose_release
from cognify_core.server.seeing import seen
from cognify_core.server.visiting import act, sent_fields, visit

router = APIRouter(prefix="/w/{workspace_id}/runs/{run_id}/release", tags=["pages"])
DONE["proposed"] = "The run is proposed for release. It waits for a second person."
DONE["declined"] = "The proposal is declined."
DONE["released"] = "The run is released."
Sent = Annotated[dict[str, str], Depends(sent_fields)]
New = TypeVar("New", bound=BaseModel)


@router.get("")
def show_release(request: Request, asked: Annotated[Asked, visit(May.READ)], run_id: str) -> Response:
    """Where the release of a run stands, and what the visitor may do about it."""
    return _page(request, asked, run_id, {})


@router.post("/proposal")
def send_proposal(request: Request, asked: Annotated[Asked, act(May.SAY)], run_id: str, sent: Sent) -> Response:
    """Propose it."""
    return _sent(request, asked, run_id, sent, "proposed", NewProposal, lambda new: propose_release(asked, run_id, new))


@router.post("/refusal")
def send_refusal(request: Request, asked: Annotated[Asked, act(May.SAY)], run_id: str, sent: Sent) -> Response:
    """Decline it."""
    return _sent(request, asked, run_id, sent, "declined", NewRefusal, lambda new: decline_release(asked, run_id, new))


@router.post("/approval")
def send_approval(request: Request, asked: Annotated[Asked, act(May.KEEP)], run_id: str, sent: Sent) -> Response:
    """Approve it, as a second person."""
    return _sent(request, asked, run_id, sent, "released", NewApproval, lambda new: approve_release(asked, run_id, new))


def _sent(
    request: Request,
    asked: Asked,
    run_id: str,
    sent: Mapping[str, str],
    done: str,
    form: type[New],
    do: Callable[[New], object],
) -> Response:
    sealed_run(asked, run_id)
    said = {name: value.strip() for name in form.model_fields if (value := sent.get(name, "")).strip()}
    missing = [name for name, field in form.model_fields.items() if field.is_required() and name not in said]
    if missing:
        wrong = dict.fromkeys(missing, "this is needed")
        return _page(request, asked, run_id, {**said, "of": done}, wrong=wrong, status=422)
    try:
        do(checked(lambda: form.model_validate(said)))
    except ConfigurationError as error:
        name, _, why = str(error).partition(": ")
        told: dict[str, Any] = {"wrong": {name: why}} if name in form.model_fields else {"refused": str(error)}
        return _page(request, asked, run_id, {**said, "of": done}, **told, status=422)
    return RedirectResponse(f"/w/{asked.room.name}/runs/{run_id}/release?done={done}", 303)


def _page(
    request: Request,
    asked: Asked,
    run_id: str,
    said: Mapping[str, str],
    *,
    wrong: Mapping[str, str] | None = None,
    refused: str = "",
    status: int = 200,
) -> Response:
    row = sealed_run(asked, run_id)
    store = asked.room.store
    proposal, known = proposal_of(store, run_id), releases_of(store, row.project)
    seen(asked, run_id, "show_release")
    own = refusal(asked, run_id, proposal) if proposal and asked.caller.may(May.KEEP) else None
    return page(
        request,
        "release.html",
        status=status,
        row=row,
        proposal=proposal,
        released=known.get(run_id),
        history=list(reversed(known.values())),
        own=own,
        said=said,
        wrong=wrong or {},
        refused=refused,
    )
