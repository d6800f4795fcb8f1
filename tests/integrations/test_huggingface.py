"""The Hugging Face callback, in real trainings of a tiny model."""

from __future__ import annotations

import json
import pickle
import shutil
import threading
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from cognify_core import api
from cognify_core.errors import CognifyError
from cognify_core.model.events import CheckpointSeen, Metrics, parse_event
from cognify_core.model.record import Status

pytest.importorskip("transformers")

from cognify_integrations.huggingface import CognifyCallback
from tests.integrations import tiny

pytestmark = [pytest.mark.training, pytest.mark.usefixtures("home")]

MakeTrainer = Callable[..., Any]


def last_run() -> Any:
    return api.show("last")


def nodes_of(view: Any, kind: str) -> list[dict[str, Any]]:
    return [node for node in view.lineage["nodes"] if node["type"] == kind]


def test_a_training_ends_sealed_exported_and_verified(make_trainer: MakeTrainer) -> None:
    make_trainer(callbacks=[CognifyCallback()]).train()
    view = last_run()
    assert view.row.status is Status.AUDIT_SEALED
    assert view.row.complete
    (receipt,) = view.packages
    assert sha256(Path(receipt.path).read_bytes()).hexdigest() == receipt.package_hash.hex
    assert api.verify(Path(receipt.path)).exit_code == 0
    assert api.verify(view.row.run_id).exit_code == 0


def test_the_lineage_holds_data_configuration_surroundings_and_every_checkpoint(make_trainer: MakeTrainer) -> None:
    make_trainer(callbacks=[CognifyCallback()]).train()
    view = last_run()
    found = {kind: [node["id"] for node in nodes_of(view, kind)] for kind in ("dataset", "config", "checkpoint")}
    assert found["dataset"] == ["ds_train_v1"]
    assert found["config"][0].startswith("cfg_")
    assert sorted(found["checkpoint"]) == ["ckpt_step_2", "ckpt_step_4", "ckpt_step_6"]
    for kind in ("environment", "code", "base_model"):
        assert len(nodes_of(view, kind)) == 1
    into_last = {edge["from"] for edge in view.lineage["edges"] if edge["to"] == "ckpt_step_6"}
    assert into_last >= {"ds_train_v1", "environment", "code", found["config"][0]}
    assert {"from": "ckpt_step_6", "to": "model_final"} in view.lineage["edges"]
    assert nodes_of(view, "dataset")[0]["record_count"] == tiny.ROWS


