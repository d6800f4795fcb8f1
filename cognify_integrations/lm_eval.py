"""EleutherAI's lm-evaluation-harness, for `cognify.eval(model, tasks=[…])`.

The model is a `transformers` model (with its `tokenizer=`), a folder or name of one, or one of the harness's own `LM`s.
A task is a YAML file, a configuration (a dict), or the name of one that the harness or the folder `include_path` has.
Nothing is fetched that the task itself does not ask for: a task over local files runs without a network.

The seeds are those that the harness's own command sets. What the process had before (random states, whether the model
was in training) it has again afterwards.
"""

from __future__ import annotations

import os
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from cognify_core.api.evaluating.evaluated import Evaluated
from cognify_core.errors import ConfigurationError
from cognify_integrations.lm_eval_results import NAME, evaluations_of

_GROUP = re.compile(rb"^group\s*:", re.MULTILINE)
_EXTRA = "the lm-evaluation-harness is not installed: pip install 'cognify-audit[eval,huggingface]'"


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of `cognify.eval(model, tasks=[…])`, beside those that every evaluation has."""

    tokenizer: Any = None
    model_args: Mapping[str, Any] | None = None
    """Further arguments of the harness's `HFLM`, as `device`, `dtype`, `max_length`, `peft`."""
    num_fewshot: int | None = None
    limit: float | None = None
    """Only so many documents of each task, or that part of them; it stands in the record."""
    batch_size: int | str = 1
    bootstrap_iters: int = 1000
    """Resamples for standard errors of metrics that are no means."""
    gen_kwargs: Mapping[str, Any] | None = None
    system_instruction: str | None = None
    apply_chat_template: bool | str = False
    fewshot_as_multiturn: bool = False
    include_path: str | Path | None = None
    confirm_run_unsafe_code: bool = False
    random_seed: int = 0
    numpy_seed: int = 1234
    torch_seed: int = 1234
    fewshot_seed: int = 1234

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Options:
        """Check what was given.

        Raises:
            ConfigurationError: there is no such option; the message lists those there are.
        """
        known = [each.name for each in fields(cls)]
        if strange := [name for name in given if name not in known]:
            raise ConfigurationError(f"{strange[0]!r} is no option of the {NAME}; there are {', '.join(known)}")
        return cls(**given)

    @property
    def seeds(self) -> dict[str, int]:
        """By what they are of."""
        return {kind: getattr(self, f"{kind}_seed") for kind in ("random", "numpy", "torch", "fewshot")}


class Harness:
    """An evaluator (`cognify_core.api.evaluating.harnesses`)."""

    def run(self, model: Any, tasks: Sequence[Any], options: Mapping[str, Any]) -> list[Evaluated]:
        """Evaluate; one evaluation for each task, and for each group that has results of its own.

        Raises:
            ConfigurationError: it does not take this model, task or option; or the harness is not installed.
            Exception: whatever the model or the harness raises.
        """
        how = Options.of(options)
        try:
            from lm_eval.evaluator import evaluate
            from lm_eval.tasks import TaskManager
        except ModuleNotFoundError as error:
            raise ConfigurationError(f"{_EXTRA} ({error})") from error
        named = [_spec(task) for task in tasks]
        with _as_it_was(model, how):
            loaded = _loaded(_manager(TaskManager, named, how), named, how)
            results = evaluate(
                _language_model(model, how),
                loaded,
                limit=how.limit,
                bootstrap_iters=how.bootstrap_iters,
                system_instruction=how.system_instruction,
                apply_chat_template=how.apply_chat_template,
                fewshot_as_multiturn=how.fewshot_as_multiturn,
                confirm_run_unsafe_code=how.confirm_run_unsafe_code,
            )
        if results is None:  # another rank has them
            return []
        documents = {name: task.eval_docs for name, task in loaded["tasks"].items()}
        config = {"model": _model_name(model), "limit": how.limit, "seeds": how.seeds, "options": _said(how)}
        return evaluations_of({**results, "config": config}, documents)

    def read(self, results: Mapping[str, Any]) -> list[Evaluated] | None:
        """The evaluations in results of the harness; None where these are not its own."""
        if not {"results", "configs", "versions", "n-shot"} <= results.keys():
            return None
        return evaluations_of(results)


HARNESS = Harness()


