"""Results that the lm-evaluation-harness gave to somebody else, as its command writes them; it is not needed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cognify_core import api
from cognify_integrations.lm_eval import HARNESS
from tests.api.evaluating.recorded import recorded

RESULTS: dict[str, Any] = {
    "results": {
        "gsm8k": {
            "name": "gsm8k",
            "alias": "gsm8k",
            "sample_len": 200,
            "exact_match,strict-match": 0.25,
            "exact_match_stderr,strict-match": 0.03,
            "exact_match,flexible-extract": 0.5,
            "exact_match_stderr,flexible-extract": "N/A",
        },
        "wikitext": {"alias": "wikitext", "word_perplexity,none": 12.5, "word_perplexity_stderr,none": "N/A"},
        "a group without results": {"alias": " - group", "acc,none": " "},
    },
    "group_subtasks": {"a group without results": ["gsm8k"]},
    "configs": {"gsm8k": {"task": "gsm8k", "doc_to_text": "Question: {{question}}"}, "wikitext": {"task": "wikitext"}},
    "versions": {"gsm8k": 3.0, "wikitext": 2.0},
    "n-shot": {"gsm8k": 5, "wikitext": 0},
    "higher_is_better": {"gsm8k": {"exact_match": True}, "wikitext": {"word_perplexity": False}},
    "n-samples": {"gsm8k": {"original": 1319, "effective": 200}},
    "config": {"model": "hf", "model_args": {"pretrained": "some/model"}, "limit": 200.0, "fewshot_seed": 1234},
    "lm_eval_version": "0.4.9",
}


@pytest.fixture(autouse=True)
def home(tmp_path: Path) -> Iterator[Path]:
    api.init(home=tmp_path / "home", quiet=True, project="triage", mode="on")
    yield tmp_path / "home"
    session = api.this_session()
    session.settle(timeout=30)
    session.workspace.close()


def test_each_task_is_an_evaluation_that_is_declared() -> None:
    with api.run("trained") as run:
        api.eval(results=json.loads(json.dumps(RESULTS)), by="a laboratory")
    told = recorded(run.id)
    assert set(told) == {"gsm8k", "wikitext"}
    gsm8k = told["gsm8k"]
    assert (gsm8k.body.assurance, gsm8k.facts.how) == ("declared", "declared")
    strict, flexible = gsm8k.facts.metrics
    assert (strict.name, strict.value, strict.stderr, strict.n) == ("exact_match,strict-match", 0.25, 0.03, 200)
    assert strict.interval is not None
    assert strict.interval.low == pytest.approx(0.25 - 1.96 * 0.03, abs=1e-4)
    assert (flexible.name, flexible.stderr, flexible.interval) == ("exact_match,flexible-extract", None, None)
    harness = gsm8k.facts.harness
    assert harness is not None
    assert (harness.version, harness.task_version, harness.fewshot) == ("0.4.9", "3.0", 5)
    assert (harness.limit, harness.documents, harness.seeds) == (200, 1319, {"fewshot_seed": 1234})
    assert (harness.model, harness.model_args) == ("hf", {"pretrained": "some/model"})
    assert gsm8k.facts.said == {"by": "a laboratory"}
    (perplexity,) = told["wikitext"].facts.metrics
    assert (perplexity.name, perplexity.direction) == ("word_perplexity", "lower")


def test_a_name_of_ones_own_stands_before_those_of_the_tasks() -> None:
    with api.run("trained"):
        assert set(api.eval(results=RESULTS, name="theirs")) == {"theirs_gsm8k", "theirs_wikitext"}


@pytest.mark.parametrize("results", [{"results": {"f1": 1}}, {"f1": 1.0}, {}])
def test_results_of_others_are_not_its_own(results: dict[str, Any]) -> None:
    assert HARNESS.read(results) is None


def test_hostile_results_are_read_as_what_they_are() -> None:
    told = HARNESS.read({**RESULTS, "results": {"=x\ud800": {"acc,<b>": 1e400, "acc_stderr,<b>": "=cmd"}}, "config": 3})
    assert told is not None
    (found,) = told
    assert found.name == "=x\\ud800"
    assert (found.facts.metrics[0].name, found.facts.metrics[0].value) == ("acc,<b>", None)
