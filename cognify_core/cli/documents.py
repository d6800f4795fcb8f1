"""The documents that `--json` prints. Their keys are promised in `docs/cli.md`: none is renamed or dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cognify_core.canonical import Json
    from cognify_core.capture.outcome import Outcome
    from cognify_core.store.protocol import Receipt, RunRow


def run_document(row: RunRow) -> dict[str, Json]:
    """A run as `ls` and `show` give it. `root` and `sealed_at` are null until the record is frozen."""
    return {
        "run_id": row.run_id,
        "status": str(row.status),
        "project": row.project,
        "name": row.name,
        "workspace": row.workspace,
        "opened_at": row.opened_at,
        "sealed_at": row.freeze.sealed_at if row.freeze else None,
        "complete": row.complete,
        "events": row.size,
        "root": row.freeze.root if row.freeze else None,
    }


def receipt_document(receipt: Receipt) -> dict[str, Json]:
    """A package that was made of a run."""
    return {
        "package_hash": str(receipt.package_hash),
        "format": receipt.format,
        "template": receipt.template,
        "path": receipt.path,
        "addenda": [str(digest) for digest in receipt.addenda],
    }


def outcome_document(path: str, outcome: Outcome) -> dict[str, Json]:
    """What hashing a path came to."""
    return {
        "path": path,
        "assurance": outcome.assurance,
        "hash": None if outcome.hash is None else str(outcome.hash),
        "manifest": outcome.format,
        "reason": outcome.reason,
        "facts": outcome.facts,
        "gaps": list(outcome.gaps),
    }
