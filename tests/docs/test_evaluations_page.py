"""The blocks of the page on evaluations, as they stand; that of the harness is run beside the harness's own tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cognify_core import api
from tests.api.evaluating.recorded import recorded
from tests.docs.blocks import ROOT, blocks

pytest.importorskip("sklearn")
pytest.importorskip("pyarrow")
PAGE = "docs/evaluations.md"
ROWS, _, TOLD = blocks(PAGE, "python")


def test_the_blocks_of_the_page_run_and_record_what_it_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    api.init(home=tmp_path / "home", quiet=True, mode="on")
    names: dict[str, Any] = {}
    exec(compile(ROWS + TOLD, PAGE, "exec"), names)  # noqa: S102 - the page's own code
    assert capsys.readouterr().out == "{'accuracy': 1.0, 'f1': 1.0, 'balanced_accuracy': 1.0}\n"
    told = recorded(names["run"].id)
    api.this_session().workspace.close()
    assert {name: (one.body.assurance, one.facts.how) for name, one in told.items()} == {
        "held out": ("content", "computed"),
        "clinic study": ("declared", "declared"),
    }
    assert told["held out"].inputs == ("ds_held_out_rows_v1",)
    assert told["held out"].facts.overlap is not None
    assert told["held out"].facts.overlap.status == "compared"


def test_the_page_names_every_option_and_every_metric() -> None:
    from cognify_core.api.evaluating.metrics import NAMES
    from cognify_core.api.evaluating.predictions import HowToEvaluate

    page = (ROOT / PAGE).read_text("utf-8")
    named = {name.partition("_")[0] if name.startswith(("f1_", "precision_", "recall_")) else name for name in NAMES}
    assert [name for name in (*named, *HowToEvaluate.__dataclass_fields__) if f"`{name}`" not in page] == []
