"""Documents of a long run: 200 datasets, 2,000 checkpoints, a million points of metrics, sealed in a real store.

Each format is exported by a process of its own: seconds to read and check the record, seconds to render it (elapsed,
and of one CPU), bytes, and the greatest memory that the process had.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from math import exp, sin
from pathlib import Path

from cognify_core.canonical import Json, encode
from cognify_core.export.dossier import Dossier
from cognify_core.export.formats import FORMATS, export_format
from cognify_core.model.digest import Digest
from cognify_core.model.events import (
    Body,
    CheckpointSeen,
    ConfigSeen,
    DatasetSeen,
    Draft,
    EvaluationSeen,
    Metrics,
    Note,
    RunClosed,
    RunOpened,
)
from cognify_core.model.numbers import tagged_number
from cognify_core.seal.keys import KeyRing
from cognify_core.seal.sealing import seal_run
from cognify_core.store.protocol import Store
from cognify_core.store.sql import open_store
from cognify_core.verify.store_check import read_sealed

RUN_ID = "run_20260101_000000_00001"
OPENED_AT, TIME = "2026-01-01T00:00:00.000000Z", "2026-01-02T00:00:00.000000Z"
DATASETS, CHECKPOINTS, POINTS = 200, 2_000, 1_000_000
NAMES = ("loss", "grad_norm", "learning_rate", "epoch")
PER_EVENT = 50
BATCH = 2_000
GOALS = {"json": 2, "xlsx": 15, "pdf": 15}
"""Seconds."""
MOST_MEMORY = 500
"""MB."""


def main(argv: list[str] | None = None) -> None:
    """Print a row per format."""
    parser = argparse.ArgumentParser(description="Export a long run in every format.")
    parser.add_argument("--fed", type=int, default=4, help="datasets that every checkpoint came from")
    parser.add_argument("--formats", nargs="*", default=list(FORMATS))
    parser.add_argument("--home", type=Path, help="where the run is, or is to be put")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    chosen = parser.parse_args([] if argv is None else argv)
    if chosen.one:
        print(json.dumps(_export(chosen.home, chosen.one)))
        return
    with tempfile.TemporaryDirectory() as folder:
        home = chosen.home or Path(folder)
        if not (home / "cognify.db").exists():
            begun = time.perf_counter()
            _make(home, chosen.fed)
            print(
                f"made a run of {DATASETS} datasets, {chosen.fed} of them fed, {CHECKPOINTS:,} checkpoints and "
                f"{POINTS:,} points of metrics in {time.perf_counter() - begun:.0f} s\n"
            )
        print(f"{'':<12}{'read':>12}{'render':>9}{'CPU':>8}{'goal':>6}{'MB':>8}{'memory MB':>11}{'goal':>6}")
        for name in chosen.formats:
            command = [sys.executable, "-m", "benchmarks.documents", "--one", name, "--home", str(home)]
            told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            print(
                f"{name:<12}{told['read']:>10.2f} s{told['render']:>7.2f} s{told['cpu']:>6.2f} s"
                f"{GOALS.get(name, ''):>6}{told['bytes'] / 1e6:>8.1f}{told['memory']:>11.0f}{MOST_MEMORY:>6}",
                flush=True,
            )


def _export(home: Path, name: str) -> dict[str, float]:
    kind = export_format(name, None)
    store, ring = open_store(home / "cognify.db"), KeyRing(home / "keys")
    begun = time.perf_counter()
    run, *addenda = read_sealed(store, RUN_ID, ring.trusted())
    read, spent = time.perf_counter(), time.process_time()
    data = kind.render(Dossier.of(run, addenda))
    done, spent = time.perf_counter(), time.process_time() - spent
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"read": read - begun, "render": done - read, "cpu": spent, "bytes": len(data), "memory": peak}


def _make(home: Path, fed: int) -> None:
    """A record as a training leaves it, appended in batches, closed and sealed."""
    home.mkdir(parents=True, exist_ok=True)
    store = open_store(home / "cognify.db")
    opened = RunOpened(nonce="0" * 32, project="clinical-nlp", recorder="cognify-audit benchmark")
    store.create(RUN_ID, Draft(OPENED_AT, opened, "main", 0))
    counts = {"run_opened": 1}
    batch: list[Draft] = []
    place = 0
    for place, body in enumerate(_bodies(store, fed), start=1):
        counts[body.kind] = counts.get(body.kind, 0) + 1
        batch.append(Draft(TIME, body, "main", place))
        if len(batch) == BATCH:
            store.append(RUN_ID, batch)
            batch = []
    closed = RunClosed(status="COMPLETED", complete=True, counts=counts)
    store.append(RUN_ID, [*batch, Draft(TIME, closed, "main", place + 1)])
    seal_run(store, RUN_ID, KeyRing(home / "keys").signer(), now=datetime(2026, 1, 3, tzinfo=UTC))
    store.close()


def _bodies(store: Store, fed: int) -> Iterator[Body]:
    arguments = {f"argument_{place}": place / 7 for place in range(150)} | {"seed": 42}
    config = _config(store, {"training_arguments": arguments, "model": {"num_hidden_layers": 32}})
    yield ConfigSeen(
        ref="config",
        id="cfg_model_lora_r16",
        at=TIME,
        assurance="content",
        hash=config,
        manifest="cognify.config/v1",
        facts={"training_arguments_defaulted": list(arguments)[50:]},
    )
    sources = tuple(f"source-{place}" for place in range(DATASETS - fed))
    for place, ref in enumerate(sources):
        yield _dataset(store, ref, place, "source", ())
    rows = tuple(f"rows-{place}" for place in range(fed))
    for place, ref in enumerate(rows):
        yield _dataset(store, ref, place, "train", sources[place::fed])
    inputs = ("config", *rows)
    steps = POINTS // len(NAMES)
    every, per_checkpoint = PER_EVENT // len(NAMES), steps // CHECKPOINTS
    for step in range(1, steps + 1, every):
        within = range(step, min(step + every, steps + 1))
        yield Metrics(points=tuple(point for each in within for point in _points(each)))
        for each in within:
            if each % per_checkpoint == 0:
                yield _checkpoint(store, each, inputs)
    results = _config(store, {"accuracy": 0.875})
    yield EvaluationSeen(
        ref="final",
        id="eval_final",
        at=TIME,
        assurance="content",
        hash=results,
        name="final",
        manifest="cognify.config/v1",
        results={"accuracy": 0.875},
        inputs=rows,
    )
    yield from (Note(text=f"Seen in review {place}.", note_kind="limitation") for place in range(20))


def _points(step: int) -> tuple[tuple[int, str, Json], ...]:
    values = (2 * exp(-step / 90_000) + sin(step) / 31, 0.4 + sin(step / 7) / 9, 2e-4 / (1 + step / 3), step / 83_333)
    return tuple((step, name, tagged_number(value)) for name, value in zip(NAMES, values, strict=True))


def _dataset(store: Store, ref: str, place: int, role: str, inputs: tuple[str, ...]) -> DatasetSeen:
    columns = {f"column_{number}": "text" for number in range(8)}
    root = sha256(ref.encode()).hexdigest()
    rows = {"format": "cognify.rows/v1", "columns": columns, "rows": 1000 + place, "root": root}
    return DatasetSeen(
        ref=ref,
        id=f"ds_{ref}_v1",
        at=TIME,
        assurance="content",
        hash=store.put_manifest(encode(rows)),
        manifest="cognify.rows/v1",
        name=ref,
        role=role,
        record_count=1000 + place,
        inputs=inputs,
        location=f"/data/{ref}.parquet",
        provenance={"licence": "internal"},
    )


def _checkpoint(store: Store, step: int, inputs: tuple[str, ...]) -> CheckpointSeen:
    names = (
        "adapter_config.json",
        "adapter_model.safetensors",
        "optimizer.pt",
        "rng_state.pth",
        "scheduler.pt",
        "special_tokens_map.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "trainer_state.json",
    )
    lines = [f"{sha256(f'{step}{name}'.encode()).hexdigest()}  {name}\n" for name in names]
    tree = f"# cognify.tree/v1\n{''.join(lines)}".encode()
    return CheckpointSeen(
        ref=f"step-{step}",
        id=f"ckpt_step_{step}",
        at=TIME,
        assurance="content",
        step=step,
        hash=store.put_manifest(tree),
        manifest="cognify.tree/v1",
        inputs=inputs,
        location=f"/data/output/checkpoint-{step}",
        facts={"bytes": 83_945_296, "files": 9},
    )


def _config(store: Store, values: dict[str, object]) -> Digest:
    return store.put_manifest(encode({"format": "cognify.config/v1", "redaction": "v1", "config": values}))


if __name__ == "__main__":
    main(sys.argv[1:])
