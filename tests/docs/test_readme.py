from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.running import environment
from tests.docs.blocks import ROOT, blocks, commands

TRAINER, LOOP = blocks("README.md", "python")
(BY_HAND,) = blocks("README.md", "bash")
(TRANSCRIPT,) = blocks("README.md", "text")
MAKE = re.findall(r"^ {4}make (\w+)", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
CHANGING = re.compile(r"[0-9a-f]{64}|\d{8}_\d{6}_[0-9a-f]{5}|\d{4}-\d\d-\d\dT[\d:.]+Z?|[0-9a-f]{16}…|\b\d+\b|\S*/\S+")
"""What differs from run to run: digests, run ids, times, key ids, counts, paths."""


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What each command of the README prints, after its loop has run, in the order in which they stand there."""
    folder = tmp_path_factory.mktemp("readme")
    (folder / "model").mkdir()
    (folder / "model" / "weights.bin").write_bytes(b"weights")
    (folder / "cognify").write_text(
        f'#!/bin/sh\nexec {sys.executable} -c "from cognify_core.cli import app; app()" "$@"\n'
    )
    (folder / "cognify").chmod(0o755)
    run(folder, [sys.executable, "-c", LOOP])
    return {command: run(folder, ["bash", "-c", command]) for command in [*commands("README.md"), BY_HAND]}


def run(folder: Path, command: list[str]) -> str:
    where = environment(folder / "home", PATH=f"{folder}:{os.environ['PATH']}")
    result = subprocess.run(command, cwd=folder, env=where, capture_output=True, text=True, check=False, timeout=120)
    assert result.returncode == 0, f"{command[-1]}\n{result.stdout}{result.stderr}"
    return result.stdout


@pytest.mark.slow
def test_every_command_does_what_the_readme_says(said: dict[str, str]) -> None:
    assert said["cognify verify last"].endswith("(exit code 0)\n")


@pytest.mark.slow
def test_the_check_by_hand_agrees_with_the_package_hash(said: dict[str, str]) -> None:
    exported = said["cognify export last --output audit.json"]
    digest, verdict = said[BY_HAND].split("  audit.json\n")
    assert f"sha256:{digest}" in exported
    assert verdict == "Verified OK\n"


@pytest.mark.slow
def test_the_transcript_is_what_is_printed(said: dict[str, str]) -> None:
    printed = {shape(line) for output in said.values() for line in output.splitlines()}
    shown = [line for line in TRANSCRIPT.splitlines() if line and not line.startswith("$ ")]
    assert [line for line in shown if shape(line) not in printed] == []


def shape(line: str) -> str:
    return " ".join(CHANGING.sub("…", line).split())


@pytest.mark.parametrize("target", MAKE)
def test_make_runs_scripts_that_exist(target: str) -> None:
    result = subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True, check=True)
    scripts = re.findall(r"\b(?:examples|tests)/\w+\.py", result.stdout)
    assert scripts
    assert [script for script in scripts if not (ROOT / script).is_file()] == []


@pytest.mark.slow
@pytest.mark.training
def test_the_one_line_of_code_records_seals_and_exports_a_training(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    before = """
from datasets import Dataset
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments
shape = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32, "vocab_size": 64}
model = BertForSequenceClassification(BertConfig(**shape))
args = TrainingArguments("out", max_steps=2, save_steps=1, report_to=[], use_cpu=True, disable_tqdm=True)
train = Dataset.from_dict({"input_ids": [[1, 2, 3]] * 8, "attention_mask": [[1, 1, 1]] * 8, "labels": [0, 1] * 4})
"""
    run(tmp_path, [sys.executable, "-c", before + TRAINER])
    (package,) = (tmp_path / "home" / "packages").glob("*/run_????????_??????_?????.json")
    assert '"id":"ckpt_step_2"' in package.read_text("utf-8")
