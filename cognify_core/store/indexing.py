"""What lists look for in records, kept where it is found at once: gaps, how runs ended, which content stands in which.

No evidence: it follows from the events, is written in the transaction that appends them, and holds no text of theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from sqlalchemy import Connection, bindparam, select

from cognify_core.model.artifacts import Artifact, DatasetSeen
from cognify_core.model.bodies import Body, Gap, RunClosed
from cognify_core.model.digest import Digest
from cognify_core.store.index_tables import gaps, mentions, outcomes
from cognify_core.store.prepared import Prepared
from cognify_core.store.tables import runs

Numbered: TypeAlias = tuple[int, Body]
"""An event's body, and its number in the record."""
ARTIFACTS = frozenset(kind.model_fields["kind"].default for kind in Artifact.__subclasses__())
INDEXED = ARTIFACTS | {kind.model_fields["kind"].default for kind in (Gap, RunClosed)}
"""The kinds of events that are looked into; of the others there are very many."""
_HOME = Prepared(select(runs.c.workspace, runs.c.amends).where(runs.c.run_id == bindparam("run_id")))
_MENTIONS = Prepared(mentions.insert())


def index_events(connection: Connection, run_id: str, added: Iterable[Numbered]) -> None:
    """Keep what lists look for of events that were added to a run, each with its number."""
    if found := [(seq, body) for seq, body in added if body.kind in INDEXED]:
        index_gaps(connection, run_id, found)
        index_mentions(connection, run_id, found)


def index_gaps(connection: Connection, run_id: str, found: Sequence[Numbered]) -> None:
    """Keep which events name a gap, and how the run ended."""
    for _, body in found:
        if isinstance(body, RunClosed):
            ended = {"run_id": run_id, "status": body.status, "complete": int(body.complete)}
            connection.execute(outcomes.insert(), ended)
    if missing := [seq for seq, body in found if _names_a_gap(body)]:
        listed = {"listed": _home(connection, run_id)[1], "run_id": run_id}
        connection.execute(gaps.insert(), [listed | {"seq": seq} for seq in missing])


def index_mentions(connection: Connection, run_id: str, found: Sequence[Numbered]) -> None:
    """Keep what the run used and produced: each artifact by its content, a dataset by its name too."""
    if artifacts := [(seq, body) for seq, body in found if isinstance(body, Artifact)]:
        workspace, listed = _home(connection, run_id)
        same = {"run_id": run_id, "workspace": workspace, "listed": listed}
        _MENTIONS.put(connection, [{**same, "seq": seq, **_mention(body)} for seq, body in artifacts])


def named(dataset: str) -> str:
    """What stands in the index for the name of a dataset."""
    return Digest.of(dataset.encode("utf-8", "surrogatepass")).hex


def _mention(body: Artifact) -> dict[str, str | None]:
    return {
        "kind": body.node_type,
        "role": "produced" if body.is_produced else "used",
        "digest": None if body.hash is None else str(body.hash),
        "name": named(body.name) if isinstance(body, DatasetSeen) else None,
    }


def _home(connection: Connection, run_id: str) -> tuple[str, str]:
    """The workspace of a run, and the run in whose place it is listed: itself, or the one that it amends."""
    workspace, amends = _HOME.rows(connection, run_id=run_id)[0]
    return workspace, amends or run_id


def _names_a_gap(body: Body) -> bool:
    """Whether an event says that something could not be seen."""
    return isinstance(body, Gap) or (isinstance(body, Artifact) and body.reason is not None)
