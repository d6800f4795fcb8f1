"""A training loop of one's own, recorded: `with cognify.run() as run:` and a line wherever something is to be seen.

python examples/custom_loop.py [--output FOLDER]
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from safetensors.torch import save_file

import cognify


def write_rows(path: Path) -> list[dict[str, float]]:
    """Points near the line y = 3x − 1, the same ones each time."""
    noise = torch.randn(200, generator=torch.Generator().manual_seed(1))
    rows = [{"x": i / 100 - 1, "y": 3 * (i / 100 - 1) - 1 + 0.1 * float(noise[i])} for i in range(200)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return rows


def main() -> None:
    """Fit a line; the run ends sealed and exported when the block does."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path("loop-output"), help="where data and checkpoints go")
    output = parser.parse_args().output
    output.mkdir(parents=True, exist_ok=True)
    rows = write_rows(output / "points.jsonl")
    x, y = (torch.tensor([[row[key]] for row in rows]) for key in ("x", "y"))

    torch.manual_seed(1)
    model = torch.nn.Linear(1, 1)
    settings = {"learning_rate": 0.1, "steps": 60, "optimizer": torch.optim.SGD}
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with cognify.run("a line", project="examples") as run:
        run.dataset(output / "points.jsonl", name="points", source_category="synthetic")
        run.config(settings, name="linear_sgd")
        for step in range(1, 61):
            loss = torch.nn.functional.mse_loss(model(x), y)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call] # torch leaves it untyped
            optimizer.step()
            run.log({"loss": loss.item()}, step=step)
            if step % 20 == 0:
                path = output / f"step-{step}.safetensors"
                save_file(model.state_dict(), path)
                run.checkpoint(path, step=step)
        cognify.eval({"mse": loss.item()}, name="fit", step=60)
        cognify.note("a line cannot follow a curve", kind="limitation")

    package = cognify.export_audit()
    cognify.verify(package)
    print(f"{package.run_id}: {package.path}\n{package.package_hash}")


if __name__ == "__main__":
    main()
