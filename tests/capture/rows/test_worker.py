from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets
import pandas as pd
import pyarrow as pa
import pytest

from cognify_core.canonical import parse
from cognify_core.capture.files import file_outcome
from cognify_core.capture.outcome import Outcome
from cognify_core.capture.row_index import index_path, read_index
from cognify_core.capture.rows import rows_outcome
from cognify_core.capture.tree import tree_outcome
from cognify_core.capture.worker_client import Worker

ROWS: list[dict[str, Any]] = [{"text": f"row {i}", "ids": [i, i + 1], "drop": i} for i in range(3000)]


@pytest.fixture
def worker() -> Iterator[Worker]:
    found = Worker()
    yield found
    found.close()


def _pid(worker: Worker) -> int:
    assert worker._process is not None
    return worker._process.popen.pid


def _saved(folder: Path) -> datasets.Dataset:
    datasets.disable_progress_bars()
    datasets.Dataset.from_list(ROWS).save_to_disk(folder, num_shards=2)
    return datasets.load_from_disk(folder)


def test_any_source_has_the_digest_that_it_has_here(worker: Worker, tmp_path: Path) -> None:
    saved = _saved(tmp_path / "saved")
    memory = datasets.Dataset.from_list(ROWS)
    forms: list[Any] = [
        ROWS,
        tmp_path / "saved",
        saved,
        saved.shuffle(seed=1),
        saved.shuffle(seed=1).select([5, 5, 7]),
        saved.remove_columns("drop").rename_column("text", "words").select(range(7, 2000)),
        datasets.concatenate_datasets([saved, saved.select([1])]),
        saved.add_column("more", list(range(3000))),
        memory,
        memory.shuffle(seed=2),
        memory.shuffle(seed=2).select([1, 2]),
        memory.with_transform(lambda batch: batch),
        pa.Table.from_pylist(ROWS),
        pd.DataFrame(ROWS),
        [saved.shuffle(seed=3), memory, ROWS],
        [{"big": 2**80}],
        [],
        pa.table(
            {"d": pa.array(["a", "b", "a"]).dictionary_encode(), "v": pa.array(["x", None, "y"], pa.string_view())}
        ),
    ]
    for form in forms:
        assert worker.rows(form) == rows_outcome(form)
    assert worker.rows(saved, columns=["text"]) == rows_outcome(saved, columns=["text"])
    assert worker.rows(tmp_path / "saved", columns=["ids"]) == rows_outcome(saved, columns=["ids"])


def test_the_hashing_process_starts_without_pydantic() -> None:
    """Each rank starts one: what it imports is taken from the training."""
    program = "import sys, cognify_core.capture.worker, cognify_core.capture.worker_rows; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True)
    assert not {"pydantic", "pydantic_core", "datasets", "torch"} & set(done.stdout.split())


def test_mapped_datasets_are_not_sent_through_the_pipe(tmp_path: Path) -> None:
    from cognify_core.capture.sources import open_source

    saved = _saved(tmp_path / "saved").shuffle(seed=1).remove_columns("drop")
    (part,) = open_source(saved).parts
    assert [Path(each.path).name for each in part.mapped] == [
        "data-00000-of-00002.arrow",
        "data-00001-of-00002.arrow",
    ]
    assert open_source(saved.map(lambda row: row, keep_in_memory=True)).parts[0].mapped == ()


def test_a_mapped_file_that_was_replaced_is_read_through_this_process(worker: Worker, tmp_path: Path) -> None:
    saved = _saved(tmp_path / "saved")
    expected = rows_outcome(saved)
    (shard,) = (tmp_path / "saved").glob("data-00000*")
    shard.rename(tmp_path / "away")
    shard.write_bytes((tmp_path / "away").read_bytes()[::-1])
    assert worker.rows(saved) == expected


def test_trees_and_files_have_the_outcome_that_they_have_here(worker: Worker, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert worker.tree(tmp_path) == tree_outcome(tmp_path)
    assert worker.file(tmp_path / "a") == file_outcome(tmp_path / "a")
    assert worker.file(tmp_path / "gone").assurance == "unresolved"


def test_an_index_is_written_where_it_is_asked_for(worker: Worker, tmp_path: Path) -> None:
    outcome = worker.rows(ROWS, index=tmp_path / "some" / "index")
    again = worker.rows(ROWS, index_folder=tmp_path / "rows", cap=1000)
    assert outcome.manifest is not None
    assert outcome.hash is not None
    assert again == outcome
    root = parse(outcome.manifest)["root"]
    assert read_index(tmp_path / "some" / "index", root).height == 0
    assert read_index(index_path(tmp_path / "rows", outcome.hash), root).height == 7


def test_an_index_that_cannot_be_written_is_a_gap_and_the_digest_holds(worker: Worker, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    outcome = worker.rows(ROWS, index=tmp_path / "file" / "index")
    assert outcome.hash == rows_outcome(ROWS).hash
    assert outcome.gaps == ("the row index was not written: File exists",)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (5, "rows of a builtins.int"),
        ("/nowhere/at/all.csv", "all.csv: there is no such file"),
        ([{"a": 1}, {"a": "x"}], "column 'a' holds both int64 and string"),
        (pa.table({"u": pa.UnionArray.from_sparse(pa.array([0], pa.int8()), [pa.array([1])])}), "no canonical form"),
    ],
)
def test_what_cannot_be_hashed_is_unresolved_and_the_next_job_is_done(worker: Worker, data: Any, reason: str) -> None:
    outcome = worker.rows(data)
    assert outcome.assurance == "unresolved"
    assert reason in (outcome.reason or "")
    assert worker.rows(ROWS) == rows_outcome(ROWS)


