"""Loops on Accelerate, in a block of `cognify.run()`: what its `prepare` leaves to be seen, and what stays the same."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from cognify_core import api
from cognify_core.model.record import Status

pytest.importorskip("accelerate")
pytest.importorskip("transformers")

from tests.integrations import tiny

pytestmark = [pytest.mark.training, pytest.mark.slow, pytest.mark.usefixtures("home")]


def _train(folder: Path, run: Any, **dispatch: Any) -> tuple[list[float], dict[str, bytes]]:
    """A loop of eight steps; its losses, and the weights that it ends with."""
    import torch
    from accelerate import Accelerator, DataLoaderConfiguration
    from accelerate.utils import set_seed
    from torch.utils.data import DataLoader

    accelerator = Accelerator(cpu=True, dataloader_config=DataLoaderConfiguration(**dispatch))
    set_seed(11)
    model = tiny.model()
    rows = DataLoader(tiny.rows().with_format("torch"), batch_size=8, shuffle=True)
    model, optimizer, loader = accelerator.prepare(model, torch.optim.SGD(model.parameters(), lr=0.1), rows)
    if run is not None:
        run.dataset(loader.dataset, name="tiny_rows")
    losses: list[float] = []
    for step, batch in enumerate(loader, 1):
        loss = model(**batch).loss
        accelerator.backward(loss)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
        if run is not None:
            run.log({"loss": losses[-1]}, step=step)
    accelerator.save_state(str(folder))
    if run is not None:
        run.checkpoint(folder, step=len(losses))
        run.final_weights(folder, step=len(losses))
    return losses, {name: tensor.numpy().tobytes() for name, tensor in model.state_dict().items()}


@pytest.mark.parametrize("dispatched", [False, True])
def test_a_loader_that_was_prepared_still_shows_the_rows_that_it_feeds(tmp_path: Path, dispatched: bool) -> None:
    with api.run() as run:
        _train(tmp_path / "state", run, dispatch_batches=dispatched)
    view = api.show(run.id)
    assert (view.row.status, view.row.complete) == (Status.AUDIT_SEALED, True)
    lineage = view.lineage
    assert lineage is not None
    nodes = {node["id"]: node for node in lineage["nodes"]}
    with api.run() as plain:
        plain.dataset(tiny.rows(), name="tiny_rows")
    alone = api.show(plain.id).lineage
    assert alone is not None
    assert nodes["ds_tiny_rows_v1"]["hash"] in [node["hash"] for node in alone["nodes"]]
    assert nodes["model_final"]["assurance"] == "content"
    assert {"from": "ds_tiny_rows_v1", "to": "ckpt_step_8"} in lineage["edges"]


def test_a_loop_is_the_same_bit_for_bit_with_and_without_us(tmp_path: Path) -> None:
    outcomes = []
    for name, block in (("bare", nullcontext()), ("recorded", api.run())):
        with block as run:
            outcomes.append(_train(tmp_path / name, run))
    assert len(outcomes[0][0]) == 8
    assert outcomes[0] == outcomes[1]
