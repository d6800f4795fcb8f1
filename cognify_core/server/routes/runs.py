"""Runs: begin, append, finish, seal, discard; lists, and what a record says."""

from __future__ import annotations

import hmac
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from cognify_core.api.sealing import Sealed
from cognify_core.api.views import view
from cognify_core.api.workspace import Workspace
from cognify_core.canonical import Json
from cognify_core.capture.commitments import commit
from cognify_core.errors import FormatError, RecordError, RunNotFoundError, RunSealedError, RunStateError
from cognify_core.model.digest import Digest
from cognify_core.model.events import Draft, RunOpened, parse_body
from cognify_core.model.names import is_run_id, is_time, stamp_time, utc_now
from cognify_core.model.record import Status
from cognify_core.record.closing import close_record
from cognify_core.record.owner import NOBODY
from cognify_core.seal.ledger import opened_leaf, tombstone_leaf
from cognify_core.server.appending import Roots, read_lines
from cognify_core.server.asking import Asked, asked
from cognify_core.server.forms import Appended, Finish, NewRun, Reason, RunShown, RunsPage, SealShown
from cognify_core.server.happening import announce, gap_opened
from cognify_core.server.problems import Problem
from cognify_core.server.roles import May
from cognify_core.server.seeing import did, seen
from cognify_core.server.silence import close_silent, told_late
from cognify_core.server.strict import StrictRoute
from cognify_core.server.tokens import digest
from cognify_core.store.finding import RECORDED_BY, Wanted
from cognify_core.store.tenancy import Arrival
from cognify_core.turns import undivided

router = APIRouter(prefix="/v2/workspaces/{workspace_id}/runs", tags=["runs"], route_class=StrictRoute)
_CLOCK = r"([01][0-9]|2[0-3])(:[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?)?"
_TIME = rf"^[0-9]{{4}}(-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01])(T{_CLOCK}Z?)?)?)?$"
"""The beginning of a time in UTC (RFC 3339), as far as it matters: `2026-11`, `2026-11-29T12:00Z`."""
_DIGEST = r"^sha256:[0-9a-f]{64}$"
Secret = Annotated[str, Header(alias="Cognify-Run-Secret", description="What the run was begun with.")]


