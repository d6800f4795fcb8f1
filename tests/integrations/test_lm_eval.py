"""`cognify.eval(model, tasks=[…])`: the real harness on a real small model, with tasks of our own, offline."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest
import yaml

import cognify
from cognify_core import api
from cognify_core.canonical import encode
from cognify_core.errors import ConfigurationError
from cognify_core.model.digest import Digest
from tests.api.evaluating.recorded import package, recorded
from tests.docs.blocks import blocks
from tests.integrations import smollm

np = pytest.importorskip("numpy")
torch = pytest.importorskip("torch")
for needed in ("lm_eval", "transformers", "gguf", "pyarrow"):
    pytest.importorskip(needed)

if smollm.packaged() is None:
    pytest.skip("SmolLM2 is not installed", allow_module_level=True)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.training,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning"),
]
DOCUMENTS = [
    {"question": "The capital of France is", "choices": ["Paris", "banana"], "answer": 0},
    {"question": "Two plus two is", "choices": ["loud", "four"], "answer": 1},
    {"question": "Water that is frozen is called", "choices": ["ice", "Thursday"], "answer": 0},
    {"question": "The opposite of up is", "choices": ["down", "cheese"], "answer": 0},
]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    packaged = smollm.packaged()
    assert packaged is not None
    return smollm.save(packaged, tmp_path_factory.mktemp("smollm") / "model")


@pytest.fixture(scope="module")
def loaded(saved: Path) -> tuple[Any, Any]:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    return AutoModelForCausalLM.from_pretrained(saved), AutoTokenizer.from_pretrained(saved)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    home = tmp_path / "home"
    api.init(home=home, quiet=True, project="triage", mode="on")
    yield home
    session = api.this_session()
    session.settle(timeout=30)
    session.workspace.close()


@pytest.fixture
def task(tmp_path: Path) -> Path:
    """A task of our own: a YAML file, and the documents beside it."""
    documents, path = tmp_path / "documents.jsonl", tmp_path / "choices.yaml"
    documents.write_text("".join(json.dumps(each) + "\n" for each in DOCUMENTS))
    path.write_text(yaml.safe_dump(configuration(documents)))
    return path


def configuration(documents: Path, name: str = "our_choices") -> dict[str, Any]:
    return {
        "task": name,
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(documents)}, "cache_dir": str(documents.parent / "cache")},
        "test_split": "test",
        "output_type": "multiple_choice",
        "doc_to_text": "{{question}}",
        "doc_to_choice": "{{choices}}",
        "doc_to_target": "answer",
        "metric_list": [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}],
        "metadata": {"version": 2.5},
    }


def digest(rows: Any) -> str:
    from cognify_core.capture.rows import rows_outcome

    return str(rows_outcome(rows).hash)


def by_hand(model: Any, tokenizer: Any) -> float:
    """The accuracy of the choices by the likelihood that the model itself gives them."""
    right = 0
    for each in DOCUMENTS:
        said = []
        for choice in each["choices"]:  # type: ignore[attr-defined]
            before = tokenizer(each["question"])["input_ids"]
            ids = tokenizer(f"{each['question']} {choice}")["input_ids"]
            with torch.no_grad():
                scores = model(torch.tensor([ids])).logits.log_softmax(-1)[0]
            said.append(sum(float(scores[at - 1, ids[at]]) for at in range(len(before), len(ids))))
        right += said.index(max(said)) == each["answer"]
    return right / len(DOCUMENTS)


def test_a_task_that_lies_here_is_run_and_recorded_with_all_that_it_takes_to_run_it_again(
    home: Path, task: Path, loaded: tuple[Any, Any]
) -> None:
    model, tokenizer = loaded
    with api.run("trained") as run:
        run.dataset([{"question": "Two plus two is", "reply": "four"}], name="chats")
    found = api.eval(model, tasks=[task], tokenizer=tokenizer, batch_size=2, objective="annex_iv/2(g)", run_id=run.id)[
        "our_choices"
    ]
    told = recorded(run.id)["our_choices"]
    (accuracy,) = told.facts.metrics
    assert found.metrics == told.facts.metrics
    assert (accuracy.name, accuracy.n, accuracy.direction) == ("acc", 4, "higher")
    assert accuracy.value == by_hand(model, tokenizer)
    assert accuracy.interval is not None
    assert accuracy.interval.method == "normal, from the standard error"
    harness = told.facts.harness
    assert harness is not None
    assert (harness.name, harness.task, harness.task_version) == ("lm-evaluation-harness", "our_choices", "2.5")
    assert (harness.fewshot, harness.documents, harness.limit, harness.seeds["fewshot"]) == (0, 4, None, 1234)
    assert harness.version
    assert harness.task_config
    assert harness.prompt_template
    assert (told.body.assurance, told.facts.how, told.facts.objective) == ("content", "computed", "annex_iv/2(g)")
    assert told.setup["task"]["doc_to_text"] == "{{question}}"
    assert told.inputs == ("ds_our_choices_rows_v1",)


def test_its_documents_are_a_dataset_and_what_was_said_of_each_has_a_digest(
    home: Path, task: Path, loaded: tuple[Any, Any]
) -> None:
    with api.run("trained") as run:
        run.dataset([{"question": "Two plus two is", "reply": "four"}], name="chats")
    found = api.eval(loaded[0], tasks=[str(task)], tokenizer=loaded[1], name="mine")["mine"]
    (addendum,) = package(run.id)["addenda"]
    (node,) = (node for node in addendum["nodes"] if node["type"] == "dataset")
    assert (node["hash"], node["record_count"]) == (digest(DOCUMENTS), 4)
    (path,) = (home / "samples" / run.id).iterdir()
    assert found.samples is not None
    assert found.samples.digest == api.hash_path(path, as_="rows").hash
    first = json.loads(path.read_text().splitlines()[0])
    assert (first["doc_id"], first["target"], first["metric acc"]) == (0, "0", 1.0)
    assert found.overlap is not None
    (column,) = found.overlap.columns
    assert (column.column, column.dataset, column.exact, column.eval_texts) == ("question", "chats", 1, 4)


def test_a_part_of_the_documents_is_recorded_as_a_part(home: Path, task: Path, saved: Path) -> None:
    with api.run("trained") as run:
        pass
    found = api.eval(saved, tasks=task, limit=2, model_args={"device": "cpu"})["our_choices"]
    assert found.harness is not None
    assert (found.harness.limit, found.harness.documents, found.metrics[0].n) == (2, 4, 2)
    (addendum,) = package(run.id)["addenda"]
    (node,) = (node for node in addendum["nodes"] if node["type"] == "dataset")
    assert node["hash"] == digest(DOCUMENTS[:2])


def test_what_the_process_had_before_it_has_afterwards_and_no_network_is_asked(
    home: Path, task: Path, loaded: tuple[Any, Any]
) -> None:
    model, tokenizer = loaded
    model.train()
    pad, before = tokenizer.pad_token, (random.getstate(), repr(np.random.get_state()), torch.get_rng_state())
    with api.run("trained"):
        api.eval(model, tasks=[task], tokenizer=tokenizer)
    after = random.getstate(), repr(np.random.get_state()), torch.get_rng_state()
    assert (after[0], after[1]) == (before[0], before[1])
    assert torch.equal(after[2], before[2])
    assert model.training
    assert tokenizer.pad_token == pad


def test_a_group_has_results_of_its_own_where_it_adds_them_up(
    home: Path, task: Path, tmp_path: Path, loaded: tuple[Any, Any]
) -> None:
    documents = tmp_path / "documents.jsonl"
    group = {
        "group": "ours",
        "task": [configuration(documents, "one"), configuration(documents, "two")],
        "aggregate_metric_list": [{"metric": "acc", "aggregation": "mean", "weight_by_size": True}],
    }
    with api.run("trained") as run:
        pass
    folder = tmp_path / "groups"
    folder.mkdir()
    (folder / "ours.yaml").write_text(yaml.safe_dump(group))
    with pytest.raises(ConfigurationError, match="is a group of tasks: name it, and its folder by include_path"):
        api.eval(loaded[0], tasks=[folder / "ours.yaml"], tokenizer=loaded[1])
    api.eval(loaded[0], tasks=["ours"], include_path=folder, tokenizer=loaded[1])
    told = recorded(run.id)
    assert set(told) == {"ours", "ours::one", "ours::two"}
    harness = told["ours"].facts.harness
    assert harness is not None
    assert harness.subtasks == ("ours::one", "ours::two")
    assert told["ours"].facts.results == {"acc": told["ours::one"].facts.results["acc"]}
    assert told["ours"].inputs == ()
    assert len(told["ours::two"].inputs) == 1


@pytest.mark.parametrize(
    ("model", "tasks", "options", "message"),
    [
        ("x", ["no such file.yaml"], {}, "there is no task file 'no such file.yaml'"),
        ("x", [{"dataset_path": "json"}], {}, "a task is a YAML file, a name, or a dict with"),
        ("x", [{"task": [], "group": "g"}], {}, "a group is a name"),
        ("x", [7], {}, "a task is a YAML file, a name, or a dict with"),
        ("x", [], {}, "tasks names no task"),
        ("x", ["hellaswg"], {}, r"has no task 'hellaswg'; did you mean: .*hellaswag"),
        (
            "x",
            ["hellaswag"],
            {"fewshots": 3},
            "'fewshots' is no option of the lm-evaluation-harness; there are tok",
        ),
    ],
)
def test_tasks_and_options_that_are_none_are_refused_by_name(
    home: Path, model: Any, tasks: Any, options: Any, message: str
) -> None:
    with api.run("trained"), pytest.raises(ConfigurationError, match=message):
        api.eval(model, tasks=tasks, **options)


def test_a_model_that_is_none_or_lacks_its_tokenizer_is_refused(
    home: Path, task: Path, loaded: tuple[Any, Any]
) -> None:
    with api.run("trained") as run:
        with pytest.raises(ConfigurationError, match="takes a transformers model, its folder or name, or an LM"):
            api.eval(len, tasks=[task])
        with pytest.raises(ConfigurationError, match="a model needs its tokenizer"):
            api.eval(loaded[0], tasks=[task])
    assert not recorded(run.id)


def test_the_block_of_the_page_on_evaluations_runs_on_the_task_that_stands_there(
    home: Path, tmp_path: Path, loaded: tuple[Any, Any]
) -> None:
    _, block, _ = blocks("docs/evaluations.md", "python")
    (task,) = blocks("docs/evaluations.md", "yaml")
    (tmp_path / "arithmetic.jsonl").write_text("".join(json.dumps(each) + "\n" for each in DOCUMENTS))
    (tmp_path / "arithmetic.yaml").write_text(task)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{}")
    with api.run("trained") as run:
        run.final_weights(tmp_path / "model", step=1)
    with chdir(tmp_path):
        exec(block, {"cognify": cognify, "model": loaded[0], "tokenizer": loaded[1]})  # noqa: S102 - the page's own code
    told = recorded(run.id)["arithmetic_of_ours"]
    assert told.inputs == ("ds_arithmetic_of_ours_rows_v1", f"{run.id}/model_final")
    assert told.facts.harness is not None
    form = {"format": "cognify.config/v1", "redaction": "v1", "config": told.setup["task"]}
    assert told.facts.harness.task_config == Digest.of(encode(form))
