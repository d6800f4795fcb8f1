"""A Hugging Face model card (README.md): metadata with the model index, then what the record says, in Markdown.

Whatever stands in a record is printed, and is neither Markdown, HTML nor YAML: every punctuation mark of it is escaped.
"""

from __future__ import annotations

import math
import re
import string
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import yaml

from cognify_core.export.document.datasheets import declared
from cognify_core.export.document.graph import distinct_datasets, evaluated_on, node_name, sources
from cognify_core.export.document.measured import HOW, interval_of, measured
from cognify_core.export.document.model_facts import architecture, method, model_values, origin, parameters
from cognify_core.export.document.sections_limits import person
from cognify_core.export.document.told_gaps import owner, told_gaps
from cognify_core.export.dossier import Dossier, Told
from cognify_core.export.templates.template import Template
from cognify_core.export.watched import Watch, unwatched
from cognify_core.model.evaluation_facts import EvaluationFacts
from cognify_core.model.events import EvaluationSeen
from cognify_core.model.shown import plain

RENDERER = "cognify-hf-card/1"
"""Changes whenever the same inputs would give other bytes."""
MOST = 2000
"""The characters of a text, and the rows of a table, that a card prints at most; the JSON package has all."""
ROWS = 100
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(?:/[A-Za-z0-9][\w.-]{0,95})?", re.ASCII)
_TASKS = (
    ("ForCausalLM", "text-generation"),
    ("LMHeadModel", "text-generation"),
    ("ForSequenceClassification", "text-classification"),
    ("ForTokenClassification", "token-classification"),
    ("ForQuestionAnswering", "question-answering"),
    ("ForMaskedLM", "fill-mask"),
    ("ForConditionalGeneration", "text2text-generation"),
    ("ForImageClassification", "image-classification"),
    ("ForCTC", "automatic-speech-recognition"),
)
_KINDS = {
    "intended_use": "Intended use",
    "limitation": "Known limitations",
    "failure_mode": "Known failure modes",
    "bias": "Known biases",
    "risk": "Risks",
    "tradeoff": "Trade-offs",
}
_ESCAPES = {mark: f"\\{mark}" for mark in string.punctuation if mark not in ",;%?'\""} | {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    "@": "&#64;",
}
_ESCAPED = str.maketrans(_ESCAPES)


def render_dossier(dossier: Dossier, template: Template | None, watch: Watch = unwatched) -> bytes:  # noqa: ARG001
    """The card's bytes.

    Raises:
        FormatError: an input is not what it should be.
    """
    return f"---\n{_front_matter(dossier)}---\n\n{_body(dossier)}".encode()


def markdown(text: object) -> str:
    """A text on one line of Markdown, every mark of which is only a mark."""
    shown = plain(text)
    if len(shown) > MOST:
        shown = f"{shown[:MOST]} … [{len(shown) - MOST:,} more characters in the JSON package]"
    return shown.translate(_ESCAPED)


# -- the metadata


def _front_matter(dossier: Dossier) -> str:
    bases = [told.body.name for told in dossier.base_models if _HUB_ID.fullmatch(told.body.name)]
    is_adapter = isinstance(model_values(dossier).get("peft"), dict)
    results = list(_results(dossier))
    metadata: dict[str, Any] = {
        **({"base_model": bases[0], "base_model_relation": "adapter" if is_adapter else "finetune"} if bases else {}),
        "library_name": "peft" if is_adapter else "transformers" if model_values(dossier) else None,
        "pipeline_tag": _task(dossier),
        "tags": ["cognify", "audit-trail"],
        **({"model-index": [{"name": _one_line(_name(dossier)), "results": results}]} if results else {}),
    }
    known = {key: value for key, value in metadata.items() if value is not None}
    return yaml.safe_dump(known, sort_keys=False, allow_unicode=True, width=10**9)


def _results(dossier: Dossier) -> Iterator[dict[str, Any]]:
    behind = evaluated_on(dossier, dossier.evaluations)
    for told in {told.body.name: told for told in dossier.evaluations}.values():  # the last of each name
        facts = EvaluationFacts.of(told.body.facts)
        data = behind[node_name(dossier, told)]
        name = data[0].body.name if data else told.body.name
        metrics = [
            {"type": _slug(metric.name), "value": metric.value, "name": _one_line(metric.name)}
            for metric in measured(told.body, facts)
            if metric.value is not None and math.isfinite(metric.value)
        ]
        if metrics:
            dataset = {"name": _one_line(name), "type": _slug(name)}
            yield {"task": {"type": _task(dossier) or "other"}, "dataset": dataset, "metrics": metrics}


def _task(dossier: Dossier) -> str | None:
    values = model_values(dossier).get("model")
    names = values.get("architectures") if isinstance(values, dict) else None
    for name in names if isinstance(names, list) else []:
        for ending, task in _TASKS:
            if isinstance(name, str) and name.endswith(ending):
                return task
    return None


def _name(dossier: Dossier) -> str:
    opened = dossier.opened.body
    return dossier.profile.system_name or opened.name or opened.project


def _one_line(text: str) -> str:
    return plain(text)[:200]


def _slug(text: str) -> str:
    """A name as the Hub writes those of datasets and metrics."""
    return re.sub(r"[^\w.-]+", "-", text, flags=re.ASCII).strip("-.")[:96].lower() or "unnamed"


# -- the text


