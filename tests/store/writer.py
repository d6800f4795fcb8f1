"""A process that writes to a store: `python -m tests.store.writer <path> <mounts> <writer> <events>`.

It sends every event twice, as a writer does that never heard whether the first attempt came through.
"""

from __future__ import annotations

import sys
from pathlib import Path

from cognify_core.store.sql import open_store
from tests.store.values import RUN, notes


def main(path: str, mounts: str, writer: str, events: str) -> None:
    store = open_store(path, mounts=Path(mounts))
    for counter in range(0, int(events), 2):
        for _ in range(2):
            store.append(RUN, notes(counter, counter + 1, writer=writer))
    store.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