def test_checkpoints_that_were_rotated_away_are_hashed(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    make_trainer(callbacks=[CognifyCallback()], save_steps=1, save_total_limit=1).train()
    assert len(list((tmp_path / "out").glob("checkpoint-*"))) == 1
    checkpoints = nodes_of(last_run(), "checkpoint")
    assert [node["assurance"] for node in checkpoints] == ["content"] * 6


@pytest.mark.parametrize("peft", [False, True], ids=["full", "lora"])
def test_training_is_the_same_bit_for_bit_with_and_without_us(
    make_trainer: MakeTrainer, tmp_path: Path, peft: bool
) -> None:
    outcomes = []
    for name, callbacks in (("bare", []), ("recorded", [CognifyCallback()])):
        model = tiny.lora(tiny.model()) if peft else tiny.model()
        trainer = make_trainer(
            name, callbacks, model=model, eval_strategy="steps", eval_steps=2, load_best_model_at_end=True
        )
        trainer.train()
        states = [
            path.read_bytes().replace(name.encode(), b"")
            for path in sorted((tmp_path / name).glob("*/trainer_state.json"))
        ]
        timeless = [_without_times(json.loads(state)) for state in states]
        weights = {key: tensor.numpy().tobytes() for key, tensor in trainer.model.state_dict().items()}
        history = [_without_times(entry) for entry in trainer.state.log_history]
        outcomes.append((timeless, weights, history))
    assert outcomes[0] == outcomes[1]
    assert any("grad_norm" in entry for entry in outcomes[0][2])


def _without_times(value: Any) -> Any:
    """What is left of a state when what a clock decides is taken out."""
    if isinstance(value, dict):
        clocked = ("runtime", "per_second")
        return {key: _without_times(item) for key, item in value.items() if not key.endswith(clocked)}
    return [_without_times(item) for item in value] if isinstance(value, list) else value


def test_metrics_of_every_step_are_recorded(make_trainer: MakeTrainer, home: Path) -> None:
    trainer = make_trainer(callbacks=[CognifyCallback()])
    trainer.train()
    store = api.this_session().workspace.store
    events = [parse_event(data) for data in store.events(last_run().row.run_id)]
    points = {
        (step, name): value
        for event in events
        if isinstance(event.body, Metrics)
        for step, name, value in event.body.points
    }
    for entry in trainer.state.log_history:
        if "loss" in entry:
            assert points[entry["step"], "loss"] == entry["loss"]


def test_an_evaluation_after_the_seal_goes_into_an_addendum(make_trainer: MakeTrainer) -> None:
    trainer = make_trainer(callbacks=[CognifyCallback()])
    trainer.train()
    first = last_run().packages[0]
    trainer.evaluate()
    package = api.export_audit()
    assert package.package_hash != first.package_hash
    assert package.addenda == 1
    (addendum,) = last_run().addenda
    events = [parse_event(data) for data in api.this_session().workspace.store.events(addendum.run_id)]
    assert sorted(event.body.kind for event in events) == ["dataset", "evaluation", "run_closed", "run_opened"]
    assert api.verify(package).exit_code == 0
    assert api.export_audit().package_hash == package.package_hash


def test_with_seal_exit_an_evaluation_is_part_of_the_run_itself(make_trainer: MakeTrainer) -> None:
    trainer = make_trainer(callbacks=[CognifyCallback(seal="exit")])
    trainer.train()
    assert last_run().row.status is Status.RUNNING
    trainer.evaluate()
    package = api.export_audit()
    assert package.addenda == 0
    assert [node["id"] for node in nodes_of(last_run(), "evaluation")] == ["eval_validation_step_6"]


def test_with_seal_manual_a_person_seals(make_trainer: MakeTrainer) -> None:
    make_trainer(callbacks=[CognifyCallback(seal="manual")]).train()
    api.this_session().settle()
    assert last_run().row.status is Status.COMPLETED
    assert api.seal(last_run().row.run_id).complete


def test_an_evaluation_that_nothing_can_take_stops_no_script(
    make_trainer: MakeTrainer, caplog: pytest.LogCaptureFixture
) -> None:
    first = make_trainer("one", [CognifyCallback(seal="manual")])
    first.train()
    make_trainer("two", [CognifyCallback(seal="manual")]).train()
    assert first.evaluate()["eval_loss"] > 0
    assert "an evaluation" in caplog.text


def test_the_final_weights_are_those_of_the_best_checkpoint_only_where_the_trainer_went_back(
    make_trainer: MakeTrainer,
) -> None:
    arguments = {"eval_strategy": "steps", "eval_steps": 2, "metric_for_best_model": "eval_samples_per_second"}
    make_trainer("kept", [CognifyCallback()], **arguments).train()
    assert {"from": "ckpt_step_6", "to": "model_final"} in last_run().lineage["edges"]


def test_evaluations_during_training_name_rows_and_checkpoint(make_trainer: MakeTrainer) -> None:
    make_trainer(callbacks=[CognifyCallback()], eval_strategy="steps", eval_steps=2).train()
    edges = last_run().lineage["edges"]
    assert {"from": "ckpt_step_4", "to": "eval_validation_step_4"} in edges
    assert {"from": "ds_eval_v1", "to": "eval_validation_step_4"} in edges


def test_every_member_of_a_dict_of_evaluation_sets_is_told_apart(make_trainer: MakeTrainer) -> None:
    trainer = make_trainer(callbacks=[CognifyCallback()], eval_strategy="steps", eval_steps=6)
    trainer.eval_dataset = {"near": tiny.rows(8, shift=1), "far": tiny.rows(8, shift=50)}
    trainer.train()
    edges = last_run().lineage["edges"]
    assert {"from": "ds_eval_near_v1", "to": "eval_near_step_6"} in edges
    assert {"from": "ds_eval_far_v1", "to": "eval_far_step_6"} in edges


def test_the_base_of_an_adapter_is_matched_by_its_tensors(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    from transformers import BertForSequenceClassification

    tiny.model().save_pretrained(tmp_path / "tiny_bert")
    base = BertForSequenceClassification.from_pretrained(tmp_path / "tiny_bert")
    make_trainer(callbacks=[CognifyCallback()], model=tiny.lora(base)).train()
    view = last_run()
    assert [node["id"] for node in nodes_of(view, "config")] == ["cfg_tiny_bert_lora_r4"]
    (node,) = nodes_of(view, "base_model")
    assert node["id"] == "base_tiny_bert"
    events = [parse_event(data) for data in api.this_session().workspace.store.events(view.row.run_id)]
    (base_event,) = [event.body for event in events if event.body.kind == "base_model"]
    facts = base_event.facts  # type: ignore[attr-defined]
    assert facts["matched"] == facts["total"] > 10


def test_each_training_of_a_process_is_a_run_of_its_own(make_trainer: MakeTrainer) -> None:
    trainer = make_trainer(callbacks=[CognifyCallback()])
    trainer.train()
    trainer.train()
    assert [row.status for row in api.runs()] == [Status.AUDIT_SEALED] * 2


def test_trainings_within_a_block_are_one_run(make_trainer: MakeTrainer) -> None:
    with api.run("two stages") as run:
        make_trainer("one", [CognifyCallback()], max_steps=2).train()
        make_trainer("two", [CognifyCallback()], max_steps=2, train=tiny.rows(32, shift=5)).train()
    (row,) = api.runs()
    assert (row.run_id, row.status) == (run.id, Status.AUDIT_SEALED)
    checkpoints = nodes_of(last_run(), "checkpoint")
    assert len({node["id"] for node in checkpoints}) == 2
    datasets = {node["id"] for node in nodes_of(last_run(), "dataset")}
    assert len(datasets) == 2
    for checkpoint in checkpoints:
        sources = {edge["from"] for edge in last_run().lineage["edges"] if edge["to"] == checkpoint["id"]}
        assert len(sources & datasets) == 1


def test_trials_of_a_search_are_runs_with_their_parameters(make_trainer: MakeTrainer) -> None:
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    trainer = make_trainer(callbacks=[CognifyCallback()], max_steps=2)
    trainer.model_init = tiny.model
    trainer.hyperparameter_search(
        hp_space=lambda trial: {"learning_rate": trial.suggest_float("learning_rate", 1e-5, 1e-3)},
        backend="optuna",
        n_trials=2,
    )
    runs = [row for row in api.runs() if row.status is Status.AUDIT_SEALED]
    assert len(runs) == 2


def test_a_dataset_that_was_named_before_gives_its_name_to_the_rows(make_trainer: MakeTrainer) -> None:
    rows = tiny.rows()
    api.dataset(rows, name="patient_notes", schema_version="3", source_category="private_licensed")
    make_trainer(callbacks=[CognifyCallback()], train=rows, remove_unused_columns=False).train()
    view = last_run()
    assert [node["id"] for node in nodes_of(view, "dataset")] == ["ds_patient_notes_v3"]
    assert not [gap for gap in view.gaps if "source" in gap.reason]


def test_files_that_were_named_before_are_the_source_of_the_rows(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    rows = tiny.rows()
    rows.to_json(tmp_path / "notes.jsonl")
    api.dataset(tmp_path / "notes.jsonl", name="notes")
    make_trainer(callbacks=[CognifyCallback()], train=rows).train()
    assert {"from": "ds_notes_v1", "to": "ds_train_v1"} in last_run().lineage["edges"]


def test_an_unnamed_source_is_a_gap_with_the_call_that_mends_it(make_trainer: MakeTrainer) -> None:
    make_trainer(callbacks=[CognifyCallback()]).train()
    (gap,) = [gap for gap in last_run().gaps if gap.subject == "ds_train_v1"]
    assert gap.reason == "source: unresolved"
    assert "cognify.dataset(" in str(gap.mend)


def test_a_callback_can_be_pickled_while_it_records(make_trainer: MakeTrainer) -> None:
    copies = []

    class Copied(CognifyCallback):
        def on_step_end(self, *args: Any, **kwargs: Any) -> None:
            copies.append(pickle.loads(pickle.dumps(CognifyCallback.__new__(CognifyCallback).__class__())))
            copies.append(pickle.loads(pickle.dumps(self.__getstate__())))

    make_trainer(callbacks=[Copied(tags={"team": "ml"})]).train()
    assert copies[1]["tags"] == {"team": "ml"}
    assert last_run().row.status is Status.AUDIT_SEALED


def test_off_does_nothing_at_all(make_trainer: MakeTrainer, home: Path) -> None:
    api.init(home=home, quiet=True, mode="off")
    trainer = make_trainer(callbacks=[CognifyCallback()])
    trainer.train()
    trainer.evaluate()
    assert not home.exists()


def test_dry_does_everything_and_keeps_nothing(make_trainer: MakeTrainer, home: Path) -> None:
    api.init(home=home, quiet=True, mode="dry")
    make_trainer(callbacks=[CognifyCallback()]).train()
    assert last_run().row.status is Status.AUDIT_SEALED
    assert not home.exists()


def test_a_home_that_is_no_folder_is_said_before_the_training_starts(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    api.init(home=tmp_path / "file", quiet=True)
    with pytest.raises(CognifyError, match=str(tmp_path / "file")):
        make_trainer(callbacks=[CognifyCallback()]).train()
    api.init(home=tmp_path / "home", quiet=True)


def test_a_worker_that_is_killed_stops_nothing_and_the_seal_says_so(make_trainer: MakeTrainer) -> None:
    psutil = pytest.importorskip("psutil")

    class KillTheWorker(CognifyCallback):
        def on_train_begin(self, *args: Any, **kwargs: Any) -> None:
            super().on_train_begin(*args, **kwargs)
            for child in psutil.Process().children():
                if "capture.worker" in " ".join(child.cmdline()):
                    child.kill()

    make_trainer(callbacks=[KillTheWorker()]).train()
    view = last_run()
    assert view.row.status is Status.AUDIT_SEALED
    unresolved = [node for node in view.lineage["nodes"] if node["assurance"] == "unresolved"]
    assert view.row.complete is (not unresolved)


def test_a_checkpoint_folder_that_vanishes_is_unresolved_and_the_record_incomplete(
    make_trainer: MakeTrainer, tmp_path: Path
) -> None:
    class DeleteFirst(CognifyCallback):
        def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if state.global_step == 2:
                shutil.rmtree(tmp_path / "out" / "checkpoint-2")
            super().on_save(args, state, control, **kwargs)

    make_trainer(callbacks=[DeleteFirst()]).train()
    view = last_run()
    assert view.row.status is Status.AUDIT_SEALED
    assert view.row.complete is False
    (node,) = [node for node in nodes_of(view, "checkpoint") if node["id"] == "ckpt_step_2"]
    assert node["assurance"] == "unresolved"


def test_ctrl_c_while_the_final_weights_are_hashed_is_named_and_the_record_incomplete(
    make_trainer: MakeTrainer,
) -> None:
    from transformers import TrainerCallback

    class CtrlC(TrainerCallback):  # type: ignore[misc] # transformers is untyped
        def on_train_end(self, *_: Any, model: Any, **__: Any) -> None:
            def interrupt(*_: Any) -> None:
                raise KeyboardInterrupt

            model.register_state_dict_pre_hook(interrupt)

    with pytest.raises(KeyboardInterrupt):
        make_trainer(callbacks=[CtrlC(), CognifyCallback()]).train()
    api.this_session().settle()
    view = last_run()
    assert not view.row.complete
    assert view.reasons == ("the end of the training: cut short by KeyboardInterrupt",)


def test_a_training_that_another_thread_cuts_off_is_incomplete_and_goes_on(make_trainer: MakeTrainer) -> None:
    from transformers import TrainerCallback

    begun, cut_off = threading.Event(), threading.Event()

    class Wait(TrainerCallback):  # type: ignore[misc] # transformers is untyped
        def on_step_end(self, *_: Any, **__: Any) -> None:
            begun.set()
            cut_off.wait(60)

    slow = make_trainer("slow", callbacks=[CognifyCallback(), Wait()])
    other = make_trainer("other", callbacks=[CognifyCallback()])
    training = threading.Thread(target=slow.train)
    training.start()
    assert begun.wait(60)
    other.train()
    cut_off.set()
    training.join(60)
    assert slow.state.global_step == 6
    second, first = api.runs()
    assert (second.status, second.complete) == (Status.AUDIT_SEALED, True)
    assert (first.status, first.complete) == (Status.INTERRUPTED, False)
    assert "while" in api.show(first.run_id).reasons[0]


def test_an_empty_home_is_enough(make_trainer: MakeTrainer, home: Path) -> None:
    make_trainer(callbacks=[CognifyCallback()], max_steps=2).train()
    assert {path.name for path in home.iterdir()} >= {"cognify.db", "keys", "packages"}


def test_checkpoints_carry_their_step(make_trainer: MakeTrainer) -> None:
    make_trainer(callbacks=[CognifyCallback()]).train()
    events = [parse_event(data).body for data in api.this_session().workspace.store.events(last_run().row.run_id)]
    assert sorted(body.step for body in events if isinstance(body, CheckpointSeen)) == [2, 4, 6]
