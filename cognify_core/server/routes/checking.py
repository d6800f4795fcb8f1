"""Verification: of a run as it lies here, and of a package that somebody sends."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool

from cognify_core.api.ledgers import WorkspaceLedger, known_logs
from cognify_core.api.rerendering import rendered_again
from cognify_core.errors import RunNotFoundError
from cognify_core.model.digest import Digest
from cognify_core.model.names import is_run_id, utc_now
from cognify_core.server.asking import Asked, asked
from cognify_core.server.happening import announce, verification_failed
from cognify_core.server.roles import May
from cognify_core.server.seeing import Outcome, seen
from cognify_core.server.strict import StrictRoute
from cognify_core.verify.package import check_package_file
from cognify_core.verify.store_check import check_run

router = APIRouter(prefix="/v2/workspaces/{workspace_id}", tags=["verification"], route_class=StrictRoute)


@router.get("/runs/{run_id}/verification")
def verify_run(asked: Annotated[Asked, asked(May.READ)], run_id: str) -> dict[str, Any]:
    """Compute everything again, of a sealed run as it lies here. `exit_code` is that of `cognify verify`."""
    room = asked.room
    logs = known_logs(room.ring, None, None, lambda: WorkspaceLedger(room))
    report = check_run(room.store, room.store.run(run_id).run_id, room.ring.trusted(), logs)
    seen(asked, run_id, "verify", outcome="failed" if report.contradictions else "allowed")
    if report.contradictions:
        now = utc_now()
        announce(room.store, room.name, [verification_failed(room.name, run_id, len(report.contradictions), now)], now)
    return report.to_json()


@router.post("/verify")
async def verify_package(asked: Annotated[Asked, asked(May.READ)], request: Request) -> dict[str, Any]:
    """Check a package, sent as the body. Whoever does not trust this server checks it offline instead."""
    return await run_in_threadpool(_verified, asked, await request.body())


def _verified(asked: Asked, data: bytes) -> dict[str, Any]:
    room = asked.room
    logs = known_logs(room.ring, None, None, lambda: WorkspaceLedger(room))
    with tempfile.TemporaryDirectory(prefix="cognify-verify-") as folder:
        path = Path(folder) / "package"
        path.write_bytes(data)
        report = check_package_file(
            path,
            trusted=room.ring.trusted(),
            max_bytes=room.settings.max_package_bytes,
            again=partial(rendered_again, room),
            logs=logs,
        )
    if report.run_id is not None and is_run_id(report.run_id):
        with suppress(RunNotFoundError):  # a package of a run that was never here tells nothing of one that is
            room.store.run(report.run_id)
            outcome: Outcome = "failed" if report.contradictions else "allowed"
            seen(asked, report.run_id, "verify", subject=str(Digest.of(data)), outcome=outcome)
    return report.to_json()
