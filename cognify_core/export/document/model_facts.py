"""What a record says of the model itself: architecture, parameters, how it was tuned, how it was stored.

Parameters are counted from the shapes in the weights' manifests; nothing is estimated from a name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

from cognify_core.canonical import Json
from cognify_core.export.document.cells import count, listed, said, shown
from cognify_core.export.dossier import Dossier, Told
from cognify_core.model.events import Artifact, BaseModelSeen, ModelSeen

_FLOATS = ("F", "BF", "C", "GGUF:")
_ADAPTER = (("rank", "r"), ("alpha", "lora_alpha"), ("dropout", "lora_dropout"), ("target modules", "target_modules"))
_PACKED = ("U8", "I8", "U16", "U32", "I32")
"""Integers in which quantised weights are packed, so that shapes do not tell how many there are."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """How many parameters there are, as far as the manifests' shapes tell."""

    total: int | None
    trainable: int | None
    """Of an adapter: its own. None where the record does not tell which weights were trained."""

    def __str__(self) -> str:
        if self.total is None:
            return "not derivable from the record"
        if self.trainable is None:
            return f"{count(self.total)} in total; how many were trained is not recorded"
        share = 100 * self.trainable / self.total if self.total else 0
        return f"{count(self.total)} in total, of which {count(self.trainable)} ({share:.3g} %) were trained"


def model_values(dossier: Dossier) -> dict[str, Json]:
    """The first recorded configuration of a model: `model`, `peft`, `model_class`; empty where there is none."""
    for told in dossier.configs:
        value = dossier.manifest(told)
        if isinstance(value, dict):
            inside = value.get("models")
            for values in (value, *(inside.values() if isinstance(inside, dict) else ())):
                if isinstance(values, dict) and isinstance(values.get("model"), dict):
                    return values
    return {}


def architecture(dossier: Dossier) -> str | None:
    """The architecture's name and its dimensions, from the model's own configuration."""
    values = model_values(dossier)
    model = values.get("model")
    if not isinstance(model, dict):
        return None
    names = model.get("architectures") or [values.get("model_class") or model.get("model_type") or "not named"]
    name = listed(map(shown, names if isinstance(names, list) else [names]))
    return ", ".join((name, *_dimensions(model)))


def _dimensions(model: dict[str, Any]) -> Iterator[str]:
    for title, *keys in (
        ("layers", "num_hidden_layers", "n_layer", "num_layers"),
        ("hidden size", "hidden_size", "n_embd", "d_model"),
        ("attention heads", "num_attention_heads", "n_head", "num_heads"),
        ("vocabulary", "vocab_size"),
        ("positions", "max_position_embeddings", "n_positions"),
    ):
        value = next((model[key] for key in keys if isinstance(model.get(key), int)), None)
        if value is not None:
            yield f"{title} {count(value)}"


def revision(base: Told[BaseModelSeen]) -> str | None:
    """The commit of the repository that a base model is of, as it was said to the run; None where nobody said one."""
    return _said(base, "revision")


def license_of(base: Told[BaseModelSeen]) -> str | None:
    """The licence that the README.md beside a base model's files names, as the Hub writes it; None without one."""
    return _said(base, "license")


def origin(base: Told[BaseModelSeen]) -> tuple[tuple[str, str], ...]:
    """The revision and the licence, each where it is known, with whose word it is."""
    who = _said(base, "revision_by") or "a source that is not recorded"
    found = (
        ("revision", revision(base), f"declared by {who}, not verified"),
        ("licence", license_of(base), "declared by its README.md"),
    )
    return tuple((title, f"{value} ({whose})") for title, value, whose in found if value is not None)


def _said(base: Told[BaseModelSeen], key: str) -> str | None:
    value = base.body.facts.get(key)
    return said(value, 200) if isinstance(value, str) and value else None


