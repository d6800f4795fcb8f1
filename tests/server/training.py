"""A program that records to the server of `COGNIFY_URL`: so many points, a second's pause between hundreds of them."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import cognify


def main(points: int, pause: float) -> None:
    folder = Path(sys.argv[3])
    folder.mkdir(exist_ok=True)
    (folder / "weights.bin").write_bytes(b"w" * 10_000)
    with cognify.run("remote", project="p") as run:
        run.config({"learning_rate": 0.1})
        for step in range(points):
            run.log({"loss": 1.0 / (step + 1)}, step=step)
            if step % 100 == 0:
                time.sleep(pause)
        run.checkpoint(folder, step=points)
    print(run.id)


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
