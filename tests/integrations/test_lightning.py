"""The Lightning callback, in real trainings of a tiny module, in both namespaces."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from cognify_core import api
from cognify_core.errors import CognifyError
from cognify_core.model.record import Status

pytest.importorskip("lightning")
pytest.importorskip("pytorch_lightning")

import torch
from torch.utils.data import ConcatDataset, Dataset, Subset

from tests.integrations import lightning_tiny as tiny
from tests.integrations.lightning_records import PL, Fit, bodies, both, config_text, last, nodes, points

pytestmark = [pytest.mark.training, pytest.mark.usefixtures("home"), *tiny.WARNED]


@both
def test_a_training_ends_sealed_exported_and_verified(fit: Fit, namespace: str) -> None:
    fit(namespace, datamodule=tiny.datamodule_class(namespace)())
    view = last()
    assert (view.row.status, view.row.complete) == (Status.AUDIT_SEALED, True)
    (receipt,) = view.packages
    assert sha256(Path(receipt.path).read_bytes()).hexdigest() == receipt.package_hash.hex
    assert api.verify(Path(receipt.path)).exit_code == 0


@both
def test_the_lineage_holds_data_configuration_surroundings_weights_and_every_checkpoint(
    fit: Fit, namespace: str
) -> None:
    fit(namespace, datamodule=tiny.datamodule_class(namespace)())
    found = {node["id"]: node for node in last().lineage["nodes"]}
    assert set(found) == {
        *("ds_train_v1", "cfg_tinymodule_full", "environment", "code", "base_tinymodule"),
        *("model_initial", "ckpt_step_2", "ckpt_step_4", "ckpt_step_6", "model_final"),
    }
    assert {node["assurance"] for node in found.values()} == {"content"}
    assert found["ds_train_v1"]["record_count"] == tiny.ROWS
    into_last = {edge["from"] for edge in last().lineage["edges"] if edge["to"] == "ckpt_step_6"}
    assert into_last >= {"ds_train_v1", "environment", "code", "cfg_tinymodule_full", "model_initial"}
    assert {"from": "ckpt_step_6", "to": "model_final"} in last().lineage["edges"]


def test_checkpoints_have_the_digests_of_the_files_that_lie_there(fit: Fit, tmp_path: Path) -> None:
    fit()
    for node in nodes("checkpoint"):
        file = tmp_path / "out" / f"step={node['step']}.ckpt"
        assert node["hash"] == f"sha256:{sha256(file.read_bytes()).hexdigest()}"


def test_importing_one_namespace_does_not_import_the_other() -> None:
    for module, other in (("lightning", "pytorch_lightning"), ("pytorch_lightning", "lightning.pytorch")):
        script = f"import sys, cognify_integrations.{module}; print({other!r} in sys.modules)"
        told = subprocess.run([sys.executable, "-W", "ignore", "-c", script], capture_output=True, check=True)
        assert told.stdout == b"False\n"


@both
def test_the_configuration_holds_hyper_parameters_arguments_optimisers_and_schedulers(fit: Fit, namespace: str) -> None:
    fit(namespace, datamodule=tiny.datamodule_class(namespace)(), gradient_clip_val=0.5, accumulate_grad_batches=2)
    text = config_text()
    for said in (
        '"learning_rate":',
        '"batch_size":',
        '"gradient_clip_val":',
        '"accumulate_grad_batches":',
        '"momentum":',
        "torch.optim.sgd:SGD",
        "StepLR",
        '"step_size":',
        '"PL_GLOBAL_SEED":"11"',
    ):
        assert said in text


@both
def test_what_lightning_logs_is_recorded_at_its_step(fit: Fit, namespace: str, tmp_path: Path) -> None:
    module = tiny.module(namespace)
    trainer = tiny.trainer(namespace, tmp_path / "out", [tiny.callback_of(namespace)()], max_epochs=2, max_steps=-1)
    trainer.fit(module, tiny.loader(shuffle=True), tiny.loader(tiny.tensors(16, shift=1)))
    found = points()
    assert len(module.losses) == 16
    assert [found[step, "train_loss_step"] for step in range(1, 17)] == pytest.approx(module.losses)
    assert found[8, "train_loss_epoch"] == pytest.approx(sum(module.losses[:8]) / 8)
    assert found[16, "train_loss_epoch"] == pytest.approx(sum(module.losses[8:]) / 8)
    assert {name for _, name in found} == {"train_loss_step", "train_loss_epoch"}


def test_between_logging_intervals_nothing_is_looked_at(fit: Fit) -> None:
    fit(log_every_n_steps=4)
    assert sorted(step for step, name in points() if name == "train_loss_step") == [4, 6]


def test_accumulated_batches_are_logged_once_a_step(fit: Fit) -> None:
    fit(accumulate_grad_batches=2, max_steps=4)
    assert sorted(step for step, name in points() if name == "train_loss_step") == [1, 2, 3, 4]


@both
def test_loaders_in_a_combined_loader_are_datasets_of_their_own(fit: Fit, namespace: str) -> None:
    combined = importlib.import_module(f"{namespace}.utilities").CombinedLoader
    loaders = {"small": tiny.loader(), "large": [tiny.loader(tiny.tensors(80, shift=5))]}
    fit(namespace, train=combined(loaders, "max_size_cycle"), module=tiny.indifferent(namespace))
    assert {node["id"]: node["record_count"] for node in nodes("dataset")} == {
        "ds_train_small_v1": 64,
        "ds_train_large_v1": 80,
    }


@pytest.mark.parametrize(
    ("data", "rows"),
    [
        (lambda: [{"x": i} for i in range(8)], 8),
        (lambda: importlib.import_module("datasets").Dataset.from_dict({"x": list(range(8))}), 8),
        (lambda: Subset(tiny.tensors(), range(8)), 8),
        (lambda: ConcatDataset([tiny.tensors(8), tiny.tensors(8)]), 16),
    ],
    ids=["list", "datasets", "subset", "concat"],
)
def test_rows_of_every_known_kind_have_a_digest(fit: Fit, data: Callable[[], Any], rows: int) -> None:
    fit(train=tiny.loader(data()), module=tiny.indifferent(PL), max_steps=1)
    (node,) = nodes("dataset")
    assert (node["assurance"], node["record_count"]) == ("content", rows)


class Squares(Dataset[Any]):
    def __len__(self) -> int:
        return 16

    def __getitem__(self, index: int) -> int:
        return index * index


def test_a_dataset_of_a_type_that_is_not_known_is_unresolved_and_named(fit: Fit) -> None:
    fit(train=tiny.loader(Squares()), module=tiny.indifferent(PL), max_steps=1)
    (node,) = nodes("dataset")
    assert node["assurance"] == "unresolved"
    assert "Squares" in node["reason"]
    assert last().row.complete is False


@both
def test_a_datamodule_without_datasets_stops_nothing_and_is_a_gap(fit: Fit, namespace: str) -> None:
    class Stream:
        def __iter__(self) -> Any:
            return iter([torch.ones(2, 8)] * 4)

    class NoDatasets(tiny.datamodule_class(namespace)):  # type: ignore[misc]
        def train_dataloader(self) -> Any:
            return Stream()

    fit(namespace, datamodule=NoDatasets(), module=tiny.indifferent(namespace), max_steps=2)
    (node,) = nodes("dataset")
    assert (node["assurance"], node["reason"]) == ("unresolved", "stream")
    assert [gap for gap in last().gaps if gap.subject == "ds_train_v1" and "cognify." in str(gap.mend)]


def test_a_dataset_that_was_named_before_gives_its_name_to_the_rows(fit: Fit) -> None:
    rows = tiny.tensors()
    api.dataset(rows, name="patient_notes", schema_version="3", source_category="private_licensed")
    fit(train=tiny.loader(rows))
    assert [node["id"] for node in nodes("dataset")] == ["ds_patient_notes_v3"]
    assert not [gap for gap in last().gaps if "source" in gap.reason]


def test_rows_that_come_in_a_later_epoch_are_recorded_too(fit: Fit) -> None:
    class Curriculum(tiny.datamodule_class(PL)):  # type: ignore[misc]
        def train_dataloader(self) -> Any:
            return tiny.loader(tiny.tensors(16, shift=self.trainer.current_epoch))

    fit(datamodule=Curriculum(), reload_dataloaders_every_n_epochs=1, max_steps=4)
    rows = {node["id"] for node in nodes("dataset") if node["role"] == "train"}
    assert len(rows) == 2
    into = {step: {e["from"] for e in last().lineage["edges"] if e["to"] == f"ckpt_step_{step}"} for step in (2, 4)}
    assert (len(into[2] & rows), len(into[4] & rows)) == (1, 2)


def test_with_seal_exit_a_test_is_part_of_the_run_itself(fit: Fit) -> None:
    data = tiny.datamodule_class(PL)()
    trainer = fit(callback=tiny.callback_of(PL)(seal="exit"), datamodule=data)
    assert last().row.status is Status.RUNNING
    trainer.test(trainer.lightning_module, data, verbose=False)
    assert api.export_audit().addenda == 0
    assert [node["id"] for node in nodes("evaluation")] == ["eval_test_step_6"]


def test_with_seal_manual_a_person_seals(fit: Fit) -> None:
    fit(callback=tiny.callback_of(PL)(seal="manual", run_name="one", tags={"team": "ml"}, project="p"))
    api.this_session().settle()
    assert last().row.status is Status.COMPLETED
    assert api.seal(last().row.run_id).complete
    opened = bodies()[0]
    assert (opened.name, opened.tags, opened.project) == ("one", {"team": "ml"}, "p")


@both
@pytest.mark.parametrize(
    ("error", "raised", "status"),
    [(RuntimeError("boom"), RuntimeError, Status.FAILED), (KeyboardInterrupt(), SystemExit, Status.INTERRUPTED)],
    ids=["error", "interrupt"],
)
def test_a_training_that_fails_is_closed_not_sealed_and_can_be_sealed(
    fit: Fit, namespace: str, error: BaseException, raised: type[BaseException], status: Status
) -> None:
    import signal

    class Failing(tiny.module_class(namespace)):  # type: ignore[misc]
        def training_step(self, batch: Any, batch_idx: int) -> Any:
            if self.global_step == 3:
                raise error
            return super().training_step(batch, batch_idx)

    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(raised):
        fit(namespace, module=Failing())
    signal.signal(signal.SIGINT, handler)  # Lightning leaves Ctrl-C ignored
    view = last()
    assert view.row.status is status
    assert [node["id"] for node in nodes("checkpoint")] == ["ckpt_step_2"]
    (phase,) = [body for body in bodies() if body.kind == "phase" and body.phase == "training_failed"]
    assert phase.facts["exception"].endswith(type(error).__name__)
    assert "boom" not in str(phase.facts)
    assert api.seal(view.row.run_id).complete


@pytest.mark.filterwarnings("ignore:.fit.ckpt_path=.last.. is set, but there is no last checkpoint")
def test_a_checkpoint_that_is_saved_because_of_the_exception_belongs_to_the_run(fit: Fit, tmp_path: Path) -> None:
    from lightning.pytorch.callbacks import OnExceptionCheckpoint

    class Failing(tiny.module_class(PL)):  # type: ignore[misc]
        def training_step(self, batch: Any, batch_idx: int) -> Any:
            if self.global_step == 3:
                raise RuntimeError("boom")
            return super().training_step(batch, batch_idx)

    with pytest.raises(RuntimeError):
        fit(module=Failing(), more=[OnExceptionCheckpoint(tmp_path / "out")])
    assert [node["id"] for node in nodes("checkpoint")] == ["ckpt_step_2", "ckpt_step_3"]
    assert {node["assurance"] for node in nodes("checkpoint")} == {"content"}


def test_a_resumed_training_names_its_checkpoint_by_the_digest_that_was_recorded(fit: Fit, tmp_path: Path) -> None:
    fit(max_steps=4)
    first = last().row.run_id
    fit(ckpt_path=str(tmp_path / "out" / "step=4.ckpt"))
    (node,) = [node for node in nodes("checkpoint") if node["id"] == "ckpt_step_4"]
    assert node["assurance"] == "content"
    (event,) = [body for body in bodies() if body.kind == "checkpoint" and body.step == 4]
    assert event.facts["matched_by"] == [f"its digest in {first}"]
    assert {"from": "ckpt_step_4", "to": "ckpt_step_6"} in last().lineage["edges"]


def test_a_checkpoint_that_nobody_recorded_is_only_declared(fit: Fit, home: Path, tmp_path: Path) -> None:
    api.init(home=home, quiet=True, mode="off")
    fit(max_steps=4)
    api.init(home=home, quiet=True, mode="on")
    fit(ckpt_path=str(tmp_path / "out" / "step=4.ckpt"))
    (node,) = [node for node in nodes("checkpoint") if node["id"] == "ckpt_step_4"]
    assert node["assurance"] == "declared"


def test_each_fit_is_a_run_of_its_own_and_going_on_without_a_checkpoint_is_a_gap(fit: Fit) -> None:
    callback = tiny.callback_of(PL)()
    trainer = fit(callback=callback, max_steps=4)
    trainer.fit_loop.epoch_loop.max_steps = 8
    trainer.fit(trainer.lightning_module, tiny.loader())
    fit(callback=callback, name="other", max_steps=2)
    rows = api.runs()
    assert [row.status for row in rows] == [Status.AUDIT_SEALED] * 3
    assert [gap.subject for gap in api.show(rows[1].run_id).gaps][-1] == "ckpt_step_4"
    assert len(nodes("checkpoint", api.show(rows[1].run_id))) == 2


def test_trainings_of_both_namespaces_within_a_block_are_one_run(fit: Fit) -> None:
    with api.run("two stages") as run:
        for namespace in tiny.NAMESPACES:
            data = tiny.datamodule_class(namespace)()
            trainer = fit(namespace, name=namespace, datamodule=data, max_steps=2)
            trainer.test(trainer.lightning_module, data, verbose=False)
    (row,) = api.runs()
    assert (row.run_id, row.status) == (run.id, Status.AUDIT_SEALED)
    assert len({node["id"] for node in nodes("checkpoint")}) == 2
    assert len([body for body in bodies() if body.kind == "evaluation"]) == 2


def test_a_failure_within_a_block_is_for_the_block_to_say(fit: Fit) -> None:
    class Failing(tiny.module_class(PL)):  # type: ignore[misc]
        def training_step(self, batch: Any, batch_idx: int) -> Any:
            raise RuntimeError("boom")

    with api.run("block") as run:
        with pytest.raises(RuntimeError):
            fit(module=Failing())
        fit(name="again", max_steps=2)
        assert last().row.status is Status.RUNNING
    assert (last().row.run_id, last().row.status) == (run.id, Status.AUDIT_SEALED)


def test_a_run_that_begins_within_a_training_ends_the_first_one_and_stops_nothing(fit: Fit) -> None:
    from lightning.pytorch import Callback

    class Nested(Callback):  # type: ignore[misc]
        def on_train_batch_end(self, trainer: Any, *args: Any) -> None:
            if trainer.global_step == 2:
                fit(name="inner", max_steps=2)

    outer = fit(more=[Nested()])
    assert outer.global_step == 6
    assert sorted(row.status.value for row in api.runs()) == ["AUDIT_SEALED", "INTERRUPTED"]


def test_off_does_nothing_at_all(fit: Fit, home: Path) -> None:
    api.init(home=home, quiet=True, mode="off")
    data = tiny.datamodule_class(PL)()
    trainer = fit(datamodule=data)
    trainer.test(trainer.lightning_module, data, verbose=False)
    assert not home.exists()


def test_a_home_that_is_no_folder_is_said_before_the_training_starts(fit: Fit, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    api.init(home=tmp_path / "file", quiet=True)
    with pytest.raises(CognifyError, match=str(tmp_path / "file")):
        fit()
    api.init(home=tmp_path / "home", quiet=True)