def method(dossier: Dossier) -> str | None:
    """How the model was tuned; none where no configuration of a model is recorded."""
    values = model_values(dossier)
    if not values:
        return None
    peft = values.get("peft")
    if not isinstance(peft, dict):
        return "no adapter is configured: the model's own weights were trained"
    parts = [f"{title} {_flat(peft[key])}" for title, key in _ADAPTER if peft.get(key) is not None]
    if peft.get("modules_to_save"):
        parts.append(f"trained and saved in full: {_flat(peft['modules_to_save'])}")
    return f"{shown(peft.get('peft_type') or 'PEFT')} adapter ({'; '.join(parts)})" if parts else shown(peft)


def parameters(dossier: Dossier) -> Parameters:
    """Counted from the base model's files and from the weights that were trained."""
    trained = _trained(dossier)
    own = None if trained is None else tensors(dossier, trained)
    is_adapter = isinstance(model_values(dossier).get("peft"), dict)
    base = next((found for told in dossier.base_models if (found := tensors(dossier, told)) is not None), None)
    if not is_adapter:
        return Parameters(own if own is not None else base, None)
    return Parameters(None if base is None else base + (own or 0), own)


def weights_told(dossier: Dossier) -> tuple[Told[Artifact], ...]:
    """What the count of parameters rests on."""
    trained = _trained(dossier)
    return (*dossier.base_models[:1], *((trained,) if trained else ()))


def tensors(dossier: Dossier, told: Told[Artifact]) -> int | None:
    """The parameters in the weights' manifest of an artifact; none without one, and of packed (quantised) weights."""
    if told.body.manifest != "cognify.weights/v1":
        return None
    try:
        shapes = [(str(dtype), list(map(int, shape))) for _, dtype, shape, _ in dossier.manifest(told)["tensors"]]
    except (LookupError, TypeError, ValueError):  # a manifest that names its format and does not have it
        return None
    if any(dtype in _PACKED and shape for dtype, shape in shapes):
        return None
    return sum(prod(shape) for dtype, shape in shapes if dtype.startswith(_FLOATS))


def weight_forms(dossier: Dossier) -> tuple[str, ...]:
    """In which forms the checkpoints lie on disk: safetensors, GGUF, pickles; adapters are told from whole models."""
    found: dict[str, None] = {}
    for told in dossier.checkpoints:
        found.update(dict.fromkeys(_forms(file_names(dossier, told))))
    return tuple(found)


def file_names(dossier: Dossier, told: Told[Artifact]) -> tuple[str, ...]:
    """The files in a tree's manifest, as the manifest writes them."""
    if told.body.manifest != "cognify.tree/v1" or told.body.hash is None:
        return ()
    for run in (dossier.run, *dossier.addenda):
        if (data := run.manifests.get(str(told.body.hash))) is not None:
            lines = data.decode("utf-8", "backslashreplace").splitlines()[1:]
            return tuple(line.partition("  ")[2] for line in lines)
    return ()


def _forms(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        base = name.rpartition("/")[2].lower()
        adapter = "an adapter alone, " if base.startswith("adapter") else ""
        if base.endswith(".safetensors"):
            yield f"{adapter}safetensors"
        elif base.endswith(".gguf"):
            yield "GGUF"
        elif base.endswith((".bin", ".pt", ".pth", ".ckpt", ".pkl")) and base.startswith(_WEIGHTS):
            yield f"{adapter}pickle"


_WEIGHTS = ("adapter", "pytorch_model", "model", "consolidated", "epoch", "last", "mp_rank")
"""How files of weights begin; other pickles in a checkpoint are states of optimisers and generators."""


def _trained(dossier: Dossier) -> Told[ModelSeen] | None:
    """The final weights, else the initial ones, that have a manifest."""
    seen = [told for told in dossier.models if told.body.manifest == "cognify.weights/v1" and told.body.hash]
    return seen[-1] if seen else None


def _flat(value: Json) -> str:
    return listed(map(shown, value), 12) if isinstance(value, list) else shown(value)
