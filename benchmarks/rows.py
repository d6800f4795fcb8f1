"""Hashing rows against hashlib itself, interleaved in one process: CPU-seconds, medians, ratios.

A row costs at least two SHA-256 calls, one for its leaf and one for a node above it, so text and chat are set against
just these two on the same rows, ready-made; token rows against hashlib running over the same bytes in one go.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from hashlib import sha256

import numpy as np
import pyarrow as pa

from cognify_core.capture.rows import RowsDigester
from cognify_core.capture.rows_encode import rows_of
from cognify_core.capture.rows_kinds import columns_of

ROUNDS = 5
SAMPLE_BYTES = 64 << 20  # more than any cache; repeated up to the size that is asked for
CHUNK_ROWS = 1000  # as `datasets` writes its files


def main(argv: list[str] | None = None) -> None:
    """Print a row per kind of dataset."""
    parser = argparse.ArgumentParser(description="Hash rows beside hashlib.")
    parser.add_argument("--gb", type=float, default=1.0, help="Arrow data per dataset and round, in GB")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    chosen = parser.parse_args([] if argv is None else argv)
    pa.set_cpu_count(1)
    print(f"{'':<22}{'rows':>10}{'bytes/row':>11}{'M rows/s':>10}{'GB/s':>7}{'hashlib':>16}{'ratio':>7}")
    for name, (make, peer, unit) in CASES.items():
        sample = make(SAMPLE_BYTES)
        table = pa.concat_tables([sample] * max(1, round(chosen.gb * 1e9 / sample.nbytes)))
        contender = peer(sample)
        seconds = [(_ours(table), contender(table.num_rows)) for _ in range(chosen.rounds)]
        ours, theirs = (statistics.median(each) for each in zip(*seconds, strict=True))
        speed = (
            f"{table.nbytes / theirs / 1e9:.2f} GB/s"
            if unit == "bytes"
            else f"{table.num_rows / theirs / 1e6:.2f} M rows/s"
        )
        print(
            f"{name:<22}{table.num_rows:>10}{table.nbytes / table.num_rows:>11.0f}{table.num_rows / ours / 1e6:>10.2f}"
            f"{table.nbytes / ours / 1e9:>7.2f}{speed:>16}{theirs / ours:>7.0%}"
        )


def _ours(table: pa.Table) -> float:
    begun = time.process_time()
    digester = RowsDigester(table.schema)
    for batch in table.to_reader():
        digester.update(batch)
    digester.outcome()
    return time.process_time() - begun


def _two_calls_per_row(sample: pa.Table) -> Callable[[int], float]:
    columns = columns_of(sample.schema, {})
    rows = [row for batch in sample.to_batches() for row in rows_of(batch, columns).to_pylist()]
    nodes = [row[:1] + sha256(row).digest() * 2 for row in rows]

    def run(count: int) -> float:
        spent = 0.0
        for _ in range(count // len(rows)):
            begun = time.process_time()
            for row, node in zip(rows, nodes, strict=True):
                sha256(row).digest()
                sha256(node).digest()
            spent += time.process_time() - begun
        return spent

    return run


def _same_bytes(sample: pa.Table) -> Callable[[int], float]:
    data = memoryview(np.random.default_rng(0).bytes(sample.nbytes))

    def run(count: int) -> float:
        begun = time.process_time()
        for _ in range(count // sample.num_rows):
            sha256(data).digest()
        return time.process_time() - begun

    return run


def _chunked(table: pa.Table) -> pa.Table:
    return pa.Table.from_batches(table.to_batches(max_chunksize=CHUNK_ROWS))


def _words(count: int, least: int, most: int, seed: int) -> list[str]:
    generator = np.random.default_rng(seed)
    letters = "".join(generator.choice(list("abcdefghij klmno"), most + 5000))
    starts, lengths = generator.integers(0, 5000, count), generator.integers(least, most, count)
    return [letters[start : start + length] for start, length in zip(starts, lengths, strict=True)]


def _text(size: int) -> pa.Table:
    """Text of about 280 characters and a label: rows of 300 bytes."""
    count = size // 300
    return _chunked(pa.table({"text": _words(count, 180, 380, 0), "label": np.arange(count) % 20}))


def _tokens(size: int) -> pa.Table:
    """Tokenised texts of about 512 tokens, as a causal language model is fed."""
    lengths = np.random.default_rng(1).integers(300, 724, size // (512 * 13))
    offsets = np.concatenate(([0], np.cumsum(lengths))).astype(np.int32)
    ids = np.random.default_rng(2).integers(0, 32_000, offsets[-1])
    columns = {"input_ids": ids.astype(np.int32), "attention_mask": np.ones_like(ids, np.int8), "labels": ids}
    return _chunked(pa.table({name: pa.ListArray.from_arrays(offsets, values) for name, values in columns.items()}))


def _chat(size: int) -> pa.Table:
    """Conversations of two turns."""
    count = size // 350
    turns = zip(_words(count, 20, 140, 3), _words(count, 100, 300, 4), strict=True)
    roles = ("user", "assistant")
    chats = [[{"role": role, "content": text} for role, text in zip(roles, turn, strict=True)] for turn in turns]
    return _chunked(pa.table({"messages": chats}))


CASES = {
    "text and label": (_text, _two_calls_per_row, "rows"),
    "tokens": (_tokens, _same_bytes, "bytes"),
    "chat messages": (_chat, _two_calls_per_row, "rows"),
}

if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
