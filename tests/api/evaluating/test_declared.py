"""Results that somebody tells. These need no extra."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from cognify_core import api
from cognify_core.errors import ConfigurationError, RunNotFoundError, RunStateError
from cognify_core.model.evaluation_facts import Interval
from tests.api.evaluating.recorded import recorded

pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture
def ended(home: Path, tmp_path: Path) -> str:
    """A sealed run with one checkpoint."""
    (tmp_path / "weights.bin").write_bytes(b"weights")
    with api.run("trained") as run:
        run.checkpoint(tmp_path / "weights.bin", step=3)
    return run.id


def test_results_of_others_are_declared_with_all_that_was_said_of_them(ended: str) -> None:
    api.eval(
        results={"f1": {"value": 0.5, "n": 200, "low": 0.4, "high": 0.6, "direction": "higher"}, "loss": 2},
        name="their benchmark",
        by="Some Laboratory",
        objective="annex_iv/2(g)",
        rationale="F1 balances both kinds of error.",
        run_id=ended,
    )
    told = recorded(ended)["their benchmark"]
    assert (told.body.assurance, told.facts.how) == ("declared", "declared")
    f1, loss = told.facts.metrics
    assert (f1.value, f1.n, f1.direction) == (0.5, 200, "higher")
    assert f1.interval == Interval(low=0.4, high=0.6, method="as declared")
    assert (loss.name, loss.value, told.body.results["loss"]) == ("loss", 2.0, {"$float": "2"})
    assert (told.facts.said, told.facts.objective) == ({"by": "Some Laboratory"}, "annex_iv/2(g)")
    assert told.facts.rationale == "F1 balances both kinds of error."


def test_results_may_be_the_first_argument(ended: str) -> None:
    assert api.eval({"accuracy": 0.9}, name="short", run_id=ended)["short"].results == {"accuracy": 0.9}
    assert recorded(ended)["short"].facts.how == "declared"


def test_a_result_that_is_not_finite_is_recorded_as_what_it_is(ended: str) -> None:
    api.eval({"loss": math.inf, "f1": math.nan}, name="odd", run_id=ended)
    told = recorded(ended)["odd"]
    assert told.facts.metrics[0].value == math.inf
    assert math.isnan(told.facts.metrics[1].value or 0)


def test_hostile_text_is_recorded_as_text(ended: str) -> None:
    hostile = "=cmd <img src=x> \x00\x1b[31m\u202e\ud800"
    api.eval({hostile: 0.5}, name=hostile.replace("\ud800", ""), said=hostile, run_id=ended)
    (told,) = recorded(ended).values()
    assert told.facts.problem is None
    assert told.facts.metrics[0].value == 0.5


def test_an_evaluation_comes_from_the_weights_that_somebody_names(ended: str) -> None:
    api.eval({"f1": 0.5}, name="of it", of="ckpt_step_3", run_id=ended)
    told = recorded(ended)["of it"]
    assert told.inputs == (f"{ended}/ckpt_step_3",)
    assert told.facts.model == "ckpt_step_3"


def test_within_a_block_the_named_weights_are_of_the_same_record(tmp_path: Path) -> None:
    (tmp_path / "weights.bin").write_bytes(b"weights")
    with api.run() as run:
        run.checkpoint(tmp_path / "weights.bin", step=7)
        api.eval({"f1": 0.5}, name="now", of="ckpt_step_7")
    assert recorded(run.id)["now"].inputs == ("ckpt_step_7",)


def test_weights_that_are_not_there_are_refused_with_those_that_are(ended: str) -> None:
    with pytest.raises(ConfigurationError, match=r"'ckpt_step_4' names no weights .*; there are: ckpt_step_3"):
        api.eval({"f1": 0.5}, name="x", of="ckpt_step_4", run_id=ended)
    assert not recorded(ended)


def test_an_evaluation_of_a_step_is_of_its_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "weights.bin").write_bytes(b"weights")
    with api.run() as run:
        api.eval({"f1": 0.5}, name="midway", step=7)
        run.checkpoint(tmp_path / "weights.bin", step=7)
    assert "ckpt_step_7" in recorded(run.id)["midway"].inputs


@pytest.mark.parametrize(
    ("results", "message"),
    [
        ({}, "has no result"),
        ({"f1": "high"}, "'f1' is no number: 'high'"),
        ({"f1": None}, "'f1' is no number"),
        ({"f1": {"value": "high"}}, "'f1' is no number"),
        ({"f1": 10**400}, "'f1' is too large for a double"),
        ({"f1": {"n": 3}}, "can be told value, .* and the value is missing"),
        ({"f1": {"value": 1, "size": 3}}, "can be told value, .*, not 'size'"),
        ({"f1": {"value": 1, "low": 0}}, "both ends: low and high"),
        ({"f1": {"value": 1, "low": 0, "high": "x"}}, "the result 'f1': high"),
        ({"f1": {"value": 1, "n": "many"}}, "the result 'f1': n"),
        ({"f1": {"value": 1, "direction": "up"}}, "the result 'f1': direction"),
    ],
)
def test_what_cannot_be_a_result_is_refused_and_nothing_is_recorded(ended: str, results: object, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        api.eval(results=results, name="x", run_id=ended)  # type: ignore[arg-type]
    assert not recorded(ended)


def test_results_have_a_name(ended: str) -> None:
    with pytest.raises(ConfigurationError, match="what is this evaluation called"):
        api.eval({"f1": 0.5}, run_id=ended)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"what": len},
        {"what": len, "results": {"f1": 1}},
        {"what": len, "data": [1], "tasks": ["x"]},
        {"data": [1]},
        {"tasks": ["x"]},
        {"results": {"f1": 1}, "tasks": ["x"]},
    ],
)
def test_arguments_that_do_not_go_together_are_refused_with_the_three_forms(ended: str, arguments: object) -> None:
    with pytest.raises(ConfigurationError, match=r"what is to be evaluated\? .*predict, data.*tasks=.*results="):
        api.eval(**arguments, run_id=ended)  # type: ignore[arg-type]


def test_a_harness_that_nobody_has_is_refused_with_those_that_are_there(ended: str) -> None:
    with pytest.raises(ConfigurationError, match="which harness runs the tasks"):
        api.eval(len, tasks=["x"], harness="none such", run_id=ended)


def test_there_is_a_run_to_say_it_of() -> None:
    with pytest.raises(RunNotFoundError):
        api.eval({"f1": 0.5}, name="x", run_id="run_20250912_143022_a7f3c")


def test_a_run_that_is_not_sealed_takes_no_evaluation() -> None:
    with api.run(seal="manual") as run:
        pass
    with pytest.raises(RunStateError, match="seal it first"):
        api.eval({"f1": 0.5}, name="x", run_id=run.id)


def test_where_nothing_is_recorded_what_was_told_is_still_checked_and_returned(tmp_path: Path) -> None:
    api.init(home=tmp_path / "unused", mode="off", quiet=True)
    assert api.eval({"f1": 0.5}, name="x")["x"].results == {"f1": 0.5}
    with pytest.raises(ConfigurationError, match="is no number"):
        api.eval({"f1": "high"}, name="x")
    assert not (tmp_path / "unused").exists()
