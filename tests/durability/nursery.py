"""A process that has imported everything, and forks children that write to a store until it kills them.

It reads lines of JSON: a list of children (arguments of `sending.send`, and seconds to live); kills each when its time
has come, with SIGKILL; and answers each line with one when all are dead. A child lives some milliseconds, which is why
none is started as a program of its own.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

import alembic.command  # noqa: F401 - as above

import cognify_core.store.sql  # noqa: F401 - so that children have it
from tests.durability.sending import send


def main() -> None:
    for line in sys.stdin:
        born = time.monotonic()
        deaths = sorted((child["seconds"], _bear(child)) for child in json.loads(line))
        for seconds, process in deaths:
            time.sleep(max(0.0, born + seconds - time.monotonic()))
            os.kill(process, signal.SIGKILL)
        statuses = [os.waitpid(process, 0)[1] for _, process in deaths]
        print(json.dumps(statuses), flush=True)


def _bear(child: dict[str, str]) -> int:
    process = os.fork()
    if process:
        return process
    try:
        send(Path(child["path"]), Path(child["mounts"]), child["writer"], Path(child["acknowledgements"]))
    finally:
        os._exit(1)


if __name__ == "__main__":
    main()
