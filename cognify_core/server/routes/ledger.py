"""The workspace's ledger: its head, proofs, tiles; and the keys by which they are checked."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from cognify_core.api.ledgers import WorkspaceLedger
from cognify_core.seal.ledger_tiles import read_tile
from cognify_core.server.asking import Asked, asked
from cognify_core.server.problems import Problem
from cognify_core.server.roles import May

router = APIRouter(prefix="/v2/workspaces/{workspace_id}/ledger", tags=["ledger"])


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
    return [asdict(run) for run in WorkspaceLedger(asked.room).open_runs()]


@router.get("/proof/{wanted}")
def prove(asked: Annotated[Asked, asked(May.READ)], wanted: str) -> Response:
    """The proof of a run's seal, or of a leaf by its number: a `.tlog-proof`."""
    _, proof = WorkspaceLedger(asked.room).prove(wanted)
    return Response(proof.encode(), media_type="text/plain; charset=utf-8")


@router.get("/consistency")
def prove_consistency(
    asked: Annotated[Asked, asked(May.READ)],
    old: Annotated[int, Query(ge=1)],
    new: Annotated[int | None, Query(ge=1)] = None,
) -> dict[str, Any]:
    """The proof that the ledger of `old` leaves is a prefix of that of `new`, by default of the present one."""
    ledger = asked.room.ledger
    size = ledger.size if new is None else new
    if not old <= size <= ledger.size:
        raise Problem(422, f"no proof leads from {old} to {size} leaves: the ledger has {ledger.size}")
    hashes = ledger.consistency(old, size)
    return {
        "old": old,
        "old_root": ledger.root(old).hex(),
        "new": size,
        "new_root": ledger.root(size).hex(),
        "proof": [each.hex() for each in hashes],
    }


@router.get("/tile/{path:path}")
def show_tile(asked: Annotated[Asked, asked(May.READ)], path: str) -> Response:
    """A tile, as C2SP tlog-tiles names it: `0/000`, `1/000.p/3`, `entries/000`."""
    data = read_tile(asked.room.ledger, f"tile/{path}")
    if data is None:
        raise Problem(404, "the ledger has no such tile")
    return Response(data, media_type="application/octet-stream")
