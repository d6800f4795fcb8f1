"""What a Lightning training is made of: hyper-parameters, the Trainer's arguments, optimisers, models."""

from __future__ import annotations

import os
from typing import Any

from cognify_core.record.run import Run
from cognify_integrations.describing_models import Names, model_values, names_of, without_homes
from cognify_integrations.lightning_loaders import Fed
from cognify_integrations.pytorch import unwrapped

_ARGUMENTS = (
    "accumulate_grad_batches",
    "barebones",
    "check_val_every_n_epoch",
    "fast_dev_run",
    "gradient_clip_algorithm",
    "gradient_clip_val",
    "limit_predict_batches",
    "limit_test_batches",
    "limit_train_batches",
    "limit_val_batches",
    "log_every_n_steps",
    "max_epochs",
    "max_steps",
    "min_epochs",
    "min_steps",
    "num_devices",
    "num_nodes",
    "num_sanity_val_steps",
    "overfit_batches",
    "precision",
    "reload_dataloaders_every_n_epochs",
    "val_check_interval",
    "world_size",
)
"""What a Trainer keeps of its arguments, under names of its own public interface."""

_SEEDS = ("PL_GLOBAL_SEED", "PL_SEED_WORKERS")
"""Where `seed_everything` leaves its seed."""


def models_within(module: Any, prefix: str = "") -> dict[str, Any]:
    """The models of `transformers` and PEFT inside a module, by their place in it; not those inside such a model."""
    found: dict[str, Any] = {}
    for name, child in module.named_children():
        model = unwrapped(child)
        if hasattr(getattr(model, "config", None), "to_dict") or isinstance(getattr(model, "peft_config", None), dict):
            found[prefix + name] = model
        else:
            found |= models_within(child, f"{prefix}{name}.")
    return found


def names_of_training(module: Any, models: dict[str, Any]) -> Names:
    """Names after the first model inside, else after the LightningModule."""
    return names_of(next(iter(models.values()), module))


def describe_training(run: Run, trainer: Any, module: Any, models: dict[str, Any], names: Names) -> str:
    """Record the whole configuration as one node; return its ref."""
    value = {
        "trainer": {name: getattr(trainer, name) for name in _ARGUMENTS if hasattr(trainer, name)},
        "strategy": type(trainer.strategy),
        "accelerator": type(trainer.accelerator),
        "callbacks": [type(each) for each in trainer.callbacks],
        "seeds": {name: os.environ[name] for name in _SEEDS if name in os.environ},
        "module_class": type(module),
        "hyper_parameters": _hyper_parameters(module),
        "datamodule_class": None if trainer.datamodule is None else type(trainer.datamodule),
        "datamodule_hyper_parameters": _hyper_parameters(trainer.datamodule),
        "optimizers": [_optimizer(each) for each in trainer.optimizers],
        "schedulers": [_scheduler(each) for each in trainer.lr_scheduler_configs],
        "models": {place: model_values(model) for place, model in models.items()},
    }
    return run.config(without_homes(value), node_id=names.config)


def facts_of_training(trainer: Any, fed: list[Fed]) -> dict[str, Any]:
    """Facts of the beginning of a training."""
    return {
        "max_steps": trainer.max_steps,
        "max_epochs": trainer.max_epochs,
        "resumed_from_step": trainer.global_step or None,
        "world_size": trainer.world_size,
        "device": str(trainer.strategy.root_device),
        "collator": [each.collator for each in fed],
        "not_covered": ["what the collator and the module's hooks make of the rows"],
    }


def facts_of_end(trainer: Any) -> dict[str, Any]:
    """Facts of the end of a training."""
    checkpoints = trainer.checkpoint_callback
    best = getattr(checkpoints, "best_model_score", None)
    return {
        "global_step": trainer.global_step,
        "epoch": trainer.current_epoch,
        "best_metric": None if best is None else float(best),
    }


def _hyper_parameters(owner: Any) -> dict[str, Any]:
    return dict(getattr(owner, "hparams", None) or {})


def _optimizer(optimizer: Any) -> dict[str, Any]:
    """The class, and the values of each group of parameters."""
    groups = []
    for group in optimizer.param_groups:
        values = {key: _plain(value) for key, value in group.items() if key not in ("params", "param_names")}
        groups.append({**values, "parameters": len(group["params"])})
    return {"class": type(optimizer), "groups": groups}


def _scheduler(config: Any) -> dict[str, Any]:
    """The class, how often it steps, and its own values; what begins with an underscore is its state."""
    own = {
        key: _plain(value)
        for key, value in vars(config.scheduler).items()
        if not key.startswith("_") and isinstance(value, int | float | str | list | tuple | None)
    }
    every = {name: getattr(config, name, None) for name in ("interval", "frequency", "monitor")}
    return {"class": type(config.scheduler), **every, "values": own}


def _plain(value: Any) -> Any:
    """A number for a tensor of one element: a learning rate may be one."""
    return value.item() if hasattr(value, "item") and getattr(value, "numel", lambda: 1)() == 1 else value