def test_a_failure_in_the_middle_of_a_stream_leaves_the_pipe_in_order(worker: Worker) -> None:
    features = datasets.Features({"image": datasets.Image(decode=False), "pad": datasets.Value("string")})
    rows = [{"image": {"bytes": None, "path": "/nowhere/gone.png"}, "pad": "x" * 1000}] * 20_000
    table = pa.Table.from_pylist(rows, schema=features.arrow_schema)
    assert "'gone.png' cannot be read" in (worker.rows([table, table]).reason or "")
    pid = _pid(worker)
    assert worker.rows(ROWS) == rows_outcome(ROWS)
    assert _pid(worker) == pid


def test_a_failure_on_this_side_of_the_pipe_is_named(worker: Worker) -> None:
    def batches() -> Iterator[pa.RecordBatch]:
        yield pa.record_batch({"a": [1]})
        raise OSError("the disk is gone")

    reader = pa.RecordBatchReader.from_batches(pa.schema({"a": pa.int64()}), batches())
    assert "the disk is gone" in (worker.rows(reader).reason or "")
    assert worker.rows(ROWS) == rows_outcome(ROWS)


def test_a_killed_process_leaves_its_job_unresolved_and_another_takes_its_place(worker: Worker) -> None:
    def endless() -> Iterator[pa.RecordBatch]:
        yield pa.record_batch({"t": ["x" * 100] * 10_000})
        os.kill(_pid(worker), signal.SIGKILL)
        for _ in range(1000):
            yield pa.record_batch({"t": ["x" * 100] * 10_000})

    reader = pa.RecordBatchReader.from_batches(pa.schema({"t": pa.string()}), endless())
    assert worker.rows(reader) == Outcome.unresolved("the hashing process died (signal 9)")
    assert worker.rows(ROWS) == rows_outcome(ROWS)


def test_jobs_from_several_threads_are_done_one_after_another(worker: Worker) -> None:
    expected = {n: rows_outcome(ROWS[:n]) for n in range(1, 9)}
    found: dict[int, Outcome] = {}
    threads = [threading.Thread(target=lambda n=n: found.update({n: worker.rows(ROWS[:n])})) for n in expected]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == expected


def test_the_process_is_niced_in_its_own_group_and_deaf_to_ctrl_c(worker: Worker) -> None:
    worker.start()
    worker.rows(ROWS)
    pid = _pid(worker)
    assert os.getpriority(os.PRIO_PROCESS, pid) == 19
    assert os.getpgid(pid) == pid
    os.kill(pid, signal.SIGINT)
    assert worker.rows(ROWS) == rows_outcome(ROWS)
    assert _pid(worker) == pid


def test_a_closed_worker_says_so(worker: Worker) -> None:
    worker.start()
    worker.close()
    worker.close()
    assert worker.rows(ROWS) == Outcome.unresolved("the hashing process is closed")


def test_closing_in_the_middle_of_a_job_ends_it_in_time(worker: Worker) -> None:
    table = pa.table({"t": ["x" * 50] * 1_500_000})
    found: list[Outcome] = []
    thread = threading.Thread(target=lambda: found.append(worker.rows(table)))
    thread.start()
    while worker._process is None:
        time.sleep(0.01)
    worker.close(timeout=0.2)
    thread.join()
    assert found == [Outcome.unresolved("the hashing process was closed before it had finished")]


def test_a_forked_child_has_no_worker_and_does_not_close_its_parents(worker: Worker) -> None:
    worker.start()
    pid = os.fork()
    if pid == 0:
        outcome = worker.file(Path("/dev/null"))
        worker.close()
        os._exit(0 if "forked" in (outcome.reason or "") else 1)
    assert os.waitpid(pid, 0)[1] == 0
    assert worker.rows(ROWS) == rows_outcome(ROWS)


_PARENT = """
import os, sys, time
from cognify_core.capture.worker_client import Worker
worker = Worker()
worker.start()
print(worker._process.popen.pid, flush=True)
if os.fork() == 0:  # as a data loader does: this child holds the worker's input open
    time.sleep(60)
time.sleep(60)
"""


@pytest.mark.slow
def test_the_process_does_not_outlive_its_parent() -> None:
    with subprocess.Popen([sys.executable, "-c", _PARENT], stdout=subprocess.PIPE, process_group=0) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        time.sleep(0.5)
        parent.kill()
        try:
            deadline = time.monotonic() + 5
            while Path(f"/proc/{pid}/cmdline").exists() and Path(f"/proc/{pid}/cmdline").read_bytes():
                assert time.monotonic() < deadline
                time.sleep(0.05)
        finally:
            os.killpg(parent.pid, signal.SIGKILL)


def test_the_process_starts_in_a_folder_whose_modules_would_shadow_the_standard_library(tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('shadowed')")
    script = "from pathlib import Path; from cognify_core.capture.worker_client import Worker\n"
    script += f"print(Worker().file(Path({str(tmp_path / 'json.py')!r})).assurance)"
    env = dict(os.environ, PYTHONPATH=str(Path(__file__).parents[3]))
    done = subprocess.run([sys.executable, "-P", "-c", script], cwd=tmp_path, env=env, capture_output=True, check=True)
    assert done.stdout == b"content\n"
