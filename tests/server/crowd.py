"""A program of several clients, each of which trains in a thread and records to the server of `COGNIFY_URL`.

They go on until the server has all of it: whatever happens to it meanwhile.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from itertools import count
from pathlib import Path

from cognify_core.api.live import ActiveRun
from cognify_core.api.remote import RemoteWorkspace
from cognify_core.record.hashing import Hashing
from cognify_core.settings import load

DEADLINE_SECONDS = 200.0
"""Nothing takes as long, but on a machine that is busy with something else."""


def train(home: Path, hashing: Hashing, enough: Path, pause: float) -> None:
    """Record points until there is that file, a pause after each ten; then bring to the server what is not there."""
    workspace = RemoteWorkspace(load(home=home, quiet=True))
    workspace.hashing = hashing  # one worker process for all who train here
    live = workspace.open(
        name=home.name, project="crowd", tags={}, seal_when="manual", nonce=os.urandom(16), run_id=None
    )
    run = ActiveRun(live)
    run.config({"learning_rate": 0.1, "client": home.name})
    for step in count():
        run.log({"loss": 1.0 / (step + 1)}, step=step)
        if step % 10 == 0:
            time.sleep(pause)
            if enough.exists():
                break
    live.close("COMPLETED")
    by = time.monotonic() + DEADLINE_SECONDS
    while (failed := [sent.error for sent in workspace.sync() if sent.error]) and time.monotonic() < by:
        time.sleep(0.5)
    if failed:
        print(f"{home.name} ends without the server: {failed}", file=sys.stderr)
    workspace.shipper.stop()
    workspace.store.close()


def main(folder: Path, first: int, last: int, pause: float) -> None:
    hashing = Hashing(folder / "rows")
    hashing.start()
    threads = [
        threading.Thread(target=train, args=(folder / f"client-{number}", hashing, folder / "enough", pause))
        for number in range(first, last)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    hashing.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
