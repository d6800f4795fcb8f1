from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

datasets = pytest.importorskip("datasets")
torch = pytest.importorskip("torch")

from datasets import ClassLabel, Dataset, Features, Value  # noqa: E402 - after the skip
from datasets.distributed import split_dataset_by_node  # noqa: E402
from torch.utils.data import DataLoader  # noqa: E402

from cognify_core.capture.rows import rows_outcome  # noqa: E402
from cognify_core.capture.stream import Watch  # noqa: E402
from cognify_core.capture.stream_files import files_of_stream  # noqa: E402
from cognify_core.capture.stream_watched import watched_as, watches_of  # noqa: E402
from tests.capture.stream import streams  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
ROWS = 50
FILES = 4


@pytest.fixture
def watch(tmp_path: Path) -> Watch:
    watch = Watch()
    watch.place(tmp_path / "parts", 0)
    return watch


@pytest.fixture
def stream(tmp_path: Path) -> Any:
    files = streams.jsonl(tmp_path, FILES, ROWS)
    return datasets.load_dataset(
        "json", data_files=files, split="train", streaming=True, cache_dir=str(tmp_path / "cache")
    )


def manifest_of(rows: Any) -> str:
    return (rows_outcome(rows).manifest or b"").decode()


def all_rows() -> list[Any]:
    return [streams.row(i) for i in range(FILES * ROWS)]


def test_a_watched_stream_is_a_stream_of_datasets(watch: Watch, stream: Any) -> None:
    watched = watched_as(stream, watch)
    assert isinstance(watched, datasets.IterableDataset)
    assert isinstance(watched, torch.utils.data.IterableDataset)
    assert watched.column_names == stream.column_names
    assert (watched.num_shards, watched.n_shards) == (FILES, FILES)
    watched.set_epoch(2)
    assert stream.epoch == 2


def test_rows_are_digested_as_those_of_the_whole_dataset(watch: Watch, stream: Any) -> None:
    assert list(watched_as(stream, watch)) == all_rows()
    (part,) = watch.settle()
    assert part.manifest == manifest_of(all_rows()) == manifest_of(Dataset.from_list(all_rows()))


def test_exactly_the_rows_that_were_delivered_are_digested(watch: Watch, stream: Any) -> None:
    """Though a whole table of them was read."""
    rows = iter(watched_as(stream, watch))
    delivered = [next(rows) for _ in range(33)]
    del rows
    (part,) = watch.settle()
    assert (part.delivered, part.manifest) == (33, manifest_of(delivered))


def test_names_of_classes_are_part_of_the_digest(watch: Watch) -> None:
    features = Features({"x": Value("int64"), "y": ClassLabel(names=["no", "yes"])})
    dataset = Dataset.from_dict({"x": [1, 2, 3], "y": [0, 1, 0]}, features=features)
    list(watched_as(dataset.to_iterable_dataset(), watch))
    assert watch.settle()[0].manifest == manifest_of(dataset)


def test_formats_are_not_applied_to_what_is_digested(watch: Watch, stream: Any) -> None:
    rows = list(watched_as(stream.with_format("torch"), watch))
    assert isinstance(rows[0]["tokens"], torch.Tensor)
    assert watch.settle()[0].manifest == manifest_of(all_rows())


@pytest.mark.parametrize(
    "choose",
    [
        lambda ds: ds.take(30),
        lambda ds: ds.skip(30),
        lambda ds: ds.shuffle(seed=3, buffer_size=16).take(70),
        lambda ds: ds.shard(num_shards=2, index=1),
        lambda ds: ds.filter(lambda row: row["label"] == 1),
        lambda ds: ds.repeat(2),
        lambda ds: ds._resolve_features(),
    ],
    ids=["take", "skip", "shuffle", "shard", "filter", "repeat", "resolve"],
)
def test_rows_that_are_chosen_afterwards_are_digested_as_chosen(
    watch: Watch, stream: Any, choose: Callable[[Any], Any]
) -> None:
    chosen = choose(watched_as(stream, watch))
    rows = list(chosen)
    assert rows == list(choose(stream))
    assert [each.key for each in watches_of(chosen)] == [watch.key]
    parts = [part for part in watch.settle() if part.delivered]
    assert [part.manifest for part in parts] == [manifest_of(rows)]


