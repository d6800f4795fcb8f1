"""Which training texts an evaluation is compared with, and what is said where it cannot be."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from cognify_core import api
from cognify_core.errors import ConfigurationError
from cognify_core.model.evaluation_facts import Overlap
from tests.api.evaluating.recorded import recorded

pytestmark = pytest.mark.usefixtures("home")

TRAIN = [
    {"text": f"the training text number {n} which is long enough to have thirteen words in it", "y": n}
    for n in range(20)
]
EVAL = [
    {"text": TRAIN[3]["text"], "label": 1},
    {"text": f"Somebody says that {TRAIN[4]['text']}", "label": 0},
    {"text": "nothing that was ever read by anybody who trained this model before the day of today", "label": 0},
    {"text": "short", "label": 1},
]


def evaluated(data: Any = None, **options: Any) -> Overlap:
    """What is said of the overlap of an evaluation on `data`."""
    found = api.eval(lambda batch: [1] * len(batch), EVAL if data is None else data, resamples=0, **options)
    (facts,) = found.values()
    assert facts.overlap is not None
    return facts.overlap


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_texts_are_compared_with_those_that_the_run_was_fed() -> None:
    with api.run() as run:
        run.dataset(TRAIN, name="notes")
        found = evaluated()
    assert (found.status, found.n, found.not_compared) == ("compared", 13, ())
    (column,) = found.columns
    assert (column.column, column.trained, column.dataset) == ("text", "text", "notes")
    assert (column.eval_texts, column.train_texts, column.exact) == (4, 20, 1)
    assert (column.long_texts, column.overlapping, column.share) == (3, 2, 2 / 3)
    assert recorded(run.id)["evaluation"].facts.overlap == found


def test_after_the_seal_they_are_compared_all_the_same() -> None:
    with api.run() as run:
        run.dataset(TRAIN, name="notes")
    assert evaluated(run_id=run.id).columns[0].exact == 1


def test_rows_without_text_are_compared_through_what_they_came_from(tmp_path: Path) -> None:
    ids = pa.table({"input_ids": [[1, 2], [3, 4]]})
    with api.run() as run:
        live = api.this_session().current
        assert live is not None
        source = live.run.dataset(write(tmp_path / "notes.jsonl", TRAIN), name="notes", role="source")
        live.run.relate(source, live.run.dataset(ids, name="train", role="train"))
        found = evaluated(run_id=run.id)
    assert (found.status, [column.dataset for column in found.columns]) == ("compared", ["notes"])
    assert found.columns[0].exact == 1


def test_where_no_column_is_shared_nothing_is_compared_and_no_zero_stands_there() -> None:
    with api.run() as run:
        run.dataset([{"body": row["text"]} for row in TRAIN], name="notes")
        found = evaluated()
    assert (found.status, found.columns) == ("not comparable", ())
    assert found.reason is not None
    assert "notes: it shares no text column with the evaluation rows (its own: 'body')" in found.reason
    assert "cognify.dataset(" in found.reason


def test_columns_of_other_names_are_compared_where_somebody_says_which() -> None:
    with api.run() as run:
        run.dataset([{"body": row["text"]} for row in TRAIN], name="notes")
        found = evaluated(overlap={"text": "body"})
        assert (found.status, found.columns[0].column, found.columns[0].trained) == ("compared", "text", "body")
        assert evaluated(overlap={"text": "corpus"}, name="other").status == "not comparable"
        with pytest.raises(ConfigurationError, match=r"no text column 'question' in the evaluation rows \('text'\)"):
            evaluated(overlap={"question": "body"}, name="third")
    assert set(recorded(run.id)) == {"evaluation", "other"}


def test_what_was_only_partly_compared_says_what_was_not() -> None:
    with api.run() as run:
        run.dataset(TRAIN, name="notes")
        run.dataset([{"pixels": 1}], name="scans")
        found = evaluated()
    assert found.status == "partly compared"
    assert found.not_compared == ("scans: it shares no text column with the evaluation rows (its own: none)",)
    assert [column.dataset for column in found.columns] == ["notes"]


@pytest.mark.parametrize("rows", [[{"text": None}], [{"text": None, "label": 1}, {"text": None, "label": 0}]])
def test_columns_in_which_no_text_stands_are_not_compared(rows: list[dict[str, Any]]) -> None:
    with api.run() as run:
        run.dataset(pa.table({"text": pa.array([row["text"] for row in rows], pa.string())}), name="empty")
        found = evaluated()
    assert found.status == "not comparable"
    assert "no text to compare in its column 'text'" in (found.reason or "")


def test_a_run_that_was_fed_nothing_has_nothing_to_compare_with() -> None:
    with api.run():
        assert evaluated().reason == (
            'the run names no training data; cognify.dataset("<the files>", name="…") before the training says where '
            "its texts are"
        )


def test_data_that_are_gone_are_not_compared() -> None:
    with api.run() as run:
        table = pa.table({"text": ["a"]})
        run.dataset(pytest.importorskip("datasets").Dataset(table), name="notes")
        live = api.this_session().current
        assert live is not None
        live.run.wait()
        found = evaluated()
    assert "notes: it is a stream, or no longer in memory" in (found.reason or "")


def test_nobody_has_to_compare() -> None:
    with api.run() as run:
        run.dataset(TRAIN, name="notes")
        assert evaluated(overlap=False).status == "not asked"
        assert api.eval({"f1": 1.0}, name="told", dataset=EVAL)["told"].overlap is None
        told = api.eval({"f1": 1.0}, name="asked", dataset=EVAL, overlap=True)["asked"].overlap
        assert told is not None
        assert told.columns[0].exact == 1
        nothing = api.eval({"f1": 1.0}, name="none", overlap=True)["none"].overlap
    assert nothing == Overlap(status="not comparable", reason="nobody has the evaluation rows")


def test_the_same_texts_are_looked_for_once() -> None:
    with api.run() as run:
        run.dataset(TRAIN, name="notes")
        first = evaluated(name="first")
        reads = api.this_session().workspace.reads(run.id)
        assert reads is not None
        assert len(reads.compared) == 1
        assert evaluated([dict(row) for row in EVAL], name="second") == first
        assert len(reads.compared) == 1


TRAINING = """
import sys, cognify
cognify.init(home=sys.argv[1], quiet=True)
with cognify.run() as run:
    run.dataset(sys.argv[2], name="notes")
print(run.id)
"""


@pytest.mark.slow
def test_another_process_reads_the_training_texts_where_the_record_says_they_lie(home: Path, tmp_path: Path) -> None:
    notes = write(tmp_path / "notes.jsonl", TRAIN)
    ran = [sys.executable, "-c", TRAINING, str(home), str(notes)]
    run_id = subprocess.run(ran, capture_output=True, text=True, check=True).stdout.strip()
    assert evaluated(run_id=run_id).columns[0].exact == 1
    write(notes, TRAIN[:3])
    found = evaluated(run_id=run_id, name="later")
    assert (found.status, found.columns) == ("not comparable", ())
    assert "notes: what lies there now is not what the run read" in (found.reason or "")
    notes.unlink()
    assert evaluated(run_id=run_id, name="at last").status == "not comparable"
