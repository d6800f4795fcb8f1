"""A copy of a store whose log is cut at any byte, or whose log's tail was never written as it should have been."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import pytest

from cognify_core.errors import RunNotFoundError
from cognify_core.store.sql import open_store
from tests import factories
from tests.durability.sending import OPENED, RUN, batches
from tests.store.values import draft

LOG_HEADER, FRAME = 32, 24 + 4096  # sqlite.org/fileformat2, §4
CALLS = 60


class Original:
    """A store that somebody still has open, so that its log holds all of it: even the schema."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "original" / "cognify.db"
        self.store = open_store(self.path)
        self.store.create(RUN, OPENED)
        self.lengths = {0, 1}
        for batch in islice(batches("writer"), CALLS):
            self.lengths.add(self.store.append(RUN, batch))
        self.events = list(self.store.events(RUN))
        self.file = self.path.read_bytes()
        self.log = self.path.with_name("cognify.db-wal").read_bytes()


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Original]:
    made = Original(tmp_path_factory.mktemp("cut"))
    yield made
    made.store.close()


def held(original: Original, folder: Path, log: bytes) -> list[bytes]:
    """What a store with this log opens to; appending to it must work."""
    folder.mkdir()
    path = folder / "cognify.db"
    path.write_bytes(original.file)
    path.with_name("cognify.db-wal").write_bytes(log)
    store = open_store(path)
    try:
        events = list(store.events(RUN))
    except RunNotFoundError:
        events = []
        store.create(RUN, OPENED)
    length = max(1, len(events))
    assert store.append(RUN, [draft(factories.gap(), writer="survivor")]) == length + 1
    store.close()
    shutil.rmtree(folder)
    return events


def check(original: Original, folder: Path, logs: Iterable[bytes]) -> set[int]:
    """Each log opens to whole calls from the record's beginning; return how many events each came to."""
    lengths = set()
    for number, log in enumerate(logs):
        events = held(original, folder / str(number), log)
        assert events == original.events[: len(events)]
        assert len(events) in original.lengths
        lengths.add(len(events))
    return lengths


@pytest.mark.slow
def test_a_log_cut_at_any_byte_opens_to_a_valid_prefix(original: Original, tmp_path: Path) -> None:
    dice = random.Random(0)
    frames = range(LOG_HEADER, len(original.log) + 1, FRAME)
    boundaries = [boundary + dice.choice((-1, 0, 0, 1)) for boundary in frames]
    anywhere = [dice.randrange(len(original.log)) for _ in range(100)]
    cuts = [0, 1, LOG_HEADER - 1, *boundaries, *anywhere, len(original.log)]
    assert len(cuts) > 300
    lengths = check(original, tmp_path, (original.log[:cut] for cut in cuts))
    assert len(lengths) > len(original.lengths) / 2


@pytest.mark.slow
def test_a_log_whose_tail_was_garbled_opens_to_a_valid_prefix(original: Original, tmp_path: Path) -> None:
    dice = random.Random(1)

    def garbled() -> Iterator[bytes]:
        for _ in range(60):
            log = bytearray(original.log)
            log[dice.randrange(len(log))] ^= 1 << dice.randrange(8)
            yield bytes(log)
        for _ in range(60):
            cut = dice.randrange(len(original.log))
            yield original.log[:cut] + dice.randbytes(len(original.log) - cut)
            yield original.log[:cut] + bytes(len(original.log) - cut)

    assert len(check(original, tmp_path, garbled())) > 20


def test_the_log_that_is_cut_holds_the_whole_store(original: Original, tmp_path: Path) -> None:
    assert held(original, tmp_path / "whole", original.log) == original.events
    assert held(original, tmp_path / "none", b"") == []