@pytest.mark.parametrize(
    "change",
    [
        lambda ds: ds.map(lambda row: {"length": len(row["text"])}),
        lambda ds: ds.map(lambda rows: {"length": [len(text) for text in rows["text"]]}, batched=True),
        lambda ds: ds.rename_column("text", "content"),
        lambda ds: ds.remove_columns("text"),
        lambda ds: ds.batch(5),
        lambda ds: datasets.concatenate_datasets([ds]),
        lambda ds: split_dataset_by_node(ds, rank=0, world_size=1),
    ],
    ids=["map", "batched", "rename", "remove", "batch", "concatenate", "split"],
)
def test_rows_that_are_changed_afterwards_are_digested_as_they_were_read(
    watch: Watch, stream: Any, change: Callable[[Any], Any]
) -> None:
    changed = change(watched_as(stream, watch))
    assert list(changed) == list(change(stream))
    assert [each.key for each in watches_of(changed)] == [watch.key]
    parts = [part for part in watch.settle() if part.delivered]
    assert [part.manifest for part in parts] == [manifest_of(all_rows())]


def test_what_was_mapped_before_is_digested_as_it_came_out(watch: Watch, stream: Any) -> None:
    rows = list(watched_as(stream.map(lambda row: {"length": len(row["text"])}), watch))
    assert watch.settle()[0].manifest == manifest_of(rows)


@pytest.mark.parametrize("strategy_shards", [True, False], ids=["shards", "examples"])
def test_a_rank_digests_its_own_rows(watch: Watch, stream: Any, strategy_shards: bool) -> None:
    mine = split_dataset_by_node(stream, rank=1, world_size=2 if strategy_shards else 3)
    rows = list(watched_as(mine, watch))
    assert watch.settle()[0].manifest == manifest_of(rows)


def test_epochs_are_shuffled_as_without(watch: Watch, stream: Any) -> None:
    shuffled = stream.shuffle(seed=5, buffer_size=20)
    watched = watched_as(shuffled, watch)
    epochs = []
    for epoch in range(2):
        watched.set_epoch(epoch)
        epochs.append(list(watched))
    assert epochs[0] != epochs[1]
    for epoch in range(2):
        shuffled.set_epoch(epoch)
        assert epochs[epoch] == list(shuffled)
    assert [part.manifest for part in watch.settle()] == [manifest_of(rows) for rows in epochs]


def test_a_stream_resumes_from_the_same_state_with_and_without(watch: Watch, stream: Any) -> None:
    watched = watched_as(stream, watch)
    rows = iter(watched)
    for _ in range(60):
        next(rows)
    state = watched.state_dict()
    del rows
    plain = iter(stream)
    for _ in range(60):
        next(plain)
    assert state == stream.state_dict()
    watched.load_state_dict(state)
    assert list(watched) == all_rows()[60:]


@pytest.mark.slow
@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_each_worker_digests_the_shards_that_it_reads(watch: Watch, stream: Any, context: str) -> None:
    loader = DataLoader(
        watched_as(stream, watch),
        batch_size=8,
        num_workers=2,
        collate_fn=streams.as_it_is,
        multiprocessing_context=context,
    )
    assert sum(len(batch) for batch in loader) == FILES * ROWS
    parts = watch.settle()
    files = [all_rows()[start : start + ROWS] for start in range(0, FILES * ROWS, ROWS)]
    assert [part.manifest for part in parts] == [manifest_of(files[w] + files[w + 2]) for w in range(2)]


def test_pickles_are_watched_too(watch: Watch, stream: Any) -> None:
    copied = pickle.loads(pickle.dumps(watched_as(stream, watch)))
    assert isinstance(copied, datasets.IterableDataset)
    assert [each.key for each in watches_of(copied)] == [watch.key]
    assert len(list(copied)) == FILES * ROWS


@pytest.mark.parametrize("kind", ["json", "text", "parquet", "arrow", "csv"])
def test_the_files_that_a_stream_reads_are_found(tmp_path: Path, kind: str) -> None:
    dataset = Dataset.from_list(all_rows()).select_columns(["text"])
    path = tmp_path / f"rows.{kind}"
    match kind:
        case "parquet":
            dataset.to_parquet(str(path))
        case "arrow":
            dataset.save_to_disk(str(tmp_path / "saved"))
            path = next((tmp_path / "saved").glob("*.arrow"))
        case "json":
            dataset.to_json(str(path))
        case _:
            dataset.to_csv(str(path))
    stream = datasets.load_dataset(
        kind, data_files=[str(path)], split="train", streaming=True, cache_dir=str(tmp_path / "cache")
    )
    assert files_of_stream(stream).local == (path,)
    assert files_of_stream(stream.map(dict).shuffle(seed=1)).local == (path,)


def test_a_stream_from_memory_has_no_files(stream: Any) -> None:
    assert not files_of_stream(Dataset.from_list(all_rows()).to_iterable_dataset())
    assert not files_of_stream(iter([]))
