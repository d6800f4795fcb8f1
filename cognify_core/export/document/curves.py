"""Which metrics are drawn: those that say how training went, not how fast the machine was."""

from __future__ import annotations

from dataclasses import dataclass

from cognify_core.export.dossier import Dossier
from cognify_core.export.evidence import Evidence

PANELS = 8
_FIRST = ("loss", "train_loss", "eval_loss", "val_loss", "accuracy", "f1", "auc", "perplexity", "reward")
_NOISE = (
    "runtime",
    "per_second",
    "flos",
    "num_tokens",
    "num_input_tokens",
    "memory",
    "mem_",
    "timestamp",
    "gpu",
    "cpu",
    "throughput",
)
_COUNTERS = ("epoch", "step", "global_step", "time")
_LATER = ("learning_rate", "lr", "grad_norm")


@dataclass(frozen=True, slots=True)
class Curve:
    """A metric with at least two finite points: the one of the lowest step, and that of the highest."""

    name: str
    first: tuple[int, float]
    last: tuple[int, float]
    evidence: tuple[Evidence, ...]


def told_curves(dossier: Dossier) -> tuple[Curve, ...]:
    """The metrics worth a panel, losses first, then what evaluations measure, then what steers training."""
    named = sorted((name for name in dossier.metrics if not is_noise(name)), key=_rank)
    found: list[Curve] = []
    for name in named:
        if (ends := dossier.metrics[name].ends) is not None:
            found.append(Curve(name, *ends, _evidence(dossier)))
        if len(found) == PANELS:
            break
    return tuple(found)


def is_noise(name: str) -> bool:
    """Whether a metric says how fast the machine was, or only counts."""
    lowered = name.lower()
    return lowered in _COUNTERS or any(part in lowered for part in _NOISE)


def _rank(name: str) -> tuple[int, str]:
    lowered = name.lower().replace("/", "_")
    for place, known in enumerate(_FIRST):
        if lowered == known or lowered.endswith(f"_{known}"):
            return (place, name)
    return (len(_FIRST) + (lowered in _LATER), name)


def _evidence(dossier: Dossier) -> tuple[Evidence, ...]:
    return dossier.evidence_of("metrics, from here on")
