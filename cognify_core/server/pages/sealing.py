"""Seal a run: first what it means, then the seal."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from cognify_core.api.keeping import retention_in_force, vault_in_force
from cognify_core.errors import RunStateError
from cognify_core.model.names import whole_seconds
from cognify_core.model.record import Status
from cognify_core.server.asking import Asked
from cognify_core.server.pages.rendering import DONE, page
from cognify_core.server.pages.run import portrait_of, portraits_of
from cognify_core.server.portraits import Portraits
from cognify_core.server.roles import May
from cognify_core.server.routes.runs import seal_run
from cognify_core.server.seeing import seen
from cognify_core.server.silence import silence_of
from cognify_core.server.visiting import act, visit
from cognify_core.store.protocol import RunRow

router = APIRouter(prefix="/w/{workspace_id}/runs/{run_id}/seal", tags=["pages"])
DONE["sealed"] = "The run is sealed."


@router.get("")
def ask(
    request: Request,
    asked: Annotated[Asked, visit(May.SEAL)],
    run_id: str,
    portraits: Annotated[Portraits, Depends(portraits_of)],
) -> Response:
    """What a seal makes irrevocable, what is still missing, and the button."""
    row = _sealable(asked, run_id)
    portrait, problem = portrait_of(asked, row, portraits)
    seen(asked, run_id, "show")
    retention = retention_in_force(asked.room.store)
    return page(
        request,
        "seal.html",
        row=row,
        portrait=portrait,
        problem=problem,
        key_id=asked.room.signer.public_key.key_id,
        retention=retention,
        vault=vault_in_force(asked.room.settings, asked.room.store) if retention.auto_export_on_seal else None,
    )


@router.post("")
def seal(asked: Annotated[Asked, act(May.SEAL)], run_id: str) -> Response:
    """Seal it."""
    _sealable(asked, run_id)
    seal_run(asked, run_id)
    return RedirectResponse(f"/w/{asked.room.name}/runs/{run_id}?done=sealed", 303)


def _sealable(asked: Asked, run_id: str) -> RunRow:
    """A run that has ended and has no seal.

    Raises:
        RunStateError: it goes on, or is sealed.
    """
    row = asked.room.store.run(run_id)
    if row.status is Status.RUNNING:
        silence = silence_of(asked.room, run_id)
        if silence is not None and silence.is_long:
            raise RunStateError(
                f"{run_id} was never ended, and nothing has arrived of it since {whole_seconds(silence.since)}: "
                "close it as interrupted on its page, then seal it"
            )
        raise RunStateError(f"{run_id} goes on: it can be sealed when it has ended")
    if row.status is Status.AUDIT_SEALED:
        raise RunStateError(f"{run_id} is sealed already, and nothing of it changes any more")
    return row
