"""Hugging Face `Trainer`: `callbacks=[CognifyCallback()]`.

Hooks run on the training thread. They put facts on a queue, open files, and return; what they cannot do is recorded
and never raised, but for a wrong configuration, which raises in `on_train_begin`.
"""

from __future__ import annotations

from numbers import Integral, Real
from pathlib import Path
from typing import Any, Literal

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from cognify_core import api
from cognify_core.api.live import LiveRun
from cognify_core.api.saying import Tags
from cognify_core.record.ranks import Rank
from cognify_integrations.describing_models import names_of
from cognify_integrations.hf_describe import describe_training, facts_of_training, name_of_rows
from cognify_integrations.hf_reference import UNSEEN, record_reference
from cognify_integrations.hf_weights import record_resumed
from cognify_integrations.weights_of_models import record_base, record_final


class CognifyCallback(TrainerCallback):  # type: ignore[misc] # transformers is untyped
    """Record what a `Trainer` reads and writes, then seal and export when the training ends.

    Args:
        seal: `train_end`; `exit` to wait for the end of the process, so that a later `evaluate()` is part of the run
            itself; `manual` to leave the seal to a person.
        project: The AI system that the run serves; else as `cognify.init` or `COGNIFY_PROJECT` says.
        run_name: A name for people.
        tags: Short facts for people.
        reference: The model that a preference training (TRL) measures itself against, which no hook is shown. It may
            also be set later, as in `callback.reference = trainer.ref_model`; None where it has no weights of its own.
    """

    reference: Any = UNSEEN

    def __init__(
        self,
        *,
        seal: Literal["train_end", "exit", "manual"] = "train_end",
        project: str | None = None,
        run_name: str | None = None,
        tags: Tags | None = None,
        reference: Any = UNSEEN,
    ) -> None:
        self.seal, self.project, self.run_name, self.tags = seal, project, run_name, tags
        self.reference = reference
        self._forget()

    def _forget(self) -> None:
        self._live: LiveRun | None = None
        self._run_id: str | None = None
        self._eval_data: Any = None
        self._eval_refs: list[tuple[str, Any, str]] = []

    def __getstate__(self) -> dict[str, Any]:
        """A copy in another process records nothing of this one's run."""
        return {"seal": self.seal, "project": self.project, "run_name": self.run_name, "tags": self.tags}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._forget()

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **found: Any
    ) -> None:
        """Begin a run, join that of the other ranks, or go on with the one that `with cognify.run()` began."""
        session = api.this_session()
        self._forget()
        if session.is_off:
            return
        self._live = session.block or session.begin(
            name=self.run_name or state.trial_name,
            project=self.project,
            tags=self.tags,
            seal_when=self.seal,
            rank=Rank.here(args.process_index, args.world_size),
        )
        if self._live is None:
            return
        self._run_id = self._live.id
        begin = self._begin if self._live.rank.is_first else self._join
        self._live.guarded("the beginning of the training", begin, self._live, args, state, **found)

    def _join(self, live: LiveRun, args: TrainingArguments, state: TrainerState, **found: Any) -> None:
        """On every rank but the first: record the rows that it is fed."""
        loader = found.get("train_dataloader")
        rows = getattr(loader, "dataset", None)
        live.feed([api.this_session().record_fed(live, rows, name=name_of_rows(loader), role="train")[0]])

    def _begin(self, live: LiveRun, args: TrainingArguments, state: TrainerState, model: Any, **found: Any) -> None:
        session = api.this_session()
        names = names_of(model)
        config = describe_training(live.run, args, model, found.get("processing_class"), names)
        loader = found.get("train_dataloader")
        called = name_of_rows(loader)
        rows, with_source = session.record_fed(live, getattr(loader, "dataset", None), name=called, role="train")
        limit = session.settings.initial_weights_limit
        base = record_base(live, model, names, limit)
        reference = record_reference(live, args, model, base[-1], self.reference, limit)
        fed = [config, rows, *base, *reference.refs]
        if state.global_step:
            fed += record_resumed(live, model, args, state)
        live.feed(fed)
        live.run.phase("training_started", **facts_of_training(args, state, loader), reference=reference.facts)
        if not with_source:
            live.gap(
                f"ds_{called}_v1",
                "source: unresolved",
                mend='cognify.dataset("<the files>", name="…") before the training',
            )
        live.tell_start()

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, logs: Any = None, **_: Any
    ) -> None:
        """Record the metrics of a step."""
        if self._live and logs and state.is_world_process_zero:
            self._live.run.log(state.global_step, _numbers(logs))

    def on_prediction_step(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        eval_dataloader: Any = None,
        **_: Any,
    ) -> None:
        """Remember which rows are evaluated on: no earlier hook knows."""
        self._eval_data = getattr(eval_dataloader, "dataset", None)

    def on_evaluate(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, metrics: Any = None, **_: Any
    ) -> None:
        """Record results; after the seal, in an addendum."""
        if self._run_id and metrics:
            api.this_session().observe(
                self._run_id, "an evaluation", lambda live: self._evaluated(live, state.global_step, _numbers(metrics))
            )

    def on_predict(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, metrics: Any = None, **_: Any
    ) -> None:
        """Record the metrics of a prediction, as those of an evaluation."""
        self.on_evaluate(args, state, control, metrics)

    def _evaluated(self, live: LiveRun, step: int, results: dict[str, float]) -> None:
        prefix = next((key.removesuffix("_runtime") for key in results if key.endswith("_runtime")), "eval")
        name = prefix.removeprefix("eval_") if prefix != "eval" else "validation"
        inputs = [self._eval_rows(live, prefix)] if self._eval_data is not None else []
        if live.amends:
            inputs.append("@model_final")
        live.run.evaluation(results, name=name, step=step, inputs=inputs)

    def _eval_rows(self, live: LiveRun, name: str) -> str:
        for run_id, dataset, ref in self._eval_refs:
            if run_id == live.id and dataset is self._eval_data:
                return ref
        ref, _ = api.this_session().record_fed(live, self._eval_data, name=name, role="eval")
        self._eval_refs.append((live.id, self._eval_data, ref))
        return ref

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Open the checkpoint's files; they are hashed in the background even when they are rotated away."""
        if self._live:
            folder = Path(args.output_dir, f"{PREFIX_CHECKPOINT_DIR}-{state.global_step}")
            self._live.guarded("a checkpoint", self._live.run.checkpoint, folder, step=state.global_step)

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, model: Any = None, **_: Any
    ) -> None:
        """Hash the final weights; close, seal and export, if that is to happen now."""
        live, self._live = self._live, None
        if live is None:
            return
        live.trained = True
        if live.rank.is_first:
            live.guarded("the end of the training", _ended, live, args, state, model)
        if live.seal_when == "train_end":
            api.this_session().end(live, "COMPLETED", seal=True)


def _ended(live: LiveRun, args: TrainingArguments, state: TrainerState, model: Any) -> None:
    """Record the final weights: those of the best checkpoint if the Trainer went back to it, else of the last step."""
    best = (state.best_model_checkpoint or "").rpartition("-")[2]
    best_step = int(best) if best.isdigit() else None
    went_back = args.load_best_model_at_end and best_step is not None
    saved_at = best_step if went_back and best_step is not None else state.global_step
    record_final(live.run, model, step=state.global_step, saved_at=saved_at, why="best" if went_back else "step")
    live.run.phase(
        "training_ended",
        global_step=state.global_step,
        epoch=state.epoch,
        total_flos=state.total_flos,
        best_metric=state.best_metric,
        best_step=best_step,
    )


def _numbers(values: dict[str, Any]) -> dict[str, float]:
    return {key: value for key, each in values.items() if (value := _number(each)) is not None}


def _number(value: Any) -> float | None:
    """A plain number of a plain or a NumPy one; none of anything else. It runs at every log: common cases first."""
    if type(value) in (float, int):
        return value  # type: ignore[no-any-return]
    if isinstance(value, Real):
        return int(value) if isinstance(value, Integral) else float(value)
    return None
