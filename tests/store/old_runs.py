"""Runs that were sealed long ago, in the store of a home."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from cognify_core.canonical import encode
from cognify_core.model.retention import Retention
from cognify_core.seal.keys import KeyRing
from cognify_core.seal.sealing import seal_run
from cognify_core.store.sql import open_store
from tests import factories
from tests.store.values import RUN, begin, draft, note

OLD = RUN
SEALED_ON = "2025-09-12"


def old_run(home: Path, *, years: int = 0, reason: str | None = None) -> str:
    """A run that was sealed on `SEALED_ON`; its id.

    Args:
        home: of whose store it is.
        years: for how many runs were kept then.
        reason: why floors of the law did not apply then; none: they did.
    """
    store = open_store(home / "cognify.db")
    policy = encode(Retention(retention_years=years, override_reason=reason).to_json())
    store.put_policy("retention", policy, "2025-01-01T00:00:00.000000Z")
    begin(store, OLD)
    said = note(1)
    store.append(OLD, [said, draft(factories.closed([factories.opened(), said.body]), counter=1000)])
    seal_run(
        store, OLD, KeyRing(home / "keys").signer(), now=datetime.fromisoformat(factories.SEALED_AT).astimezone(UTC)
    )
    store.close()
    return OLD
