"""`cognify.watch` in real trainings: what is recorded of streams, and that training does not notice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

datasets = pytest.importorskip("datasets")
torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from packaging.version import Version  # noqa: E402 - after the skip
from torch.utils.data import DataLoader, IterableDataset  # noqa: E402

import cognify  # noqa: E402
from cognify_core import api  # noqa: E402
from cognify_core.capture.rows import rows_outcome  # noqa: E402
from cognify_core.model.digest import Digest  # noqa: E402
from cognify_core.model.events import DatasetSeen, Gap, RunClosed, parse_event  # noqa: E402
from cognify_core.model.streams import STREAM_FORMAT, stream_manifest  # noqa: E402
from cognify_integrations.huggingface import CognifyCallback  # noqa: E402
from tests.capture.stream import streams  # noqa: E402

pytestmark = [
    pytest.mark.training,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]
REPOSITORY = Path(__file__).parents[2]
MakeTrainer = Callable[..., Any]


def token_row(i: int) -> dict[str, Any]:
    return {"input_ids": [(i * 7 + j * 3) % 100 for j in range(8)], "labels": i % 2}


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    paths = []
    for file in range(2):
        path = tmp_path / f"part{file}.jsonl"
        path.write_text("".join(json.dumps(token_row(file * 100 + i)) + "\n" for i in range(100)))
        paths.append(str(path))
    return paths


def stream_of(files: list[str]) -> Any:
    cache = str(Path(files[0]).parent / "cache")
    return datasets.load_dataset("json", data_files=files, split="train", streaming=True, cache_dir=cache)


def bodies() -> list[Any]:
    run_id = api.this_session().workspace.store.runs()[0].run_id
    return [parse_event(data).body for data in api.this_session().workspace.store.events(run_id)]


def seen(name: str) -> DatasetSeen:
    (found,) = [body for body in bodies() if isinstance(body, DatasetSeen) and body.name == name]
    return found


def losses(trainer: Any) -> list[float]:
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


def digest_of(rows: list[Any]) -> Digest | None:
    return rows_outcome(rows).hash


@pytest.mark.parametrize("workers", [0, 2])
def test_a_training_on_a_watched_stream_is_the_same_and_its_rows_are_recorded(
    make_trainer: MakeTrainer, home: Path, files: list[str], workers: int
) -> None:
    without = make_trainer("without", train=stream_of(files), dataloader_num_workers=workers)
    without.train()
    train = cognify.watch(stream_of(files), name="web_text", source_category="public")
    watched = make_trainer("with", callbacks=[CognifyCallback()], train=train, dataloader_num_workers=workers)
    watched.train()

    assert losses(watched) == losses(without)
    for mine, theirs in zip(watched.model.parameters(), without.model.parameters(), strict=True):
        assert torch.equal(mine, theirs)
    body = seen("web_text")
    assert (body.assurance, body.manifest, body.provenance) == ("content", STREAM_FORMAT, {"source_category": "public"})
    assert body.parts is not None
    assert body.hash == Digest.of(stream_manifest(body.parts))
    assert [part["worker"] for part in body.parts] == list(range(max(1, workers)))
    for part in body.parts:
        rows = [token_row(part["worker"] * 100 + i) for i in range(part["rows"])]
        assert part["digest"] == digest_of(rows)
    assert body.record_count == sum(part["rows"] for part in body.parts) >= 48
    (closed,) = [body for body in bodies() if isinstance(body, RunClosed)]
    assert closed.complete


def test_the_files_of_a_stream_are_its_sources_and_checkpoints_come_from_it(
    make_trainer: MakeTrainer, home: Path, files: list[str]
) -> None:
    train = cognify.watch(stream_of(files), name="web_text")
    make_trainer(callbacks=[CognifyCallback()], train=train).train()
    package = json.loads(cognify.export_audit().path.read_text())
    edges = {(edge["from"], edge["to"]) for edge in package["edges"]}
    assert edges >= {
        ("ds_web_text_part0_v1", "ds_web_text_v1"),
        ("ds_web_text_part1_v1", "ds_web_text_v1"),
        ("ds_web_text_v1", "ckpt_step_6"),
    }
    assert not [gap for gap in package["gaps"] if gap["subject"] == "ds_web_text_v1"]


def test_the_files_of_a_stream_that_nobody_watches_are_its_sources_all_the_same(
    make_trainer: MakeTrainer, home: Path, files: list[str]
) -> None:
    make_trainer(callbacks=[CognifyCallback()], train=stream_of(files)).train()
    package = json.loads(cognify.export_audit().path.read_text())
    assert {edge["from"] for edge in package["edges"] if edge["to"] == "ds_train_v1"} == {
        "ds_train_part0_v1",
        "ds_train_part1_v1",
    }
    assert [gap["reason"] for gap in package["gaps"] if gap["subject"] == "ds_train_v1"] == ["stream"]


def test_a_package_carries_the_manifests_of_all_parts_and_verifies(
    make_trainer: MakeTrainer, home: Path, files: list[str]
) -> None:
    train = cognify.watch(stream_of(files), name="web_text")
    make_trainer(callbacks=[CognifyCallback()], train=train, dataloader_num_workers=2).train()
    exported = cognify.export_audit()
    package = json.loads(exported.path.read_text())
    body = seen("web_text")
    for part in body.parts or ():
        assert Digest.of(package["manifests"][str(part["digest"])].encode()) == part["digest"]
    cognify.verify(exported.path, key=home / "keys" / "signing.pub")
    part_digest = str((body.parts or ())[0]["digest"])
    del package["manifests"][part_digest]
    exported.path.write_text(json.dumps(package, sort_keys=True, separators=(",", ":"), ensure_ascii=False))
    with pytest.raises(cognify.VerificationError, match=f"the manifest {part_digest} of ds_web_text_v1"):
        cognify.verify(exported.path, key=home / "keys" / "signing.pub")


def test_each_epoch_is_a_pass(make_trainer: MakeTrainer, home: Path, files: list[str]) -> None:
    train = cognify.watch(stream_of(files).take(32), name="short")
    make_trainer(callbacks=[CognifyCallback()], train=train, max_steps=8).train()
    parts = seen("short").parts or ()
    assert [(part["pass"], part["rows"]) for part in parts][:2] == [(0, 32), (1, 32)]
    assert parts[0]["digest"] == parts[1]["digest"] == digest_of([token_row(i) for i in range(32)])


def test_evaluations_on_a_watched_stream_are_recorded_during_and_after_the_training(
    make_trainer: MakeTrainer, home: Path, files: list[str]
) -> None:
    held_out = cognify.watch(stream_of(files).take(16), name="held_out", role="eval")
    trainer = make_trainer(callbacks=[CognifyCallback()], max_steps=2, eval_strategy="steps", eval_steps=1)
    trainer.eval_dataset = held_out
    trainer.train()
    body = seen("held_out")
    assert body.role == "eval"
    assert {part["digest"] for part in body.parts or ()} == {digest_of([token_row(i) for i in range(16)])}
    trainer.evaluate()
    package = json.loads(cognify.export_audit().path.read_text())
    (node,) = [node for node in package["addenda"][0]["nodes"] if node["type"] == "dataset" and node["role"] == "eval"]
    assert (node["assurance"], node["record_count"]) == ("content", 16)


def test_rows_that_change_their_kind_are_unresolved_and_training_goes_on(make_trainer: MakeTrainer, home: Path) -> None:
    class Drifting(IterableDataset):  # type: ignore[type-arg]
        def __iter__(self) -> Any:
            for i in range(2000):
                yield token_row(i) | {"weight": 1 if i < 900 else 0.5}

    train = cognify.watch(Drifting(), name="drifting")
    trainer = make_trainer(callbacks=[CognifyCallback()], train=train, max_steps=130, save_steps=130)
    trainer.train()
    assert trainer.state.global_step == 130
    body = seen("drifting")
    assert body.assurance == "unresolved"
    assert "column 'weight' is int64 in the rows before and double here (row 900)" in str(body.reason)
    assert body.reason is not None
    assert body.reason.startswith("rank 0, worker 0, pass 0: ")


def test_streams_that_nobody_watches_are_unresolved_and_say_what_mends_them(
    make_trainer: MakeTrainer, home: Path, files: list[str]
) -> None:
    class Plain(IterableDataset):  # type: ignore[type-arg]
        def __iter__(self) -> Any:
            return map(token_row, range(400))

    for train in (stream_of(files), Plain()):
        make_trainer(callbacks=[CognifyCallback()], train=train).train()
        (body,) = [body for body in bodies() if isinstance(body, DatasetSeen) and body.role == "train"]
        assert (body.assurance, body.reason) == ("unresolved", "stream")
        (gap,) = [body for body in bodies() if isinstance(body, Gap) and body.reason == "stream"]
        assert "cognify.watch(stream" in str(gap.mend)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_loop_of_ones_own_needs_no_more_than_the_watched_stream(home: Path, tmp_path: Path, workers: int) -> None:
    train = cognify.watch(streams.Counting(301), name="counted")
    weights = tmp_path / "model.bin"
    with cognify.run() as run:
        loader = DataLoader(train, batch_size=8, num_workers=workers, collate_fn=streams.as_it_is)
        assert sum(len(batch) for batch in loader) == 301
        weights.write_bytes(b"weights")
        run.checkpoint(weights, step=1)
    body = seen("counted")
    assert body.record_count == 301
    assert len(body.parts or ()) == max(1, workers)
    (gap,) = [body for body in bodies() if isinstance(body, Gap) and body.subject == "ds_counted_v1"]
    assert gap.reason == "source: unresolved"
    package = json.loads(cognify.export_audit().path.read_text())
    assert {"from": "ds_counted_v1", "to": "ckpt_step_1"} in package["edges"]


def test_what_is_read_outside_of_runs_is_of_none(home: Path) -> None:
    watched = cognify.watch(streams.Counting(30), name="counted")
    assert len(list(watched)) == 30
    with cognify.run():
        pass
    assert len(list(watched)) == 30
    with cognify.run():
        assert len(list(zip(watched, range(5), strict=False))) == 5
    runs = api.this_session().workspace.store.runs()
    assert len(runs) == 2
    assert seen("counted").record_count == 6  # zip takes one more before it sees that the other has ended
    first = api.this_session().workspace.store.events(runs[1].run_id)
    assert not any(isinstance(parse_event(data).body, DatasetSeen) for data in first)


def test_a_generator_can_be_watched(home: Path) -> None:
    with cognify.run():
        rows = list(cognify.watch((streams.row(i) for i in range(30)), name="generated", role="train"))
    body = seen("generated")
    assert [part["digest"] for part in body.parts or ()] == [digest_of(rows)]


def test_rows_that_a_killed_worker_had_not_written_down_are_a_gap_with_their_number(home: Path) -> None:
    class Killed(streams.Counting):
        def __iter__(self) -> Any:
            import os
            import signal

            info = torch.utils.data.get_worker_info()
            for place, row in enumerate(super().__iter__()):
                if place == 37 and info.id == 1:
                    os.kill(os.getpid(), signal.SIGKILL)
                yield row

    train = cognify.watch(Killed(400), name="counted")
    with pytest.raises(RuntimeError, match="exited unexpectedly"), cognify.run():
        for _ in DataLoader(train, batch_size=4, num_workers=2, collate_fn=streams.as_it_is):
            pass
    (gap,) = [body for body in bodies() if isinstance(body, Gap) and "no digest" in body.reason]
    assert gap.subject == "ds_counted_v1"
    assert "rank 0, worker 1, pass 0: 37 of 37 rows delivered have no digest" in gap.reason
    assert api.this_session().workspace.store.runs()[0].status == "FAILED"


def test_nothing_is_watched_when_cognify_is_off(tmp_path: Path) -> None:
    api.init(home=tmp_path / "home", mode="off")
    stream = streams.Counting(3)
    assert cognify.watch(stream, name="counted") is stream
    api.init(home=tmp_path / "home", mode="on")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ([{"x": 1}], "a list is no stream"),
        ({"train": 1}, "watch one of its splits"),
        (DataLoader([1, 2]), "not the DataLoader"),  # type: ignore[arg-type]
        (7, "a int is no stream"),
    ],
)
def test_what_is_no_stream_is_told_so(home: Path, data: Any, reason: str) -> None:
    with pytest.raises(cognify.CognifyError, match=reason):
        cognify.watch(data, name="rows")


def test_a_stream_is_watched_once(home: Path) -> None:
    watched = cognify.watch(streams.Counting(3), name="counted")
    with pytest.raises(cognify.CognifyError, match="watched already"):
        cognify.watch(watched, name="again")


SHARDS = pytest.mark.skipif(
    Version(version("accelerate")) < Version("1.8"), reason="before accelerate 1.8, each rank reads every file"
)


@pytest.mark.parametrize(
    ("mode", "read"), [pytest.param("shard", {0: 56, 1: 56}, marks=SHARDS), ("dispatch", {0: 112, 1: 0})]
)
def test_each_rank_records_what_it_read(tmp_path: Path, files: list[str], mode: str, read: dict[int, int]) -> None:
    """On two ranks each reads its own file; or rank 0 reads for both."""
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone"]
    program = ["-m", "tests.integrations.streaming_program", str(tmp_path), mode]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [*launch, *program], cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=180, check=False
    )
    assert done.returncode == 0, done.stderr
    api.init(home=tmp_path / "home", quiet=True)
    fed = [body for body in bodies() if isinstance(body, DatasetSeen) and body.name == "web_text"]
    assert {body.facts["rank"]: body.record_count for body in fed} == read
    parts = {part["rank"]: part for body in fed for part in body.parts or ()}
    for rank, part in parts.items():
        assert part["digest"] == digest_of([token_row(rank * 100 + i) for i in range(part["rows"])])
    assert parts.keys() == {rank for rank, rows in read.items() if rows}
    (closed,) = [body for body in bodies() if isinstance(body, RunClosed)]
    assert closed.complete
