"""Whatever a training may hold, its run is sealed whole, and exported in every format."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pikepdf")
pytest.importorskip("openpyxl")

from cognify_core import api
from cognify_core.errors import ConfigurationError
from cognify_core.export.formats import FORMATS
from cognify_core.export.templates.registry import templates

PAIRS = [(kind, None) for kind in FORMATS] + [
    (kind, name) for name, template in templates().items() for kind in sorted(template.formats)
]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("odd") / "home"
    api.init(home=home, quiet=True, project="odd", mode="on")
    yield home
    session = api.this_session()
    session.settle(timeout=30)
    session.workspace.close()
    session.declared.clear()


@pytest.fixture(scope="module")
def sealed(home: Path) -> str:
    """A run whose configuration and metrics are as odd as they can be."""
    with api.run("odd") as run:
        odd = {"huge": 10**5000, "text": "a\udcffb", "bytes": b"\x00\xff", "$int": "5", 5: [float("nan"), -0.0]}
        run.config(odd, name="odd")
        run.log({"loss": 10**400, "accuracy": float("inf")}, step=1)
        run.log({"loss": 10**5000}, step=2)
        run.dataset([{"id": 10**30, "text": "row"}], name="rows")
    return run.id


@pytest.mark.parametrize(("kind", "template"), PAIRS, ids=["-".join(filter(None, pair)) for pair in PAIRS])
def test_a_run_of_odd_values_is_exported(sealed: str, kind: str, template: str | None, tmp_path: Path) -> None:
    package = api.export_audit(sealed, format=kind, template=template, path=tmp_path / "package")
    assert package.path.stat().st_size > 0


def test_what_comes_after_a_metric_that_is_none_is_recorded(sealed: str) -> None:
    lineage = api.show(sealed).lineage
    assert lineage is not None
    assert {"ds_rows_v1", "cfg_odd"} <= {node["id"] for node in lineage["nodes"]}


class Unkind:
    """An object that raises whatever it is asked."""

    def __getattr__(self, name: str) -> object:
        raise RuntimeError(f"no {name} today")

    def __str__(self) -> str:
        raise RuntimeError("no words today")

    __repr__ = __str__

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("nothing is like it today")

    __hash__ = object.__hash__


def nested(depth: int) -> dict[str, Any]:
    """A mapping in a mapping, deeper than Python goes down."""
    value: dict[str, Any] = {}
    for _ in range(depth):
        value = {"in": value}
    return value


ODD = {
    "nothing": None,
    "a number": 5,
    "a huge integer": [10**5000],
    "bytes": b"\xff",
    "a lone surrogate": "a\udcff",
    "something deep": nested(3000),
    "something unkind": Unkind(),
    "a long text": "x" * 100_000,
}
CALLS: dict[str, Callable[[Any, Any], object]] = {
    "metrics": lambda run, odd: run.log(odd, step=1),
    "the value of a metric": lambda run, odd: run.log({"loss": odd}, step=1),
    "the step of a metric": lambda run, odd: run.log({"loss": 1.0}, step=odd),
    "a configuration": lambda run, odd: run.config(odd, name="odd"),
    "the name of a configuration": lambda run, odd: run.config({"a": 1}, name=odd),
    "a dataset": lambda run, odd: run.dataset(odd, name="odd"),
    "the name of a dataset": lambda run, odd: run.dataset([{"a": 1}], name=odd),
    "the role of a dataset": lambda run, odd: run.dataset([{"a": 1}], name="odd_role", role=odd),
    "a checkpoint": lambda run, odd: run.checkpoint(odd, step=1),
    "the step of a checkpoint": lambda run, odd: run.checkpoint(__file__, step=odd),
    "weights": lambda run, odd: run.final_weights(odd, step=1),
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD.keys())
def test_nothing_that_a_run_is_told_stops_it(home: Path, odd: object) -> None:
    with api.run("told") as run:
        for call in CALLS.values():
            call(run, odd)
        run.config({"learning_rate": 0.1}, name="whole")
        run.log({"loss": 0.5}, step=3)
    for call in CALLS.values():
        call(run, odd)
    view = api.show(run.id)
    assert view.lineage is not None
    assert "cfg_whole" in {node["id"] for node in view.lineage["nodes"]}
    assert view.metrics["loss"]["last"] == 0.5
    assert api.verify(run.id).exit_code == 0


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (lambda: api.note(None), "a note is text, and no NoneType"),  # type: ignore[arg-type]
        (lambda: api.note("x", kind=7), "the kind of a note is text, and no int"),  # type: ignore[arg-type]
        (lambda: api.attest("x", by=None, role="head"), "a name is text"),  # type: ignore[arg-type]
        (lambda: api.eval(results=[0.5], name="x"), "results are names and numbers, .* and no list"),  # type: ignore[arg-type]
        (lambda: api.eval(results={"f1": 0.5}, name=3), "the name of an evaluation is text"),  # type: ignore[arg-type]
        (lambda: api.eval(results={"f1": Unkind()}, name="x"), "'f1' is no number: a Unkind"),
        (lambda: api.dataset([{"a": 1}], name=3), "the name of a dataset is text"),  # type: ignore[arg-type]
        (lambda: api.dataset("x" * 5000, name="x"), "no such file or folder exists"),
        (lambda: api.dataset([{"a": 1}], name="x", source_category="y" * 5000), "source_category cannot be 'y{80}'; "),
        (lambda: api.run(5).__enter__(), "name: Input should be a valid string"),  # type: ignore[arg-type]
        (lambda: api.run(tags={"team": []}).__enter__(), "tags.team: "),  # type: ignore[dict-item]
    ],
)
def test_what_a_person_says_in_another_form_is_refused_in_words(
    home: Path, said: Callable[[], object], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        said()


def test_a_tag_may_be_a_number(home: Path) -> None:
    api.init(home=home, quiet=True, run_tags={"site": 4})
    with api.run(tags={"epochs": 3, "warm": True, "team": "ml"}) as run:
        pass
    opened = json.loads(json.loads(api.export_audit(run.id).path.read_text())["record"]["events"][0])
    assert opened["tags"] == {"site": "4", "epochs": "3", "warm": "True", "team": "ml"}