@router.get("")
def list_runs(
    asked: Annotated[Asked, asked(May.READ)],
    project: str | None = None,
    status: Status | None = None,
    sealed: bool | None = None,
    gaps: Annotated[bool | None, Query(description="Whether something is named that could not be seen.")] = None,
    text: Annotated[str | None, Query(max_length=200, description="In the id or the name.")] = None,
    since: Annotated[str | None, Query(pattern=_TIME, max_length=40, description="Begun then or later.")] = None,
    until: Annotated[str | None, Query(pattern=_TIME, max_length=40, description="Begun before then.")] = None,
    person: Annotated[str | None, Query(max_length=200, description="In the name of whoever ran it.")] = None,
    holds: Annotated[str | None, Query(pattern=_DIGEST, description="Used or produced this content.")] = None,
    after: Annotated[str | None, Query(max_length=200, description="`next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> RunsPage:
    """Runs, newest first, by pages."""
    if person is not None and not asked.caller.may(May.WATCH):
        raise Problem(403, "who ran a run is looked for by those who may read the access log")
    wanted = Wanted(
        project=project,
        status=status,
        sealed=sealed,
        gaps=gaps,
        person=person,
        text=text,
        since=since,
        until=until,
        holds=None if holds is None else Digest.parse(holds),
    )
    rows = asked.room.store.find_runs(wanted, after=after, limit=limit + 1)
    seen(asked, None, "list")
    more = rows[limit - 1].run_id if len(rows) > limit else None
    return RunsPage(runs=[RunShown.of(row) for row in rows[:limit]], next=more)


@router.post("", status_code=201)
def begin_run(asked: Annotated[Asked, asked(May.RECORD)], new: NewRun) -> RunShown:
    """Begin a run. Whoever holds its secret writes it; sent again, it answers as before."""
    store = asked.room.store
    draft = _opening(asked.room, new)
    try:
        leaf = opened_leaf(draft.at(new.run_id, 0).encode(), asked.room.signer)
        _ = asked.room.ledger  # one that begins now takes in first what was there before
        store.create(new.run_id, draft, NOBODY, leaf=leaf)
    except RecordError:
        if not _is_begun(asked.room, new.run_id, draft):
            raise
    if not store.put_secret(new.run_id, digest(new.secret)):
        raise Problem(409, f"{new.run_id} was begun with another secret")
    store.put_arrival(new.run_id, Arrival(1, stamp_time(utc_now())))
    if not store.openings(new.run_id):
        store.put_openings(new.run_id, [commit(RECORDED_BY, asked.caller.name)])
    return RunShown.of(store.run(new.run_id))


def _opening(room: Workspace, new: NewRun) -> Draft:
    if not is_run_id(new.run_id):
        raise Problem(422, "run_id: not an id of a run, as in run_20250912_143022_a7f3c")
    if not is_time(new.time):
        raise Problem(422, "time: not a time of a record, as in 2025-09-12T14:30:22.000000Z")
    body = parse_body({"workspace": room.name, **new.opened})
    if not isinstance(body, RunOpened):
        raise Problem(422, "opened: a run begins with run_opened")
    return Draft(new.time, body, "open", 0)


def _is_begun(room: Workspace, run_id: str, draft: Draft) -> bool:
    """Whether it is this very run that was begun before: its nonce is known to nobody else."""
    try:
        return next(room.store.events(run_id)) == draft.at(run_id, 0).encode()
    except RunNotFoundError:
        return False


@router.post("/{run_id}/events")
async def append_events(
    asked: Annotated[Asked, asked(May.RECORD)], run_id: str, request: Request, secret: Secret
) -> Appended:
    """Append events: lines of JSON, each `{"body", "counter", "time", "writer"}`, or `{"manifest"}` in base64.

    Each (writer, counter) is taken once, however often it is sent. May be gzip.
    """
    body = await request.body()
    roots: Roots = request.app.state.roots
    return await run_in_threadpool(_append, asked.room, run_id, secret, body, roots)


def _append(room: Workspace, run_id: str, secret: str, body: bytes, roots: Roots) -> Appended:
    _require_secret(room, run_id, secret)
    with undivided():
        drafts, manifests = read_lines(body)
        for manifest in manifests:
            room.store.put_manifest(manifest)
        try:
            size = room.store.append(run_id, drafts)
        except RunSealedError as error:
            raise told_late(room, run_id) or error from None
    if any(draft.body.kind == "gap" for draft in drafts):
        amends, now = room.store.run(run_id).amends, utc_now()
        announce(room.store, room.name, [gap_opened(room.name, run_id, amends, stamp_time(now))], now)
    room.store.put_arrival(run_id, Arrival(size, stamp_time(utc_now())))
    root = roots.root(room.store, run_id, size)
    head = room.log.sign(size, root, record=run_id)
    return Appended(size=size, root=root.hex(), head=head.note.decode("utf-8"))


def _require_secret(room: Workspace, run_id: str, secret: str) -> None:
    kept = room.store.secret(run_id)
    if not hmac.compare_digest(digest(secret), kept or "0" * 64):
        raise Problem(403, f"this is not the secret that {run_id} was begun with")


@router.post("/{run_id}/finish")
def finish_run(asked: Annotated[Asked, asked(May.RECORD)], run_id: str, finish: Finish, secret: Secret) -> RunShown:
    """Close the record. One that is closed stays as it is."""
    store = asked.room.store
    _require_secret(asked.room, run_id, secret)
    if store.run(run_id).status is Status.RUNNING:
        close_record(store, run_id, finish.status, time=stamp_time(utc_now()), writer="finish")
    return RunShown.of(store.run(run_id))


@router.post("/{run_id}/interrupt")
def interrupt_run(asked: Annotated[Asked, asked(May.SEAL)], run_id: str) -> RunShown:
    """Close a run as INTERRUPTED of which nothing has arrived for long (`COGNIFY_SILENT_HOURS`), without its secret.

    One that is closed stays as it is.
    """
    if asked.room.store.run(run_id).status is Status.RUNNING:
        close_silent(asked.room, run_id)
        did(asked, run_id, "interrupt")
    return RunShown.of(asked.room.store.run(run_id))


@router.post("/{run_id}/seal")
def seal_run(asked: Annotated[Asked, asked(May.SEAL)], run_id: str) -> SealShown:
    """Seal a closed run. From then on nothing of it changes; sealed again, it answers with the seal that it has."""
    if asked.room.store.run(run_id).status is Status.RUNNING:
        raise RunStateError(f"{run_id} is still being written: finish it first")
    sealed = Sealed.read(asked.room.seal(run_id))
    asked.room.outbox.sealed(run_id)
    did(asked, run_id, "seal", subject=str(sealed.statement))
    return SealShown(
        run_id=sealed.run_id,
        sealed_at=sealed.sealed_at,
        statement=str(sealed.statement),
        size=sealed.size,
        root=sealed.root,
        complete=sealed.complete,
        reasons=list(sealed.reasons),
    )


@router.post("/{run_id}/discard")
def discard_run(asked: Annotated[Asked, asked(May.KEEP)], run_id: str, why: Reason) -> dict[str, Any]:
    """Delete a run that was never sealed; what is left is a tombstone, and a leaf of the ledger."""
    room = asked.room
    stone = room.store.discard(
        run_id, why.reason, stamp_time(utc_now()), lambda left: tombstone_leaf(left, room.signer)
    )
    did(asked, run_id, "discard")
    return {"run_id": stone.run_id, "reason": stone.reason, "discarded_at": stone.discarded_at, "size": stone.size}


@router.get("/{run_id}")
def show_run(asked: Annotated[Asked, asked(May.READ)], run_id: str) -> RunShown:
    """One run."""
    row = asked.room.store.run(run_id)
    seen(asked, run_id, "show")
    return RunShown.of(row)


@router.get("/{run_id}/lineage")
def show_lineage(asked: Annotated[Asked, asked(May.READ)], run_id: str) -> dict[str, Any]:
    """The lineage JSON: run, status, nodes and edges."""
    found = view(asked.room, asked.room.store.run(run_id).run_id)
    seen(asked, run_id, "lineage")
    if found.lineage is None:
        raise FormatError(f"{run_id} has no lineage: its record does not read")
    return found.lineage


@router.get("/{run_id}/nodes")
def list_nodes(
    asked: Annotated[Asked, asked(May.READ)],
    run_id: str,
    type: Annotated[str | None, Query(max_length=40, description="`dataset`, `checkpoint` …")] = None,  # noqa: A002 - as the JSON has it
) -> list[Json]:
    """What a run was made of: its datasets, checkpoints and the rest, each with its digest."""
    lineage = show_lineage(asked, run_id)
    return [node for node in lineage["nodes"] if type in (None, node["type"])]


@router.get("/{run_id}/events")
def read_events(
    asked: Annotated[Asked, asked(May.READ)],
    run_id: str,
    start: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
) -> Response:
    """The record's own bytes, an event a line, from `start` on."""
    found = asked.room.store.events(run_id, start)
    lines = [event for event, _ in zip(found, range(limit), strict=False)]
    seen(asked, run_id, "events")
    return Response(b"".join(line + b"\n" for line in lines), media_type="application/x-ndjson")


@router.get("/{run_id}/bundle")
def read_bundle(asked: Annotated[Asked, asked(May.READ)], run_id: str) -> Response:
    """The seal itself, a Sigstore bundle."""
    bundle = asked.room.store.bundle(run_id)
    if bundle is None:
        raise RunStateError(f"{run_id} is not sealed")
    seen(asked, run_id, "bundle")
    return Response(bundle, media_type="application/vnd.dev.sigstore.bundle.v0.3+json")
