"""What people say of a sealed run, each in an addendum of its own; and of the systems that runs serve."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body

from cognify_core.api.attesting import attestation, dataset_digests
from cognify_core.api.profiles import saved_profile
from cognify_core.api.refreshing import seal_addendum
from cognify_core.api.saying import checked
from cognify_core.errors import ConfigurationError, RunStateError
from cognify_core.model import events
from cognify_core.model.digest import Digest
from cognify_core.model.words import note_kind
from cognify_core.server.asking import Asked, asked
from cognify_core.server.forms import NewAttestation, NewNote, ProfileShown, RunShown
from cognify_core.server.problems import Problem
from cognify_core.server.profiling import save_sent
from cognify_core.server.roles import May
from cognify_core.server.seeing import did, seen
from cognify_core.server.strict import StrictRoute

router = APIRouter(prefix="/v2/workspaces/{workspace_id}", tags=["statements"], route_class=StrictRoute)


@router.get("/runs/{run_id}/addenda")
def list_addenda(asked: Annotated[Asked, asked(May.READ)], run_id: str) -> list[RunShown]:
    """What was added to a sealed run."""
    rows = asked.room.store.addenda(run_id)
    seen(asked, run_id, "addenda")
    return [RunShown.of(row) for row in rows]


@router.post("/runs/{run_id}/notes", status_code=201)
def add_note(asked: Annotated[Asked, asked(May.SAY)], run_id: str, new: NewNote) -> RunShown:
    """Say something of a sealed run."""
    kind = note_kind(new.kind)
    note = checked(lambda: events.Note(text=new.text.strip(), note_kind=kind, subject=new.subject))
    return _added(asked, run_id, note)


@router.post("/runs/{run_id}/attestations", status_code=201)
def add_attestation(asked: Annotated[Asked, asked(May.SAY)], run_id: str, new: NewAttestation) -> RunShown:
    """Say what a named person answers for. One of the form `phi` is bound to the run's datasets."""
    said = attestation(
        new.claim,
        by=new.by,
        role=new.role,
        meaning=new.meaning,
        evidence=None if new.evidence is None else Digest.parse(new.evidence),
        on=new.on,
        form=new.form,
        subject=new.subject,
        datasets=new.datasets,
        facts=new.facts,
    )
    if said.form == "phi" and said.datasets is None:
        if not (found := dataset_digests(asked.room.store, run_id)):
            raise ConfigurationError(f"{run_id} names no dataset with a digest that this could be bound to")
        said = said.model_copy(update={"datasets": found})
    return _added(asked, run_id, said)


def _added(asked: Asked, run_id: str, body: events.Body) -> RunShown:
    store = asked.room.store
    if store.run(run_id).amends is not None:
        raise RunStateError(f"{run_id} is an addendum: say it of the run that it amends")
    addendum = seal_addendum(asked.room, run_id, [body])
    asked.room.outbox.sealed(run_id)
    did(asked, run_id, body.kind, subject=addendum)
    return RunShown.of(store.run(addendum))


@router.get("/profile")
def show_profile(asked: Annotated[Asked, asked(May.READ)], project: str | None = None) -> ProfileShown:
    """What the organisation says of itself or, with `project`, of one AI system."""
    saved = saved_profile(asked.room.store, project)
    if saved is None:
        raise Problem(404, "nothing was said yet")
    return ProfileShown(
        project=project, version=saved.version, saved_at=saved.saved_at, profile=saved.profile.to_json()
    )


@router.put("/profile")
def change_profile(
    asked: Annotated[Asked, asked(May.KEEP)],
    profile: Annotated[dict[str, Any], Body()],
    project: str | None = None,
) -> ProfileShown:
    """Say it anew, whole. References are URLs with their hashes: files of the server's are none of them."""
    save_sent(asked, profile, project=project)
    return show_profile(asked, project)
