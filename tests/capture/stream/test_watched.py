from __future__ import annotations

import copy
import pickle
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from torch.utils.data import DataLoader  # noqa: E402 - after the skip

from cognify_core.capture.rows import rows_outcome  # noqa: E402
from cognify_core.capture.stream import Watch  # noqa: E402
from cognify_core.capture.stream_parts import PartState  # noqa: E402
from cognify_core.capture.stream_watched import watched_as, watches_of  # noqa: E402
from tests.capture.stream import streams  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


@pytest.fixture
def watch(tmp_path: Path) -> Watch:
    watch = Watch()
    watch.place(tmp_path / "parts", 0)
    return watch


def manifest_of(rows: list[Any]) -> str:
    return (rows_outcome(rows).manifest or b"").decode()


def by_worker(parts: list[PartState]) -> dict[int, PartState]:
    return {part.worker: part for part in sorted(parts, key=lambda part: part.number)}


def test_the_rows_are_those_of_the_stream_and_are_digested_in_order(watch: Watch) -> None:
    rows = list(watched_as(streams.Counting(500), watch))
    assert rows == list(streams.Counting(500))
    (part,) = watch.settle()
    assert (part.delivered, part.rows, part.ended) == (500, 500, True)
    assert part.manifest == manifest_of(rows)


def test_a_watched_stream_is_one_of_its_own_class(watch: Watch) -> None:
    stream = streams.Sized(5)
    watched = watched_as(stream, watch)
    assert isinstance(watched, streams.Sized)
    assert isinstance(watched, torch.utils.data.IterableDataset)
    assert type(watched).__name__ == "Sized"
    assert len(watched) == 5
    watched.set_epoch(3)
    assert stream.epoch == 3
    assert next(iter(watched)) == streams.row(3000)


def test_a_stream_that_is_left_early_is_digested_as_far_as_it_was_read(watch: Watch) -> None:
    rows = []
    for row in watched_as(streams.Counting(500), watch):
        rows.append(row)
        if len(rows) == 77:
            break
    (part,) = watch.settle()
    assert part.rows == 77
    assert part.manifest == manifest_of(rows)


def test_each_pass_is_a_part(watch: Watch) -> None:
    watched = watched_as(streams.Counting(30), watch)
    for epoch in range(3):
        watched.set_epoch(epoch)
        list(watched)
    parts = watch.settle()
    assert [part.number for part in parts] == [0, 1, 2]
    assert parts[2].manifest == manifest_of([streams.row(2000 + i) for i in range(30)])


def test_two_iterators_at_once_are_two_parts(watch: Watch) -> None:
    watched = watched_as(streams.Counting(30), watch)
    pairs = list(zip(watched, watched, strict=True))
    assert len(pairs) == 30
    assert [part.rows for part in watch.settle()] == [30, 30]


def test_nothing_is_kept_while_no_run_watches(tmp_path: Path) -> None:
    watch = Watch()
    assert len(list(watched_as(streams.Counting(30), watch))) == 30
    assert watch.settle() == []


def test_a_run_that_begins_in_the_middle_sees_the_rest(watch: Watch, tmp_path: Path) -> None:
    watched = iter(watched_as(streams.Counting(30), watch))
    first = [next(watched) for _ in range(10)]
    assert [part.rows for part in watch.settle()] == [len(first)]
    watch.place(tmp_path / "parts", 0)
    rest = list(watched)
    (part,) = watch.settle()
    assert part.manifest == manifest_of(rest)


@pytest.mark.parametrize("make", [iter, lambda rows: (row for row in rows)], ids=["iterator", "generator"])
def test_an_iterator_stays_one(watch: Watch, make: Any) -> None:
    watched = watched_as(make([streams.row(i) for i in range(9)]), watch)
    assert iter(watched) is watched
    rows = [next(watched), *watched]
    assert list(watched) == []
    with pytest.raises(StopIteration):
        next(watched)
    (part,) = watch.settle()
    assert part.manifest == manifest_of(rows)


def test_a_generator_is_closed_with_what_watches_it(watch: Watch) -> None:
    closed = []

    def generate() -> Iterator[Any]:
        try:
            yield from map(streams.row, range(9))
        finally:
            closed.append(True)

    watched = watched_as(generate(), watch)
    next(watched)
    watched.close()
    assert closed == [True]


def test_what_no_class_can_be_derived_from_is_wrapped(watch: Watch) -> None:
    watched = watched_as(streams.Slotted(9), watch)
    assert len(watched) == 9
    assert watched.count == 9
    rows = list(watched)
    assert watch.settle()[0].manifest == manifest_of(rows)


def test_errors_of_the_stream_are_its_own(watch: Watch) -> None:
    with pytest.raises(LookupError, match="the stream is broken"):
        list(watched_as(streams.Failing(3), watch))
    (part,) = watch.settle()
    assert (part.rows, part.ended) == (1, True)


