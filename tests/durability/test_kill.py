"""`kill -9` at random moments, while a store is created, opened, and written to by two processes at once."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from signal import SIGKILL

import pytest

from cognify_core.store.sql import open_store
from tests import factories
from tests.durability.sending import OPENED, RUN, acknowledged, batches, begin
from tests.store.values import draft

Children = list[dict[str, str | float]]
Kill = Callable[[Children], None]

REPOSITORY = Path(__file__).parents[2]
CHILDREN_AT_ONCE = 2


@pytest.fixture(scope="module")
def kill() -> Iterator[Kill]:
    """Start processes and kill them in their time; returns when all are dead."""
    command = [sys.executable, "-m", "tests.durability.nursery"]
    with subprocess.Popen(
        command, cwd=REPOSITORY, text=True, bufsize=1, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as nursery:

        def start_and_kill(children: Children) -> None:
            assert nursery.stdin is not None
            assert nursery.stdout is not None
            nursery.stdin.write(json.dumps(children) + "\n")
            assert json.loads(nursery.stdout.readline()) == [SIGKILL] * len(children)

        yield start_and_kill


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "stores", "rounds"), [("ext4", 10, 10), ("nfs4", 2, 10)], ids=["200 on a local disk", "40 on a network"]
)
def test_a_killed_process_leaves_a_valid_prefix_and_a_store_that_works(
    kill: Kill, tmp_path: Path, kind: str, stores: int, rounds: int
) -> None:
    dice = random.Random(kind)
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"23 22 0:2 / {tmp_path} rw - {kind} device rw\n")
    known_total, pace = 0, 1.0
    for number in range(stores):
        path = tmp_path / f"home{number}" / "cognify.db"
        events: list[bytes] = []
        for round_ in range(rounds):
            writers = [f"writer{number}.{round_}.{child}" for child in range(CHILDREN_AT_ONCE)]
            longest = pace * (0.1 if round_ else 0.25)  # the first ones create the store
            kill(
                [
                    {
                        "path": str(path),
                        "mounts": str(mounts),
                        "writer": writer,
                        "acknowledgements": str(tmp_path / writer),
                        "seconds": dice.uniform(0, longest),
                    }
                    for writer in writers
                ]
            )
            known = {writer: acknowledged(tmp_path / writer) for writer in writers}
            known_total += sum(known.values())
            if known_total < 2 * (number * rounds + round_):  # on a busy machine, processes need longer to get to write
                pace = min(1.5 * pace, 100.0)
            events = _check_and_append(path, mounts, events, known, f"survivor{number}.{round_}")
    assert known_total > 10 * stores, "nobody lived long enough to write"


def _check_and_append(
    path: Path, mounts: Path, before: list[bytes], known: Mapping[str, int], survivor: str
) -> list[bytes]:
    """Open what the dead have left, hold it to what they sent, and append to it; return the record's new events."""
    store = open_store(path, mounts=mounts)
    begin(store)
    events = list(store.events(RUN))
    assert events[: max(1, len(before))] == (before or [OPENED.at(RUN, 0).encode()])
    new = events[max(1, len(before)) :]
    for writer, durable in known.items():
        held = _held(new, writer)
        assert durable <= len(held), f"{writer} knew of {durable} events, and {len(held)} are there"
        _check_calls(writer, held)
    assert len(new) == sum(len(_held(new, writer)) for writer in known)

    after = draft(factories.gap(subject=survivor), writer=survivor)
    assert store.append(RUN, [after]) == len(events) + 1
    store.close()
    return [*events, after.at(RUN, len(events)).encode()]


def _held(events: list[bytes], writer: str) -> list[bytes]:
    return [event for event in events if f'"text":"{writer} '.encode() in event]


def _check_calls(writer: str, held: list[bytes]) -> None:
    """What is held of a writer is what its first calls sent, byte for byte, and each call whole."""
    calls = batches(writer)
    while held:
        for sent in next(calls):
            seq = json.loads(held[0])["seq"]
            assert held.pop(0) == sent.at(RUN, seq).encode()