def _body(dossier: Dossier) -> str:
    chapters = (
        (_name(dossier), _lead(dossier)),
        ("Model", _model(dossier)),
        ("Training data", _data(dossier)),
        ("Evaluation", _evaluation(dossier)),
        *((title, _notes(dossier, kind)) for kind, title in _KINDS.items()),
        ("Restrictions", _restrictions(dossier)),
        ("What could not be seen", _gaps(dossier)),
        ("How to check this card", _how_to_check(dossier)),
    )
    told = []
    for place, (title, lines) in enumerate(chapters):
        paragraphs = list(lines)
        if paragraphs:
            told.append(f"{'#' if place == 0 else '##'} {markdown(title)}\n\n" + "\n".join(paragraphs) + "\n")
    return "\n".join(told)


def _lead(dossier: Dossier) -> Iterator[str]:
    if dossier.banner:
        yield f"**{markdown(dossier.banner)}**\n"
    project, how = markdown(dossier.opened.body.project), dossier.closed.body
    whole = "complete" if how.complete else "not complete"
    yield f"Made from the record of run `{dossier.run_id}` of project {project}."
    yield f"The run ended {how.status}, and the record is {whole}."
    if dossier.profile.intended_purpose and dossier.profile.intended_purpose.text:
        yield f"\nIntended purpose: {markdown(dossier.profile.intended_purpose.text)}"


def _model(dossier: Dossier) -> Iterator[str]:
    yield f"* Architecture: {markdown(architecture(dossier) or 'not recorded')}"
    yield f"* Parameters: {markdown(parameters(dossier))}"
    yield f"* Fine-tuning method: {markdown(method(dossier) or 'not recorded')}"
    for told in dossier.base_models:
        yield f"* Base model: {markdown(told.body.name)} (`{told.body.hash}`)"
        yield from (f"* Base model {title}: {markdown(text)}" for title, text in origin(told))
    if last := dossier.last_checkpoint:
        yield f"* Last checkpoint: step {last.body.step} (`{last.body.hash}`)"


def _data(dossier: Dossier) -> Iterator[str]:
    datasets, behind = distinct_datasets(dossier), sources(dossier)
    rows = [
        (
            markdown(data.body.name),
            markdown(data.role),
            "not counted" if data.body.record_count is None else f"{data.body.record_count:,}",
            markdown(declared(data, behind[data.names[0]], "source_category") or "undeclared"),
            markdown(declared(data, behind[data.names[0]], "licence") or "undeclared"),
            f"`{data.body.hash}`",
        )
        for data in datasets
    ]
    return _table(("Dataset", "Role", "Records", "Source category", "Licence", "Digest"), rows)


def _evaluation(dossier: Dossier) -> Iterator[str]:
    rows, names = [], Counter(told.body.name for told in dossier.evaluations)
    for told in dossier.evaluations:
        facts = EvaluationFacts.of(told.body.facts)
        rows += [
            (
                markdown(_called(told, names)),
                markdown(metric.name),
                "not defined" if metric.value is None else repr(metric.value),
                "not recorded" if metric.n is None else f"{metric.n:,}",
                markdown(interval_of(metric) or "none recorded"),
                markdown(HOW[facts.how]),
            )
            for metric in measured(told.body, facts)
        ]
    return _table(("Evaluation", "Metric", "Value", "n", "Interval", "How"), rows)


def _called(told: Told[EvaluationSeen], names: Counter[str]) -> str:
    """Its name, and its step where that is what tells it from another."""
    body = told.body
    return body.name if body.step is None or names[body.name] == 1 else f"{body.name}, step {body.step:,}"


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    if not rows:
        yield "None is recorded."
        return
    yield f"| {' | '.join(headings)} |"
    yield f"| {' | '.join('---' for _ in headings)} |"
    yield from (f"| {' | '.join(row)} |" for row in rows[-ROWS:])
    if len(rows) > ROWS:
        yield f"\n{len(rows) - ROWS:,} earlier rows stand in the JSON package."


def _notes(dossier: Dossier, kind: str) -> Iterable[str]:
    texts = [told.body.text for told in dossier.notes if told.body.note_kind == kind]
    if not texts and kind in ("limitation", "failure_mode"):
        return ["None is recorded. That is no statement that there is none."]
    return [f"* {markdown(text)}" for text in texts[:ROWS]]


def _restrictions(dossier: Dossier) -> Iterator[str]:
    profile = dossier.profile
    yield from (f"* {markdown(text)}" for text in profile.deployment_restrictions)
    if not profile.deployment_restrictions:
        yield "* No deployment restriction is stated."
    if policy := profile.acceptable_use_policy:
        yield f"* Acceptable-use policy: {markdown(policy.url or policy.path)} (`{policy.sha256 or 'no digest'}`)"
    if profile.stated_by:
        yield f"* Stated by {markdown(person(profile.stated_by))}"


def _gaps(dossier: Dossier) -> Iterator[str]:
    found = told_gaps(dossier)
    if not found:
        yield "The record names no gap."
    for each in found[:ROWS]:
        whose = owner(dossier.profile, each.gap.owner)
        yield f"* {markdown(each.gap.subject)}: {markdown(each.gap.reason)}; owner: {markdown(whose)}"


def _how_to_check(dossier: Dossier) -> Iterator[str]:
    for seal in dossier.seals[:1]:
        yield f"The record holds {seal.size:,} events under the Merkle root `{seal.root}`, sealed {seal.sealed_at}"
        yield f"(time {seal.time}) with the key `{seal.key_id}`."
    yield "`cognify verify` checks this file against its receipt, which lies beside it as `<file>.sigstore.json`."
    yield f"The JSON package (`cognify export {dossier.run_id}`) holds everything from which it was made."
