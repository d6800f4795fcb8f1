"""Records, as a migration reads them to fill a table with what stands in them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, select

from cognify_core.errors import FormatError
from cognify_core.model.events import parse_event
from cognify_core.store.indexing import Numbered
from cognify_core.store.rows import to_bytes
from cognify_core.store.tables import events, runs


def each_run(connection: Connection, kinds: Collection[str]) -> Iterator[tuple[str, list[Numbered]]]:
    """Every run, with its events of these kinds that read: what does not is for `verify` to find."""
    for run_id in connection.execute(select(runs.c.run_id)).scalars().all():
        query = select(events.c.seq, events.c.event).where(events.c.run_id == run_id, events.c.kind.in_(kinds))
        yield run_id, list(_readable(connection.execute(query).all()))


def _readable(rows: Iterable[Sequence[Any]]) -> Iterator[Numbered]:
    for seq, event in rows:
        try:
            yield seq, parse_event(to_bytes(event)).body
        except FormatError:
            continue
