"""The vault of a workspace: which it is and what its locks are worth, another one, a trial, and what is under way."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, StringConstraints

from cognify_core.api.keeping import vault_in_force
from cognify_core.api.moving import foresee_vault
from cognify_core.api.saying import checked
from cognify_core.errors import ConfigurationError
from cognify_core.server.asking import Asked
from cognify_core.server.forms import FindingShown, NewStorage, StorageTest
from cognify_core.server.pages.rendering import DONE, page
from cognify_core.server.roles import May
from cognify_core.server.routes.workspaces import change_storage, list_outbox, show_round, test_storage
from cognify_core.server.seeing import seen
from cognify_core.server.storage import allowed_vault
from cognify_core.server.visiting import act, visit
from cognify_core.vault.protocol import Mode
from cognify_core.vault.uri import VaultUri

router = APIRouter(prefix="/w/{workspace_id}/storage", tags=["pages"])
DONE["storage"] = "The vault is saved. Nothing has been asked of it yet: test it."
Line = Annotated[str, StringConstraints(max_length=1000, strip_whitespace=True)]
_ENDPOINTS = {"az": "account_url"}
_LESSER = 5
"""So many packages whose lock is less than was asked for are named; the page of locks has them all."""


class Sent(BaseModel):
    """The form, as it was sent."""

    place: Line = ""
    mode: Line = Mode.GOVERNANCE.value
    region: Line = ""
    project: Line = ""
    endpoint: Line = ""

    @classmethod
    def of(cls, uri: VaultUri | None) -> Sent:
        """The form as it stands before anything is changed; a folder of the server's is not set by it."""
        if uri is None or uri.kind == "file":
            return cls()
        endpoint = uri.options.get(_ENDPOINTS.get(uri.kind, "endpoint_url"), "")
        options = {name: uri.options.get(name, "") for name in ("region", "project")}
        return cls(place=uri.place, mode=uri.mode.value, endpoint=endpoint, **options)

    def storage(self) -> NewStorage:
        """What it says.

        Raises:
            ConfigurationError: that is too long for a URI.
        """
        endpoint = _ENDPOINTS.get(self.place.partition(":")[0], "endpoint_url")
        said = {"mode": self.mode, "region": self.region, "project": self.project, endpoint: self.endpoint}
        joint = "&" if "?" in self.place else "?"
        uri = f"{self.place}{joint}{urlencode({name: value for name, value in said.items() if value})}"
        return checked(lambda: NewStorage(vault=uri))


@router.get("")
def show_storage(request: Request, asked: Annotated[Asked, visit(May.READ)]) -> Response:
    """Which vault is in force, and what is known of it."""
    return _page(request, asked)


@router.post("/preview")
def preview(request: Request, asked: Annotated[Asked, act(May.KEEP)], sent: Annotated[Sent, Form()]) -> Response:
    """What it would mean to say this vault."""
    try:
        after = allowed_vault(sent.storage().vault, asked.room.settings.storage_endpoints)
        moving = foresee_vault(asked.room.settings, asked.room.store, after)
    except ConfigurationError as error:
        return _page(request, asked, sent=sent, wrong=str(error), status=422)
    return page(request, "storage_change.html", moving=moving, sent=sent)


@router.post("")
def save(request: Request, asked: Annotated[Asked, act(May.KEEP)], sent: Annotated[Sent, Form()]) -> Response:
    """Say which vault this workspace uses."""
    try:
        change_storage(asked, sent.storage())
    except ConfigurationError as error:
        return _page(request, asked, sent=sent, wrong=str(error), status=422)
    return RedirectResponse(f"/w/{asked.room.name}/storage?done=storage", 303)


@router.post("/test")
def try_vault(
    request: Request, asked: Annotated[Asked, act(May.KEEP)], put: Annotated[str, Form(max_length=3)] = ""
) -> Response:
    """Ask the vault, and show what was found."""
    try:
        found = test_storage(asked, StorageTest(put=bool(put)))
    except ConfigurationError as error:
        found = [FindingShown(name="asked", ok=False, detail=str(error))]
    return _page(request, asked, found=found, put=bool(put))


def _page(request: Request, asked: Asked, *, sent: Sent | None = None, status: int = 200, **told: Any) -> Response:
    settings, store = asked.room.settings, asked.room.store
    uri, problem = _vault(asked)
    seen(asked, None, "storage")
    return page(
        request,
        "storage.html",
        status=status,
        uri=uri,
        problem=problem,
        by_operator=settings.vault is not None,
        endpoints=sorted(settings.storage_endpoints),
        hours=settings.reverify_hours,
        round=show_round(asked),
        lesser=store.find_locks(lesser=True, limit=_LESSER + 1),
        most=_LESSER,
        waiting=list_outbox(asked) if asked.caller.may(May.KEEP) else None,
        sent=sent or Sent.of(uri),
        **{"wrong": "", "found": None, "put": False, **told},
    )


def _vault(asked: Asked) -> tuple[VaultUri | None, str | None]:
    """The vault in force, or why what was said names none."""
    try:
        return vault_in_force(asked.room.settings, asked.room.store), None
    except ConfigurationError as error:
        return None, str(error)