def test_a_row_without_a_canonical_form_is_a_reason_and_stops_nothing(watch: Watch) -> None:
    rows = [{"x": object()} for _ in range(50)]
    assert list(watched_as(iter(rows), watch)) == rows
    (part,) = watch.settle()
    assert part.delivered == 50
    assert part.manifest is None
    assert part.reason is not None
    assert "holds values of type object, which have no canonical form (row 0)" in part.reason


def test_a_row_that_breaks_when_it_is_looked_at_stops_nothing(watch: Watch) -> None:
    class Odd(dict[str, Any]):
        def __getitem__(self, name: str) -> Any:
            raise ZeroDivisionError

    rows = [Odd(x=1)] * 20
    assert list(watched_as(iter(rows), watch)) == rows
    assert watch.settle()[0].reason == "ZeroDivisionError: "


def test_a_folder_that_cannot_be_written_to_is_a_reason_and_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "parts").write_text("a file")
    watch = Watch()
    watch.place(tmp_path / "parts", 0)
    assert len(list(watched_as(streams.Counting(30), watch))) == 30
    assert watch.was_read
    (part,) = watch.settle()
    assert "NotADirectoryError" in str(part.reason)


def test_tensors_are_digested_as_they_are(watch: Watch) -> None:
    rows = list(watched_as(streams.Tensors(), watch))
    plain = [{"x": r["x"].numpy(), "y": int(r["y"]), "z": [e.numpy() for e in r["z"]]} for r in rows]
    assert watch.settle()[0].manifest == manifest_of(plain)


def test_what_a_collator_does_to_rows_comes_too_late_to_be_digested(watch: Watch) -> None:
    for row in watched_as(streams.Counting(40), watch):
        row["tokens"].append(99)
        del row["label"]
    assert watch.settle()[0].manifest == manifest_of([streams.row(i) for i in range(40)])


def test_no_random_number_is_drawn(watch: Watch) -> None:
    states = (random.getstate(), torch.get_rng_state())
    list(watched_as(streams.Counting(40), watch))
    watch.settle()
    assert random.getstate() == states[0]
    assert torch.equal(torch.get_rng_state(), states[1])


def test_copies_and_pickles_are_watched_too(watch: Watch) -> None:
    watched = watched_as(streams.Counting(7), watch)
    for copied in (copy.copy(watched), copy.deepcopy(watched), pickle.loads(pickle.dumps(watched))):
        assert isinstance(copied, streams.Counting)
        assert [each.key for each in watches_of(copied)] == [watch.key]
    shallow = copy.copy(watched)
    shallow.count = 3
    assert watched.count == 7


@pytest.mark.slow
@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_each_worker_is_a_part(watch: Watch, context: str) -> None:
    watched = watched_as(streams.Counting(301), watch)
    loader = DataLoader(
        watched, batch_size=8, num_workers=2, collate_fn=streams.as_it_is, multiprocessing_context=context
    )
    for _ in range(2):
        assert sum(len(batch) for batch in loader) == 301
    parts = watch.settle()
    assert [(part.worker, part.number, part.rows) for part in parts] == [
        (0, 0, 151),
        (0, 1, 151),
        (1, 0, 150),
        (1, 1, 150),
    ]
    for part in parts:
        assert part.manifest == manifest_of([streams.row(i) for i in range(part.worker, 301, 2)])


@pytest.mark.slow
def test_a_worker_that_still_reads_is_asked(watch: Watch) -> None:
    loader = DataLoader(watched_as(streams.Counting(10_000), watch), batch_size=8, num_workers=2)
    batches = iter(loader)
    for _ in range(3):
        next(batches)
    parts = watch.settle()
    assert all(part.rows == part.delivered and part.rows >= 8 and not part.ended for part in parts)
    assert {part.worker for part in parts} == {0, 1}
    assert watch.settle() == []


@pytest.mark.slow
def test_a_killed_worker_leaves_what_it_had_written_down_and_the_loader_its_own_error(watch: Watch) -> None:
    loader = DataLoader(watched_as(streams.Dying(400), watch), batch_size=4, num_workers=2, collate_fn=streams.as_it_is)
    with pytest.raises(RuntimeError, match="exited unexpectedly"):
        for _ in loader:
            pass
    parts = by_worker(watch.settle())
    assert parts[1].delivered == 40
    assert parts[1].manifest == manifest_of([streams.row(i) for i in range(1, 400, 2)][: parts[1].rows])
    assert not parts[1].is_open


def test_parts_that_were_given_are_not_given_again_and_leave_no_files(watch: Watch, tmp_path: Path) -> None:
    watched = watched_as(streams.Counting(9), watch)
    list(watched)
    assert len(watch.settle()) == 1
    assert watch.settle() == []
    assert list((tmp_path / "parts").iterdir()) == []
    list(watched)
    assert len(watch.settle()) == 1
