from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from huggingface_hub import EvalResult, ModelCard
from markdown_it import MarkdownIt
from markdown_it.token import Token

from cognify_core.export.cyclonedx import document
from cognify_core.export.dossier import Dossier
from cognify_core.export.formats import export_format
from cognify_core.export.model_card import MOST, RENDERER, markdown, render_dossier
from tests.export.document.dossiers import bare, base_model, dossier, rich
from tests.export.templates.test_hostile import FORBIDDEN, HOSTILE, hostile
from tests.factories import checkpoint, evaluation

READER = MarkdownIt("commonmark", {"html": True}).enable("table")
INERT = {"text", "softbreak", "code_inline"}


def card(told: Dossier) -> Any:
    return ModelCard(render_dossier(told, None).decode())


def results(told: Dossier) -> list[EvalResult]:
    found: list[EvalResult] = card(told).data.eval_results or []
    return found


def leaves(text: str) -> list[Token]:
    return [leaf for token in READER.parse(text) for leaf in (token.children or [token])]


@pytest.mark.parametrize("told", [dossier(), bare(), rich()], ids=["empty", "bare", "rich"])
def test_the_hub_s_own_library_reads_the_card_and_writes_the_same_metadata(told: Dossier) -> None:
    read = card(told)
    again: Any = ModelCard(str(read))
    assert again.data.to_dict() == read.data.to_dict()
    assert read.data.library_name in (("peft", "transformers") if told.configs else (None,))


def test_evaluations_stand_in_the_model_index() -> None:
    (accuracy, loss) = results(rich())
    assert (accuracy.task_type, accuracy.dataset_name, accuracy.dataset_type) == (
        "text-generation", "held_out", "held_out",
    )  # fmt: skip
    assert (accuracy.metric_type, accuracy.metric_value) == ("accuracy", 0.9)
    assert (loss.metric_type, loss.metric_value) == ("eval_loss", 0.25)


def test_of_several_evaluations_of_one_name_the_last_is_in_the_index_and_all_are_in_the_text() -> None:
    told = dossier(
        evaluation(ref="a", id="eval_a", results={"f1": 0.25}), evaluation(ref="b", id="eval_b", results={"f1": 0.5})
    )
    assert [each.metric_value for each in results(told)] == [0.5]
    assert all(value in card(told).text for value in ("| 0.25 |", "| 0.5 |"))


def test_a_value_that_no_reader_of_yaml_takes_for_a_number_is_left_out_of_the_index() -> None:
    told = dossier(evaluation(results={"f1": {"$float": "NaN"}}))
    assert results(told) == []
    assert "| f1 | nan |" in card(told).text


def test_the_last_checkpoint_is_the_one_that_was_written_last_whichever_was_hashed_last() -> None:
    later, earlier = "2025-09-12T16:40:00.000000Z", "2025-09-12T16:20:00.000000Z"
    resumed = checkpoint(90, inputs=(), facts={"resumed": True}, at=later)
    told = dossier(checkpoint(40, inputs=(), at=later), checkpoint(20, inputs=(), at=earlier), resumed)
    assert [each.body.step for each in told.checkpoints] == [20, 40, 90]
    assert "* Last checkpoint: step 40 (" in render_dossier(told, None).decode()
    (part,) = document(told)["metadata"]["component"]["components"]
    assert part["name"] == "ckpt_step_40"


def test_a_library_is_named_only_where_a_configuration_of_it_is_recorded() -> None:
    assert "library_name" not in render_dossier(dossier(checkpoint(20, inputs=())), None).decode()


def test_evaluations_of_one_name_are_told_apart_by_their_steps() -> None:
    told = dossier(evaluation(step=20), evaluation(step=40, ref="eval-40", id="eval_final_step_40"))
    text = render_dossier(told, None).decode()
    assert ", step 20 | " in text
    assert ", step 40 | " in text


def test_a_base_model_is_named_only_where_its_name_can_be_one_of_the_hub() -> None:
    assert card(rich()).data.base_model == "meta-llama/Llama-3-8B"
    assert card(hostile("/home/me/model")).data.base_model is None


def test_what_is_declared_of_a_base_model_is_told_as_such_and_is_only_text() -> None:
    facts = {"revision": "0f3c" * 10, "revision_by": "transformers", "license": "<b>[x](y)"}
    told = render_dossier(dossier(base_model(facts=facts)), None).decode()
    assert f"* Base model revision: {'0f3c' * 10} \\(declared by transformers, not verified\\)\n" in told
    assert r"* Base model licence: &lt;b&gt;\[x\]\(y\) \(declared by its README\.md\)" in told


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_text_is_neither_yaml_nor_markdown_nor_html(text: str) -> None:
    read = card(hostile(text))
    assert read.data.to_dict().keys() <= {
        "base_model", "base_model_relation", "library_name", "pipeline_tag", "tags", "model-index", "model_index",
        "eval_results", "model_name",
    }  # fmt: skip
    kinds = {token.type for token in leaves(read.text)}
    assert not {kind for kind in kinds if "html" in kind or "link" in kind or "image" in kind or "code_block" in kind}


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "![x](https://example.org/x.png)",
        "[click](javascript:alert(1))",
        "https://example.org www.example.org me@example.org",
        "`code` **bold** _it_ ~~no~~ $x$",
        "# heading",
        "---",
        "| a | b |",
        "&lt;b&gt; &#60;",
        "1. one",
        "* star\n* star\n\n    code",
        "\\<b>",
        "[^1]: note",
        "::: warning",
        ":smile: #12 @someone",
    ],
)
def test_a_text_is_read_back_as_it_was_and_as_nothing_else(text: str) -> None:
    (paragraph,) = [token for token in READER.parse(f"a {markdown(text)}") if token.type == "inline"]
    assert {child.type for child in paragraph.children or []} == {"text"} or all(
        child.type in ("text", "text_special") for child in paragraph.children or []
    )
    shown = "".join(child.content for child in paragraph.children or [])
    assert shown == f"a {text}".replace("\n", r"\n").rstrip()


def test_a_long_text_is_cut_and_says_so() -> None:
    assert markdown("x" * (MOST + 7)).endswith(r"\[7 more characters in the JSON package\]")


def test_the_golden_card_is_rendered_again_byte_for_byte(golden: Callable[[str, bytes], None]) -> None:
    golden("README.md", render_dossier(rich(), None))


def test_the_card_says_no_more_than_it_knows() -> None:
    for told in (dossier(), bare(), rich()):
        assert not FORBIDDEN.search(render_dossier(told, None).decode())
    assert export_format("hf-card", None).version == RENDERER


def test_a_banner_stands_first() -> None:
    told: Any = rich()
    marked = Dossier.of(told.run, told.addenda, banner="The seal does not hold.")
    assert r"**The seal does not hold\.**" in card(marked).text.split("## ")[0]
