"""What both namespaces of PyTorch Lightning have in common: the hooks of a callback that records a training.

Hooks run on the training thread. They put facts on a queue, open files, and return; what they cannot do is recorded
and never raised, but for a wrong configuration, which raises in `on_train_start`. Nothing here is called `log` or
`log_dict`: Lightning assigns those. There is no state, so nothing of ours goes into a checkpoint.
"""

from __future__ import annotations

import os
import weakref
from multiprocessing.context import get_spawning_popen
from typing import Any, Literal, Self

from cognify_core import api
from cognify_core.api.live import LiveRun
from cognify_core.api.saying import Tags
from cognify_core.errors import CognifyError
from cognify_core.model.names import new_run_id, utc_now
from cognify_integrations.lightning_evaluations import Evaluations
from cognify_integrations.lightning_io import StrategyWatch
from cognify_integrations.lightning_ranks import rank_of, start_method
from cognify_integrations.lightning_training import Failure, Training


class RecordingHooks:
    """The hooks; `lightning.py` and `pytorch_lightning.py` make a callback of them."""

    def __init__(
        self,
        *,
        seal: Literal["train_end", "exit", "manual"] = "train_end",
        project: str | None = None,
        run_name: str | None = None,
        tags: Tags | None = None,
    ) -> None:
        self.seal, self.project, self.run_name, self.tags = seal, project, run_name, tags
        self.yields = False
        """Whether it records nothing beside a callback that the user gave."""
        self._drawn: str | None = None
        self._forget()

    @classmethod
    def yielding(cls) -> Self:
        """One that records nothing beside a callback that the user gave."""
        callback = cls()
        callback.yields = True
        return callback

    def _forget(self) -> None:
        self._training: Training | None = None
        self._run_id: str | None = None
        self._evaluations = Evaluations()
        self._watch: StrategyWatch | None = None
        self._unwatched: Exception | None = None
        self._failed: Failure | None = None

    def __getstate__(self) -> dict[str, Any]:
        """A copy elsewhere records nothing of this one's run; a spawned rank, the run that its parent has named."""
        state: dict[str, Any] = {
            "seal": self.seal,
            "project": self.project,
            "run_name": self.run_name,
            "tags": self.tags,
        }
        state |= {"yields": self.yields, "_drawn": None}
        if get_spawning_popen() is not None:
            self._draw()
            state |= {"_drawn": self._drawn, "_run_id": self._run_id}
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._forget()
        self.__dict__.update(state)

    def _draw(self) -> None:
        """Draw one id for all ranks of a training; once a run has it, the next training takes another."""
        session = api.this_session()
        if session.is_off:
            return
        if self._drawn is not None:
            try:
                self._run_id = session.workspace.store.run(self._drawn).run_id
            except CognifyError:
                return
        self._drawn = new_run_id(utc_now(), os.urandom(3))
        session.expect(self._drawn)

    def setup(self, trainer: Any, pl_module: Any, stage: str) -> None:
        """Stand where checkpoints are written."""
        self._stop_watching()
        if stage != "fit" or api.this_session().is_off or not self._records(trainer):
            return
        self._unwatched = None
        try:
            self._watch = StrategyWatch(trainer.strategy, self._saved, self._torn_down)
        except Exception as error:  # noqa: BLE001 - no run has begun yet: it becomes a gap of the one that will
            self._unwatched = error

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Begin a run, join that of the other ranks, or go on with the one that `with cognify.run()` began."""
        self._training, self._run_id, self._evaluations, self._failed = None, None, Evaluations(), None
        if api.this_session().is_off or not self._records(trainer) or (live := self._live_run(trainer)) is None:
            return
        self._run_id = live.id
        seen = self._evaluations
        seen.trained = weakref.ref(pl_module)
        self._training = Training(live, trainer.global_step, seen.saved, seen.results.names)
        live.guarded("the beginning of the training", self._training.begin, trainer, pl_module, self._unwatched)

    def _live_run(self, trainer: Any) -> LiveRun | None:
        session = api.this_session()
        return session.block or session.begin(
            name=self.run_name,
            project=self.project,
            tags=self.tags,
            seal_when=self.seal,
            rank=rank_of(trainer, self._drawn),
            run_id=self._drawn if start_method(trainer) not in (None, "fork") else None,
        )

    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        """Record what was logged at the end of the epoch before, and rows that are fed only from now on."""
        if (training := self._training) is not None:
            training.live.guarded("the beginning of an epoch", training.epoch_begins, trainer)

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Record the metrics of a step, when Lightning logs them."""
        if (training := self._training) is not None and training.live.rank.is_first:
            training.live.guarded("metrics", training.batch_ended, trainer)

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """Record what was logged at the end of the last epoch."""
        if (training := self._training) is not None:
            training.live.guarded("metrics", training.look, trainer)

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """Remember that the training failed. What others save because of it is still to come."""
        if self._training is not None:
            self._failed = Failure.of(exception, trainer)
            if self._watch is None:
                self._torn_down()

    def _torn_down(self) -> None:
        """The strategy was torn down. After an exception nothing else follows: close the record, and leave the seal."""
        failure, self._failed = self._failed, None
        if failure is not None and (training := self._ended()) is not None:
            failure.end(training)

    def teardown(self, trainer: Any, pl_module: Any, stage: str) -> None:
        """Hash the final weights; close, seal and export, if that is to happen now."""
        child = start_method(trainer) is not None  # multiprocessing ends its children without atexit
        if (training := self._ended()) is not None:
            live = training.live
            live.trained = True
            live.guarded("the end of the training", training.end, trainer, pl_module)
            if live.seal_when == "train_end":
                api.this_session().end(live, "COMPLETED", seal=True)
        if child and self._run_id is not None:
            api.this_session().settle()

    def _ended(self) -> Training | None:
        self._stop_watching()
        training, self._training = self._training, None
        return None if training is None or training.live.run.closed else training

    def _stop_watching(self) -> None:
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.stop()

    def _saved(self, path: str, step: int) -> None:
        """A checkpoint was written, by whichever thread calls."""
        if (training := self._training) is not None:
            training.live.guarded("a checkpoint", training.saved, path, step)

    def on_validation_start(self, trainer: Any, pl_module: Any) -> None:
        """Remember what was logged before."""
        if self._evaluated_run(trainer) is not None:
            self._evaluations.results.begins(trainer)

    def on_test_start(self, trainer: Any, pl_module: Any) -> None:
        """Remember what was logged before."""
        self.on_validation_start(trainer, pl_module)

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """Record results; after the seal, in an addendum."""
        self._evaluated(trainer, "validation")

    def on_test_end(self, trainer: Any, pl_module: Any) -> None:
        """Record results; after the seal, in an addendum."""
        self._evaluated(trainer, "test")

    def on_predict_end(self, trainer: Any, pl_module: Any) -> None:
        """Record which rows predictions were made of."""
        self._evaluated(trainer, "predict")

    def _evaluated(self, trainer: Any, name: str) -> None:
        if (run_id := self._evaluated_run(trainer)) is not None:
            api.this_session().observe(
                run_id, "an evaluation", lambda live: self._evaluations.record(live, trainer, name)
            )

    def _evaluated_run(self, trainer: Any) -> str | None:
        """The run that an evaluation is said of: none for a sanity check, and none where nothing was trained."""
        if trainer.sanity_checking or not trainer.is_global_zero or not self._records(trainer):
            return None
        session = api.this_session()
        if session.is_off:
            return None
        return self._run_id if session.block is None else session.block.id

    def _records(self, trainer: Any) -> bool:
        """Of several callbacks of ours on one Trainer one records: the first that the user gave."""
        ours = [each for each in trainer.callbacks if isinstance(each, RecordingHooks)]
        return self is next((each for each in ours if not each.yields), ours[0] if ours else None)
