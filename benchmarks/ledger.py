"""A ledger of a million leaves: what an append costs above the disk's own sync, a proof, and a check of the whole.

python -m benchmarks.ledger [LEAVES] [FOLDER]
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from statistics import median, quantiles

from cognify_core.merkle import leaf_hash, node_hash, verify_consistency
from cognify_core.seal.ledger import Ledger
from cognify_core.seal.notes import LogSigner, new_log_pem
from cognify_core.store.protocol import Leaf
from cognify_core.store.sql import SqlStore, open_store
from cognify_core.verify.ledger_tree import Tree, kept_ledger

ROUNDS = 200


def main() -> None:
    leaves = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    folder = Path(tempfile.mkdtemp(prefix="cognify-ledger-", dir=sys.argv[2] if len(sys.argv) > 2 else None))
    try:
        began = time.perf_counter()
        fill(folder / "cognify.db", leaves)
        os.sync()  # or the disk would still be writing them while it is measured
        print(f"{leaves:,} leaves written in {time.perf_counter() - began:.0f} s")
        store = open_store(folder / "cognify.db")
        ledger = Ledger(store, LogSigner(new_log_pem()))
        measure_appends(store, folder)
        measure_proofs(ledger, leaves)
        measure_tree(store)
        store.close()
    finally:
        shutil.rmtree(folder)


def body(number: int) -> bytes:
    """As long as a real one: 430 bytes."""
    return b'{"apiVersion":"0.0.2","kind":"dsse","spec":' + b"%0387d" % number


def leaf(number: int, kind: str = "opened") -> Leaf:
    return Leaf(kind, f"run {number}", b"payload %d" % number, body(number))  # type: ignore[arg-type]  # as said


def digest(number: int) -> str:
    return f"sha256:{sha256(b'payload %d' % number).hexdigest()}"


def fill(path: Path, leaves: int) -> None:
    """Write leaves and nodes as appends would, by the million, without their syncs."""
    open_store(path).close()
    with sqlite3.connect(path) as database:
        triggers = database.execute("SELECT sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f"DROP TRIGGER {name}")
        database.execute("INSERT INTO ledgers VALUES ('default')")
        rows = (
            (
                "default",
                n,
                "opened",
                f"run {n}",
                f"sha256:{sha256(b'payload %d' % n).hexdigest()}",
                b"payload %d" % n,
                body(n),
            )
            for n in range(leaves)
        )
        database.executemany("INSERT INTO leaves VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        row, level = [leaf_hash(body(number)) for number in range(leaves)], 0
        while row:
            database.executemany(
                "INSERT INTO nodes VALUES ('default', ?, ?, ?)", ((level, n, node) for n, node in enumerate(row))
            )
            row = [node_hash(row[at], row[at + 1]) for at in range(0, len(row) - 1, 2)]
            level += 1
        for (sql,) in triggers:
            database.execute(sql)
    database.close()


def measure_appends(store: SqlStore, folder: Path) -> None:
    """Appends and bare syncs, interleaved; a sync writes what an append writes, about eight pages."""
    size = store.ledger_size()
    ours, bare = [], []
    descriptor = os.open(folder / "bare", os.O_WRONLY | os.O_CREAT)
    page = os.urandom(8 * 4096)
    for number in range(ROUNDS):
        ours.append(timed(lambda n=number: store.log([leaf(size + n)])))  # type: ignore[misc]  # a default binds it

        def sync() -> None:
            os.write(descriptor, page)
            os.fdatasync(descriptor)

        bare.append(timed(sync))
    os.close(descriptor)
    print(f"append            {1000 * median(ours):7.3f} ms (p95 {1000 * quantiles(ours, n=20)[-1]:.3f})")
    print(f"write + fdatasync {1000 * median(bare):7.3f} ms (p95 {1000 * quantiles(bare, n=20)[-1]:.3f})")
    print(f"above it          {1000 * (median(ours) - median(bare)):7.3f} ms; at most 0.5 is the aim")


def measure_proofs(ledger: Ledger, leaves: int) -> None:
    inclusion = [timed(lambda n=number: ledger.prove(n * 7919 % leaves)) for number in range(ROUNDS)]  # type: ignore[misc]
    print(f"inclusion proof   {1000 * median(inclusion):7.3f} ms; at most 5 is the aim")
    size = ledger.size
    consistency = [timed(lambda n=number: ledger.consistency(1 + n * 7919 % leaves, size)) for number in range(ROUNDS)]  # type: ignore[misc]
    print(f"consistency proof {1000 * median(consistency):7.3f} ms; at most 5 is the aim")
    old, new = leaves // 3, size
    proof, roots = ledger.consistency(old, new), (ledger.root(old), ledger.root(new))
    verify_consistency(old, new, *roots, proof)
    print(f"consistency of {old:,} with {new:,} verified offline: {len(proof)} hashes")


def measure_tree(store: SqlStore) -> None:
    tree, size = Tree(kept_ledger(store, "default")), store.ledger_size()
    began, cpu = time.perf_counter(), time.process_time()
    tree.check(size, lambda _done, _total: None)
    wall, used = time.perf_counter() - began, time.process_time() - cpu
    assert not tree.findings
    print(
        f"fsck, without signatures: {size / wall:,.0f} leaves/s ({size / used:,.0f} per CPU-second); 200,000 is the aim"
    )


def timed(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
