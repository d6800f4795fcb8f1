"""The released run of a project: proposed by one person, approved by another."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter

from cognify_core.errors import RunStateError
from cognify_core.server.asking import Asked, asked
from cognify_core.server.forms import NewApproval, NewProposal, NewRefusal, ReleaseShown, RunShown
from cognify_core.server.releasing import approve, decline, propose
from cognify_core.server.roles import May
from cognify_core.server.strict import StrictRoute

router = APIRouter(
    prefix="/v2/workspaces/{workspace_id}/runs/{run_id}/release", tags=["statements"], route_class=StrictRoute
)


@router.post("/proposal", status_code=201)
def propose_release(asked: Annotated[Asked, asked(May.SAY)], run_id: str, new: NewProposal) -> RunShown:
    """Propose that a sealed run be the released one of its project. It waits for a second person."""
    _require_own(asked, run_id)
    return RunShown.of(asked.room.store.run(propose(asked, run_id, new)))


@router.post("/refusal", status_code=201)
def decline_release(asked: Annotated[Asked, asked(May.SAY)], run_id: str, new: NewRefusal) -> RunShown:
    """Do not follow a proposal, and say why; or take back one's own."""
    _require_own(asked, run_id)
    return RunShown.of(asked.room.store.run(decline(asked, run_id, new)))


@router.post("/approval", status_code=201)
def approve_release(asked: Annotated[Asked, asked(May.KEEP)], run_id: str, new: NewApproval) -> ReleaseShown:
    """Release a run that somebody else has proposed: another name, and signed in as somebody else."""
    _require_own(asked, run_id)
    return ReleaseShown(run_id=run_id, **approve(asked, run_id, new).model_dump(mode="json", exclude={"kind"}))


def _require_own(asked: Asked, run_id: str) -> None:
    """Let a run pass that is no addendum.

    Raises:
        RunStateError: it is one.
    """
    if (amends := asked.room.store.run(run_id).amends) is not None:
        raise RunStateError(f"{run_id} is an addendum: release the run that it amends, {amends}")
