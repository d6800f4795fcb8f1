"""Which of the files that were opened are a model's own, rather than data: by their name, and the folder they lie in.

The rules are those of docs/without-code.md; docs/adr/0025 says why. Of a folder its list and one small file are read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache
from itertools import islice
from pathlib import Path

_WEIGHTS = re.compile(
    r"(model|pytorch_model|adapter_model|diffusion_pytorch_model|tf_model|flax_model|consolidated)([-.].+)?"
    r"\.(safetensors|bin|h5|msgpack|pth)(\.index\.json)?$|.*\.(gguf|ckpt)$"
)
"""Names that only weights have, in whatever folder."""
_PARTS = re.compile(
    r"[\w.-]*config[\w-]*\.json$|.*\.(safetensors|model|tiktoken|jinja)$|(tokenizer|vocab)([-_.].*)?$|merges\.txt$"
    r"|(special_tokens_map|added_tokens|modules|model_index|chat_template|trainer_state)\.json$"
    r"|training_args\.bin$|(optimizer|scheduler|scaler)\.(pt|bin)$|rng_state.*\.pth$"
)
"""Names that a model's files have, in a model's folder."""
_OF_MODELS = ("adapter_config.json", "tokenizer_config.json", "modules.json", "model_index.json")
_OF_PARENTS = ("modules.json", "model_index.json")
_KEYS = ("model_type", "architectures")
_HUB = re.compile(r"/models--[^/]+/(snapshots|blobs)/|/torch/hub/checkpoints/")
_LARGEST_CONFIG = 1 << 20
_MOST_LOOKED_AT = 10_000


def model_files() -> Callable[[Path], bool]:
    """A test whether a file is a model's own, which looks at each folder once."""
    is_models = cache(_is_models_folder)

    def is_model_file(path: Path) -> bool:
        if _WEIGHTS.match(path.name) or _HUB.search(path.as_posix()):
            return True
        return _PARTS.match(path.name) is not None and is_models(path.parent)

    return is_model_file


def _is_models_folder(folder: Path) -> bool:
    if any((folder / name).is_file() for name in _OF_MODELS):
        return True
    if any((folder.parent / name).is_file() for name in _OF_PARENTS) or _describes_a_model(folder / "config.json"):
        return True
    try:
        return any(_WEIGHTS.match(each.name) for each in islice(folder.iterdir(), _MOST_LOOKED_AT))
    except OSError:
        return False


def _describes_a_model(config: Path) -> bool:
    try:
        if config.stat().st_size > _LARGEST_CONFIG:
            return False
        found = json.loads(config.read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(found, dict) and any(key in found for key in _KEYS)
