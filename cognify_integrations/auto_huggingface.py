"""Every `transformers.Trainer` gets a callback of ours, which records nothing beside one that the user gave."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from types import ModuleType
from typing import Any

from transformers import TrainerControl, TrainerState, TrainingArguments

from cognify_core.api.reported import report
from cognify_core.errors import CognifyError
from cognify_core.record.recorder import warn
from cognify_integrations.huggingface import CognifyCallback


class AutoCallback(CognifyCallback):
    """The callback of a Trainer whose script knows nothing of us."""

    yields = False
    """Whether the user gave a callback, by which this one records nothing."""

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **found: Any
    ) -> None:
        """Begin a run. Here nobody has asked for one, so what keeps it from beginning is told and does not raise."""
        self._forget()
        if self.yields:
            return
        try:
            super().on_train_begin(args, state, control, **found)
        except (CognifyError, OSError) as error:
            warn("this training is not recorded", error)

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, model: Any = None, **_: Any
    ) -> None:
        """Wait: other callbacks still have something to write, and after the end of the run it would be too late."""

    def after_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, model: Any
    ) -> None:
        """Close, seal and export."""
        super().on_train_end(args, state, control, model=model)


def add(trainer: ModuleType) -> None:
    """Give every `Trainer` of `transformers.trainer` our callback."""
    report("framework", "transformers.Trainer")
    trainer.DEFAULT_CALLBACKS.append(AutoCallback)
    handler = trainer.CallbackHandler
    handler.on_train_begin = _deciding(handler.on_train_begin)
    handler.on_train_end = _ending(handler.on_train_end)


def _deciding(begin: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(begin)
    def on_train_begin(handler: Any, *args: Any, **found: Any) -> Any:
        given = any(
            isinstance(each, CognifyCallback) and not isinstance(each, AutoCallback) for each in handler.callbacks
        )
        for callback in _ours(handler.callbacks):
            callback.yields = given
        return begin(handler, *args, **found)

    return on_train_begin


def _ending(end: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(end)
    def on_train_end(handler: Any, args: Any, state: Any, control: Any, **found: Any) -> Any:
        decided = end(handler, args, state, control, **found)
        for callback in _ours(handler.callbacks):
            callback.after_train_end(args, state, control, handler.model)
        return decided

    return on_train_end


def _ours(callbacks: Iterable[Any]) -> list[AutoCallback]:
    return [each for each in callbacks if isinstance(each, AutoCallback)]
