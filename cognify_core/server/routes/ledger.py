"""The workspace's ledger: its head, proofs, tiles; and the keys by which they are checked."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from cognify_core.api.ledgers import WorkspaceLedger
from cognify_core.model.names import is_run_id
from cognify_core.seal.ledger_tiles import read_tile
from cognify_core.server.asking import Asked, asked
from cognify_core.server.problems import Problem
from cognify_core.server.proving import consistency_shown
from cognify_core.server.roles import May
from cognify_core.server.seeing import seen
from cognify_core.server.strict import StrictRoute

router = APIRouter(prefix="/v2/workspaces/{workspace_id}/ledger", tags=["ledger"], route_class=StrictRoute)


@router.get("/head")
def show_head(asked: Annotated[Asked, asked(May.READ)]) -> Response:
    """The signed head as of now: a C2SP signed note. Keep it elsewhere, and nobody here can rewrite what it covers."""
    return Response(asked.room.ledger.head().note, media_type="text/plain; charset=utf-8")


@router.get("/key")
def show_keys(asked: Annotated[Asked, asked(May.READ)]) -> dict[str, str]:
    """The public keys: the one that signs seals, and the log's. Compare them with what you were given by other ways."""
    signer = asked.room.signer.public_key
    return {"signer": signer.pem.decode("ascii"), "key_id": signer.key_id, "log": str(asked.room.ledger.key)}


@router.get("/open")
def list_open(asked: Annotated[Asked, asked(May.READ)]) -> list[dict[str, Any]]:
    """The runs that were begun, and neither sealed nor discarded."""
    runs = WorkspaceLedger(asked.room).open_runs()
    seen(asked, None, "open")
    return [asdict(run) for run in runs]


@router.get("/proof/{wanted}")
def prove(asked: Annotated[Asked, asked(May.READ)], wanted: str) -> Response:
    """The proof of a run's seal, or of a leaf by its number: a `.tlog-proof`."""
    place, proof = WorkspaceLedger(asked.room).prove(wanted)
    (leaf,) = asked.room.store.leaves(place, place + 1)
    run_id = leaf.subject if is_run_id(leaf.subject) else None
    seen(asked, run_id, "proof", subject=f"leaf {place}")
    return Response(proof.encode(), media_type="text/plain; charset=utf-8")


@router.get("/consistency")
def prove_consistency(
    asked: Annotated[Asked, asked(May.READ)],
    old: Annotated[int, Query(ge=1)],
    new: Annotated[int | None, Query(ge=1)] = None,
) -> dict[str, Any]:
    """The proof that the ledger of `old` leaves is a prefix of that of `new`, by default of the present one."""
    return consistency_shown(asked.room.ledger, old, new)


@router.get("/tile/{path:path}")
def show_tile(asked: Annotated[Asked, asked(May.READ)], path: str) -> Response:
    """A tile, as C2SP tlog-tiles names it: `0/000`, `1/000.p/3`, `entries/000`."""
    data = read_tile(asked.room.ledger, f"tile/{path}")
    if data is None:
        raise Problem(404, "the ledger has no such tile")
    return Response(data, media_type="application/octet-stream")
