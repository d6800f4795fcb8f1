"""One `fit` of a Lightning Trainer, from its beginning to its end, as a run records it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, NamedTuple, Self

from cognify_core import api
from cognify_core.api.live import LiveRun
from cognify_core.model.events import ClosedStatus
from cognify_integrations.lightning_describe import (
    describe_training,
    facts_of_end,
    facts_of_training,
    models_within,
    names_of_training,
)
from cognify_integrations.lightning_loaders import Fed, datasets_of
from cognify_integrations.lightning_metrics import StepMetrics
from cognify_integrations.lightning_weights import record_beginning, record_resumed, weights_now

_MEND_SOURCE = 'cognify.dataset("<the files>", name="…") before the training'
_MEND_RANKS = "start the script with torchrun, or leave it to CognifyCallback() to begin the run"


class Training:
    """What is known of a training that goes on. Its methods may raise; whoever calls them guards."""

    def __init__(self, live: LiveRun, step: int, saved: dict[str, int], elsewhere: set[str]) -> None:
        self.live = live
        self._metrics = StepMetrics(live.run.log, elsewhere, step)
        self._fed: list[Fed] = []
        self._saved = saved
        self._awaited: list[tuple[Path, int]] = []

    def begin(self, trainer: Any, module: Any, unwatched: Exception | None) -> None:
        """Record what the training is made of; on every rank but the first, the rows that it is fed."""
        live = self.live
        rows = self._feed(trainer)
        live.feed(rows)
        if not live.rank.is_first:
            return
        if trainer.world_size > live.rank.world_size:
            live.gap("the other ranks", "started from within a block that had begun alone", mend=_MEND_RANKS)
        if unwatched is not None:
            live.gap("checkpoints", f"not seen: the strategy cannot be watched ({unwatched})")
        models = models_within(module)
        config = describe_training(live.run, trainer, module, models, names_of_training(module, models))
        limit = api.this_session().settings.initial_weights_limit
        live.feed([config, *rows, *record_beginning(live, module, models, limit), *self._resumed(trainer)])
        live.run.phase("training_started", **facts_of_training(trainer, self._fed))
        live.tell_start()

    def _feed(self, trainer: Any) -> list[str]:
        """Record the rows that this rank is fed; return their refs."""
        self._fed = datasets_of(trainer.train_dataloader, "train")
        refs = []
        for fed in self._fed:
            ref, with_source = api.this_session().record_fed(self.live, fed.dataset, name=fed.name, role="train")
            refs.append(ref)
            if not with_source and self.live.rank.is_first:
                self.live.gap(f"ds_{fed.name}_v1", "source: unresolved", mend=_MEND_SOURCE)
        if not self._fed:
            self.live.gap("ds_train_v1", "the Trainer has no training dataloader", mend=_MEND_SOURCE)
        return refs

    def _resumed(self, trainer: Any) -> list[str]:
        step = trainer.global_step
        if trainer.ckpt_path:
            return record_resumed(self.live, trainer.ckpt_path, step)
        if step:
            self.live.gap(
                f"ckpt_step_{step}",
                f"goes on from step {step} of an earlier fit of the same Trainer, from no checkpoint",
                mend="trainer.fit(…, ckpt_path=…)",
            )
        return []

    def epoch_begins(self, trainer: Any) -> None:
        """Record what was logged at the end of the epoch before, and rows that are fed only from now on."""
        self.look(trainer)
        now = datasets_of(trainer.train_dataloader, "train")
        if [id(fed.dataset) for fed in now] != [id(fed.dataset) for fed in self._fed]:
            self.live.feed([*self.live.fed, *self._feed(trainer)])

    def batch_ended(self, trainer: Any) -> None:
        """Record the metrics of the step before, where Lightning logged them."""
        self._metrics.batch_ended(trainer)

    def look(self, trainer: Any) -> None:
        """Record metrics that were logged since the last look."""
        if self.live.rank.is_first:
            self._metrics.look(trainer)

    def saved(self, path: str, step: int) -> None:
        """Open a checkpoint that has just been written. From any thread."""
        scheme, _, rest = path.rpartition("://")
        if scheme not in ("", "file"):
            self.live.gap(
                f"ckpt_step_{step}", f"written to {scheme}://, which is not read from here", mend="save locally too"
            )
            return
        place = Path(rest).absolute()
        self._saved[str(place)] = step
        if place.exists():
            self.live.run.checkpoint(place, step=step)
        else:
            self._awaited.append((place, step))

    def look_again(self) -> None:
        """Record what was not there when an IO of the user's own returned: by now it is, or was deleted."""
        awaited, self._awaited = self._awaited, []
        for place, step in awaited:
            self.live.run.checkpoint(place, step=step)

    def failed(self, trainer: Any, exception: str, step: int) -> None:
        """Record which exception ended the training; not what it said, for that may hold data."""
        if self.live.rank.is_first:
            self._metrics.look_at_reduced(trainer)
        self.look_again()
        self.live.run.phase("training_failed", exception=exception, global_step=step)

    def end(self, trainer: Any, module: Any) -> None:
        """Hash the weights as they are now."""
        self.look_again()
        if self.live.rank.is_first:
            step, weights = trainer.global_step, weights_now(module, models_within(module))
            self.live.run.final_weights(weights, step=step, saved_at=step, why="step")
            self.live.run.phase("training_ended", **facts_of_end(trainer))


class Failure(NamedTuple):
    """What ended a training before its time."""

    status: ClosedStatus
    exception: str
    trainer: Any
    step: int

    @classmethod
    def of(cls, exception: BaseException, trainer: Any) -> Self:
        """INTERRUPTED by Ctrl-C and SIGTERM, which is a SystemExit in Lightning; else FAILED."""
        kind = type(exception)
        stopped = isinstance(exception, KeyboardInterrupt | SystemExit)
        return cls(
            "INTERRUPTED" if stopped else "FAILED",
            f"{kind.__module__}.{kind.__qualname__}",
            trainer,
            trainer.global_step,
        )

    def end(self, training: Training) -> None:
        """Close the record in another thread, and wait for it.

        Where a DataLoader's worker has died, torch raises out of a signal handler, in whatever the main thread is at.
        """
        ending = threading.Thread(target=self._end, args=(training,), name="cognify-failure", daemon=True)
        ending.start()
        while ending.is_alive():
            try:
                ending.join()
            except RuntimeError:  # the same worker again; the training's own exception is on its way already
                continue

    def _end(self, training: Training) -> None:
        live, session = training.live, api.this_session()
        live.guarded("the end of the training", training.failed, self.trainer, self.exception, self.step)
        if live.seal_when != "block":
            session.end(live, self.status, seal=False, timeout=session.settings.exit_seconds)
