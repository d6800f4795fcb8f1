"""What the processes that are killed send, so that what a record may hold of it is known without them."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

from cognify_core.errors import RecordError
from cognify_core.model.events import Draft, Note
from cognify_core.store.sql import SqlStore, open_store
from tests import factories

RUN = factories.RUN_ID
OPENED = Draft(factories.OPENED_AT, factories.opened(), "opener", 0)


def batches(writer: str) -> Iterator[list[Draft]]:
    """What `writer` appends, call by call, without end: one event or a few, short or long, always the same."""
    dice = random.Random(writer)
    counter = 0
    while True:
        size = dice.choice((1, 1, 1, 2, 5, 20))
        yield [_note(writer, counter + place, dice) for place in range(size)]
        counter += size


def send(path: Path, mounts: Path, writer: str, acknowledgements: Path) -> None:
    """Open the store and append until somebody kills this process; each append that returned is one line of a file."""
    acknowledged = os.open(acknowledgements, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    store = open_store(path, mounts=mounts)
    begin(store)
    sent = 0
    for batch in batches(writer):
        store.append(RUN, batch)
        sent += len(batch)
        os.write(acknowledged, f"{sent}\n".encode())


def begin(store: SqlStore) -> None:
    """Begin the run, unless it has begun."""
    if not store.runs():
        try:
            store.create(RUN, OPENED)
        except RecordError:
            return  # another process was first


def acknowledged(path: Path) -> int:
    """How many events the process at the other end of this file knew to be durable."""
    return int(path.read_text().split()[-1]) if path.is_file() and path.stat().st_size else 0


def _note(writer: str, counter: int, dice: random.Random) -> Draft:
    text = f"{writer} {counter} " + "x" * dice.choice((0, 10, 300, 5000))
    return Draft(factories.TIME, Note(text=text), writer, counter)
