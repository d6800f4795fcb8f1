"""API keys of a workspace: which there are, a new one, whose key is shown this once, and the end of one."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, StringConstraints, ValidationError

from cognify_core.model.names import utc_now
from cognify_core.server.asking import Asked
from cognify_core.server.forms import NewTokenForm, TokenGiven
from cognify_core.server.pages.fields import number_in, wrong_fields
from cognify_core.server.pages.rendering import DONE, page
from cognify_core.server.problems import Problem
from cognify_core.server.roles import May, Role
from cognify_core.server.routes.workspaces import give_token, revoke_token
from cognify_core.server.tokens import MAX_DAYS, holds
from cognify_core.server.visiting import act, visit

router = APIRouter(prefix="/w/{workspace_id}/tokens", tags=["pages"])
DONE["revoked"] = "The key is revoked."
Line = Annotated[str, StringConstraints(max_length=1000, strip_whitespace=True)]
ROLES = (
    (Role.VIEWER, "viewer: reads"),
    (Role.RECORDER, "recorder: records, notes, seals and exports; for machines that train"),
    (Role.AUDITOR, "auditor: reads, exports, sees the access log"),
    (Role.COMPLIANCE, "compliance: the same, seals, attests, and sets retention and storage"),
    (Role.ADMIN, "admin: everything, API keys too"),
)
WRONG = {
    "label": "Say for whom or for what it is, in at most 200 characters.",
    "role": "Choose one of the roles.",
    "days": f"Say a whole number of days, from 1 to {MAX_DAYS}, or nothing.",
}


class Sent(BaseModel):
    """The form, as it was sent."""

    label: Line = ""
    role: Line = Role.VIEWER.value
    days: Line = "90"

    def new(self) -> NewTokenForm:
        """What it asks for.

        Raises:
            ValidationError: a field says what it cannot say.
        """
        days = number_in(self.days) if self.days else None
        return NewTokenForm.model_validate({"label": self.label, "role": self.role, "days": days})


@router.get("")
def show_tokens(request: Request, asked: Annotated[Asked, visit(May.ADMIT)]) -> Response:
    """The keys of the workspace, without what opens them."""
    return _page(request, asked, Sent())


@router.post("")
def give(request: Request, asked: Annotated[Asked, act(May.ADMIT)], sent: Annotated[Sent, Form()]) -> Response:
    """Give a key; this page shows it, and no other ever will."""
    try:
        given = give_token(asked, sent.new())
    except ValidationError as error:
        return _page(request, asked, sent, wrong=wrong_fields(error, WRONG), status=422)
    return _page(request, asked, Sent(), given=given, status=201)


@router.get("/{token_id}/revocation")
def ask_revocation(request: Request, asked: Annotated[Asked, visit(May.ADMIT)], token_id: str) -> Response:
    """What ends with a key."""
    if (token := asked.room.store.token(token_id)) is None:
        raise Problem(404, "there is no such key in this workspace")
    return page(request, "token_end.html", token=token, own=_is_own(asked, token_id))


@router.post("/{token_id}/revocation")
def revoke(asked: Annotated[Asked, act(May.ADMIT)], token_id: str) -> Response:
    """End a key now."""
    revoke_token(asked, token_id)
    return RedirectResponse(f"/w/{asked.room.name}/tokens?done=revoked", 303)


def _page(
    request: Request,
    asked: Asked,
    sent: Sent,
    *,
    wrong: dict[str, str] | None = None,
    given: TokenGiven | None = None,
    status: int = 200,
) -> Response:
    tokens, now = asked.room.store.tokens()[::-1], utc_now()
    return page(
        request,
        "tokens.html",
        status=status,
        holding=[token for token in tokens if holds(token, now)],
        ended=[token for token in tokens if not holds(token, now)],
        roles=ROLES,
        most_days=MAX_DAYS,
        sent=sent,
        given=given,
        wrong=wrong or {},
    )


def _is_own(asked: Asked, token_id: str) -> bool:
    """Whether it is the key by which the visitor is known."""
    return asked.caller.name.startswith(f"token {token_id} ")
