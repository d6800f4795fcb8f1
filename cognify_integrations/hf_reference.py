"""The reference model of a preference training (TRL's DPO, KTO, GRPO …), which no hook of a `Trainer` is shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import torch

from cognify_core.api.live import LiveRun
from cognify_core.canonical import Json
from cognify_core.capture.outcome import Outcome
from cognify_core.model.events import ModelSeen
from cognify_integrations.describing_models import Names, names_of
from cognify_integrations.peft import has_adapters
from cognify_integrations.pytorch import base_tensors, stored_tensors
from cognify_integrations.weights_of_models import hash_now, hashed, record_matched, too_large

UNSEEN: Final = object()
"""Nobody has said what the reference is; None says that there is no model of its own."""

_TOLD_BY = ("precompute_ref_log_probs", "sync_ref_model")  # arguments that only trainers with a reference have


class Reference(NamedTuple):
    """What was recorded of a reference model."""

    refs: tuple[str, ...] = ()
    facts: dict[str, Json] | None = None


def record_reference(live: LiveRun, args: Any, model: Any, base: str, reference: Any, limit: int) -> Reference:
    """Record the model that a training measures itself against.

    Args:
        live: the run.
        args: the trainer's arguments; they tell whether there is a reference at all.
        model: the model that is trained.
        base: the ref of its base.
        reference: the reference model, None where it has no weights of its own, or `UNSEEN`.
        limit: how many bytes may be hashed before the first step.
    """
    names = names_of(model)
    if isinstance(reference, torch.nn.Module):
        return _of_its_own(live, args, reference, names, base, limit)
    if not any(hasattr(args, name) for name in _TOLD_BY) or getattr(args, "beta", None) == 0:
        return Reference()
    if "ref" in (adapters := getattr(model, "peft_config", {})):
        return Reference(facts=_adapter(model, names))
    if reference is UNSEEN and not adapters:
        live.gap(
            f"base_{names.model}_reference",
            "reference model: unresolved, no hook of a trainer is shown it",
            mend="callback.reference = trainer.ref_model, before trainer.train()",
        )
        return Reference()
    if not adapters:
        return Reference(facts={"weights": ["model_initial"], "how": "the model itself, before the first step"})
    unseen: list[Json] = ["a ref_model that the trainer was given: no hook is shown it"]
    return Reference(
        facts={
            "weights": [f"base_{names.model}"],
            "how": "adapters switched off",
            "not_covered": unseen if reference is UNSEEN else [],
        }
    )


def _of_its_own(live: LiveRun, args: Any, reference: Any, names: Names, base: str, limit: int) -> Reference:
    """Record a model that is there beside the one that is trained."""
    own = names_of(reference)
    node_id = f"base_{own.model}_reference"
    facts: dict[str, Json] = {"weights": [node_id], "how": "a model of its own"}
    changes = bool(getattr(args, "sync_ref_model", False))
    if changes:
        facts["not_covered"] = ["how it follows the model (sync_ref_model): these are its weights as it began"]
    weights = _weights(reference, changes, limit)
    refs = [record_matched(live, node_id, own.path, reference, weights)]
    if has_adapters(reference):
        refs.append(live.run.weights(ModelSeen, "model_reference", hash_now(reference), fields=lambda _: {"step": 0}))
        facts["weights"] = [node_id, "model_reference"]
    if own.path is not None and own.path == names.path:
        live.run.relate(base, refs[0])
    return Reference(tuple(refs), facts)


def _weights(reference: torch.nn.Module, changes: bool, limit: int) -> Callable[[], Outcome]:
    """Hashes a reference model in the thread that calls it; one that the training changes is hashed here and now."""

    def hash_it() -> Outcome:
        return hashed(base_tensors(reference))

    if not changes:
        return hash_it
    size = sum(parameter.nbytes for parameter in reference.parameters())
    before = hash_it() if size <= limit else too_large(size, limit)
    return lambda: before


def _adapter(model: Any, names: Names) -> dict[str, Json]:
    """An adapter `ref` beside the one that is trained, and how many of its tensors are those that it begins with."""
    facts: dict[str, Json] = {
        "weights": [f"base_{names.model}", "model_initial"],
        "how": "the adapter `ref`, compared with the one that is trained",
    }
    if stored_tensors(model).problem is None:  # comparing what is spread over processes would be a collective
        ours = dict(model.named_parameters())
        pairs = [(each, ours.get(name.replace(".ref.", ".default."))) for name, each in ours.items() if ".ref." in name]
        same = [other is not None and torch.equal(each, other) for each, other in pairs]
        facts |= {"matched": sum(same), "total": len(same)}
    return facts