def _spec(task: Any) -> Any:
    if isinstance(task, Path) or (isinstance(task, str) and task.endswith((".yaml", ".yml"))):
        path = Path(task).expanduser().absolute()
        if not path.is_file():
            raise ConfigurationError(f"there is no task file {str(task)!r}")
        if _GROUP.search(path.read_bytes()):  # read as a file, the harness takes its tasks for its name
            raise ConfigurationError(f"{str(task)!r} is a group of tasks: name it, and its folder by include_path=…")
        return str(path)
    if isinstance(task, str) or (isinstance(task, dict) and "task" in task and "group" not in task):
        return task
    raise ConfigurationError("a task is a YAML file, a name, or a dict with 'task'; a group is a name")


def _manager(make: Callable[..., Any], tasks: list[Any], how: Options) -> Any:
    """Who knows the tasks. Those that the harness brings are looked at only where a name is not found without them.

    Raises:
        ConfigurationError: there is no task, or none of such a name; the message says which ones are near.
    """
    if not tasks:
        raise ConfigurationError("tasks names no task")
    names = [task for task in tasks if isinstance(task, str) and not Path(task).is_file()]
    own = make(include_path=how.include_path, include_defaults=False)
    if all(name in own.task_index for name in names):
        return own
    manager = make(include_path=how.include_path)
    if strange := [name for name in names if name not in manager.task_index]:
        near = ", ".join(get_close_matches(strange[0], manager.all_tasks, 5)) or "none is near"
        raise ConfigurationError(f"the {NAME} has no task {strange[0]!r}; did you mean: {near}")
    return manager


def _loaded(manager: Any, tasks: list[Any], how: Options) -> Any:
    """The tasks, with the examples and seeds that were asked for, as the harness's own command sets them."""
    loaded = manager.load(tasks)
    for task in loaded["tasks"].values():
        fewshot = task.get_config("num_fewshot")
        if how.num_fewshot is not None and fewshot != 0:  # a task that says 0 has to be asked without examples
            task.set_config(key="num_fewshot", value=how.num_fewshot)
        elif fewshot is None:
            task.set_config(key="num_fewshot", value=0)
        if how.gen_kwargs and task.get_config("output_type") == "generate_until":
            task.set_config(key="generation_kwargs", value=dict(how.gen_kwargs), update=True)
        task.set_fewshot_seed(seed=how.fewshot_seed)
    return loaded


def _language_model(model: Any, how: Options) -> Any:
    """The model as the harness takes it; with a copy of the tokenizer, which it gives a token for padding.

    Raises:
        ConfigurationError: it is no language model, or its tokenizer is missing.
    """
    from lm_eval.api.model import LM
    from lm_eval.models.huggingface import HFLM

    if isinstance(model, LM):
        return model
    named = isinstance(model, str | Path)
    if not named and not (hasattr(model, "config") and hasattr(model, "generate")):
        raise ConfigurationError(f"the {NAME} takes a transformers model, its folder or name, or an LM of its own")
    if not named and how.tokenizer is None:
        raise ConfigurationError("a model needs its tokenizer: cognify.eval(model, tasks=[…], tokenizer=…)")
    return HFLM(
        pretrained=str(model) if named else model,
        tokenizer=str(how.tokenizer) if isinstance(how.tokenizer, Path) else deepcopy(how.tokenizer),
        batch_size=how.batch_size,
        **(how.model_args or {}),
    )


@contextmanager
def _as_it_was(model: Any, how: Options) -> Iterator[None]:
    """Seed all random states as the harness's command does, and leave them, and the model, as they were.

    The harness forks processes for standard errors unless told not to, which a process with threads had better not.
    """
    import numpy as np
    import torch

    before, numpy_before = random.getstate(), np.random.get_state()
    training, forks = getattr(model, "training", None), os.environ.get("DISABLE_MULTIPROC")
    with torch.random.fork_rng():
        try:
            random.seed(how.random_seed)
            np.random.seed(how.numpy_seed)
            torch.manual_seed(how.torch_seed)
            os.environ["DISABLE_MULTIPROC"] = forks or "1"
            yield
        finally:
            random.setstate(before)
            np.random.set_state(numpy_before)
            if forks is None:
                del os.environ["DISABLE_MULTIPROC"]
            if training and hasattr(model, "train"):
                model.train(training)


def _model_name(model: Any) -> str:
    named = getattr(getattr(model, "config", None), "_name_or_path", None)
    return str(model) if isinstance(model, str | Path) else named or type(model).__qualname__


def _said(how: Options) -> dict[str, Any]:
    """What was asked for beyond the defaults; a tokenizer by its type."""
    return {
        each.name: value if each.name != "tokenizer" or isinstance(value, str) else type(value)
        for each in fields(how)
        if (value := getattr(how, each.name)) != each.default and not each.name.endswith("_seed")
    }
