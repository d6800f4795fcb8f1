"""The access log: who looked, its signed head, and proofs of it; and the erasure of names."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from cognify_core.api.access_log import WorkspaceAccesses
from cognify_core.model.names import day_after
from cognify_core.server.asking import Asked, asked
from cognify_core.server.forms import AccessesPage, AccessShown, Erasure
from cognify_core.server.proving import consistency_shown
from cognify_core.server.roles import May
from cognify_core.server.seeing import did, seen
from cognify_core.server.strict import StrictRoute

router = APIRouter(prefix="/v2/workspaces/{workspace_id}/accesses", tags=["access log"], route_class=StrictRoute)


@router.get("")
def list_accesses(
    asked: Annotated[Asked, asked(May.WATCH)],
    run_id: Annotated[str | None, Query(max_length=60, description="Of this run, also of one that is gone.")] = None,
    person: Annotated[str | None, Query(max_length=200, description="Stands in the name or the address.")] = None,
    since: Annotated[date | None, Query(description="From that day on, UTC.")] = None,
    until: Annotated[date | None, Query(description="To that day, which is meant too.")] = None,
    after: Annotated[int | None, Query(ge=0, lt=2**53, description="`next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> AccessesPage:
    """Who read, exported, sealed or discarded what, when, and from where; newest first, by pages."""
    found = WorkspaceAccesses(asked.room).page(
        run_id=run_id,
        person=person,
        since=None if since is None else since.isoformat(),
        until=day_after(until),
        before=after,
        limit=limit + 1,
    )
    seen(asked, run_id, "accesses")
    more = found[limit - 1].position if len(found) > limit else None
    return AccessesPage(accesses=[AccessShown.of(each) for each in found[:limit]], next=more)


@router.get("/entries")
def read_entries(
    asked: Annotated[Asked, asked(May.WATCH)],
    start: Annotated[int, Query(ge=0, lt=2**53)] = 0,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
) -> Response:
    """The log's own bytes, an entry a line, from `start` on: commitments, and no name. The head is over them."""
    lines = WorkspaceAccesses(asked.room).entries(start, limit)
    seen(asked, None, "entries")
    return Response(b"".join(line + b"\n" for line in lines), media_type="application/x-ndjson")


@router.get("/head")
def show_access_head(asked: Annotated[Asked, asked(May.WATCH)]) -> Response:
    """The signed head as of now: a C2SP signed note. Keep it elsewhere, and nobody here can rewrite what it covers."""
    return Response(asked.room.access_tree.head().note, media_type="text/plain; charset=utf-8")


@router.get("/consistency")
def prove_access_consistency(
    asked: Annotated[Asked, asked(May.WATCH)],
    old: Annotated[int, Query(ge=1, lt=2**53)],
    new: Annotated[int | None, Query(ge=1, lt=2**53)] = None,
) -> dict[str, Any]:
    """The proof that the log of `old` entries is a prefix of that of `new`, by default of the present one."""
    return consistency_shown(asked.room.access_tree, old, new)


@router.post("/erase")
def erase_names(asked: Annotated[Asked, asked(May.KEEP)], erasure: Erasure) -> dict[str, int]:
    """Erase names and addresses. What was committed to stays in the entries, and says nothing without them."""
    erased = WorkspaceAccesses(asked.room).erase(run_id=erasure.run_id, value=erasure.value)
    did(asked, None, "erase", subject=erasure.run_id)
    return {"erased": erased}
