from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from cognify_core.canonical import encode
from cognify_core.export.document.blocks import Composed
from cognify_core.export.document.report import compose_report
from cognify_core.export.dossier import Dossier
from cognify_core.export.templates.eu_ai_act import TEMPLATE as EU_AI_ACT
from cognify_core.export.templates.hipaa import TEMPLATE as HIPAA
from cognify_core.model.digest import Digest
from tests.export.document.dossiers import (
    KNOWN,
    PERSON,
    access,
    attestation,
    bare,
    base_model,
    cited,
    dossier,
    environment,
    metrics,
    model,
    opening,
    phase,
    profile,
    release,
    rich,
    texts,
)
from tests.factories import checkpoint, config, dataset, evaluation, gap, note, opened, sealed_run, whole

COMPOSERS: dict[str, Callable[[Dossier], Composed]] = {
    "report": compose_report,
    "eu_ai_act": EU_AI_ACT.compose,
    "hipaa": HIPAA.compose,
}
HOSTILE = {
    "markup": '<img src="http://127.0.0.1/x"><b>&amp;<para>',
    "formula": "=cmd|' /C calc'!A0",
    "control": "a\x00b\x1b[31m\r\nc",
    "right to left": "\u202eevil\u2066 שלום",
    "emoji": "🙈🏽‍🙉 中",
    "path": "/etc/passwd file:///etc/passwd",
    "long": "x" * 40_000,
}
FORBIDDEN = re.compile(r"compliant|certified|guarantee", re.IGNORECASE)
LONGEST = 5_000


def hostile(text: str) -> Dossier:
    """A dossier in which every string that anybody chooses is this one."""
    short = text[:190]
    facts: dict[str, Any] = {
        "machine": text,
        "python": [text],
        "git": {"commit": text},
        "total_flos": text,
        "bytes": text,
    }
    arguments = encode({"format": "cognify.config/v1", "redaction": "v1", "config": {"model": {text: {text: [text]}}}})
    bodies = (
        environment(**facts),
        config(id=short, hash=Digest.of(arguments), facts={"training_arguments_defaulted": [text]}),
        dataset(name=text, role=text, id=short, location=text, provenance={text: text, "licence": text}),
        base_model(name=text, facts=facts | dict.fromkeys(("total", "revision", "revision_by", "license"), text)),
        model(id=short, facts=facts),
        phase(text, **facts),
        phase("training_started", device=text),
        phase("training_ended", **facts),
        checkpoint(20, location=text, inputs=()),
        evaluation(name=text, results={text: 0.5}, facts={"form": "cognify.evaluation/v1", "metrics": text}),
        evaluation(ref="b", id="b", facts={"form": "cognify.evaluation/v1", "rationale": text, "said": {text: text}}),
        metrics(),
        note(text=text, note_kind=text),
        note(text=text, note_kind="limitation", subject=text),
        gap(subject=text, reason=text, mend=text, owner=text),
        attestation(claim=text, by=text, role=text, meaning=text, subject=text, facts={text: text}),
        attestation(form="phi", by=text, facts={"basis": text, "identifiers": text}, datasets=()),
        attestation(form="encryption_at_rest", by=text, subject=text, facts={"encrypted": text}),
        release(approved_by=text, role=text, ran_by=text, meaning=text, market_date="2026-02-31"),
        access(text, text, action=text, subject=text, auth=text),
        profile(**_profile(text)),
    )
    run = sealed_run(
        whole(bodies, opening=opened(project=text, name=text, tags={text: text}, recorder=text), status="FAILED"),
        manifests={**KNOWN, str(Digest.of(arguments)): arguments},
    )
    return Dossier.of(run, openings=(opening(text), opening(text, "ip")))


def _profile(text: str) -> dict[str, Any]:
    person, answer = {**PERSON, "name": text, "role": text}, {"text": text, "reference": {"url": text, "title": text}}
    return {
        "stated_by": person,
        "provider": {"name": text},
        "system_name": text,
        "intended_purpose": answer,
        "deployment_restrictions": [text],
        "acceptable_use_policy": {"path": text},
        "incident_policy": {"url": text},
        "standards": [text],
        "metric_rationale": {text: text},
        "gap_owners": {text: text, "engineer": text},
        "base_compute": {text: {"flop": 1e20, "source": text}},
        "hipaa": {"security_official": text, "vendors": [{"name": text}], "weights_rationale": text},
    }


@pytest.mark.parametrize("name", COMPOSERS)
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_text_in_every_field_is_only_text_and_long_text_is_cut(name: str, text: str) -> None:
    composed = COMPOSERS[name](hostile(text))
    told = texts(composed)
    assert any(text[:100] in each for each in told)
    assert max(map(len, told)) < LONGEST


@pytest.mark.parametrize("name", COMPOSERS)
@pytest.mark.parametrize("told", [dossier(), bare(), rich()], ids=["empty", "bare", "rich"])
def test_no_document_says_more_than_it_knows(name: str, told: Dossier) -> None:
    assert [text for text in texts(COMPOSERS[name](told)) if FORBIDDEN.search(text)] == []


@pytest.mark.parametrize("name", COMPOSERS)
def test_everything_that_is_cited_stands_in_the_index(name: str) -> None:
    told = rich()
    assert set(cited(COMPOSERS[name](told))) <= set(told.evidence)


@pytest.mark.parametrize("name", COMPOSERS)
def test_the_same_inputs_compose_the_same_document(name: str) -> None:
    assert COMPOSERS[name](rich()) == COMPOSERS[name](rich())


@pytest.mark.parametrize(
    "facts", [{"total_flos": {"$int": "x"}}, {"total_flos": {"$float": "Infinity"}}, {"tokens": True}]
)
def test_numbers_that_are_none_are_not_estimated_with(facts: dict[str, Any]) -> None:
    assert "not derivable" in "\n".join(texts(EU_AI_ACT.compose(dossier(phase("training_ended", **facts)))))


@pytest.mark.parametrize("tensors", [b"[[1]]", b"7", b'[["a","F32","x","y"]]', b'[["a","F32",["x"],"y"]]'])
def test_a_manifest_of_weights_that_is_none_has_no_parameters(tensors: bytes) -> None:
    data = b'{"format":"cognify.weights/v1","names":"memory","tensors":' + tensors + b"}"
    told = model(hash=Digest.of(data))
    run = sealed_run(whole([told]), manifests={str(Digest.of(data)): data})
    assert "no weights with shapes" in "\n".join(texts(compose_report(Dossier.of(run))))


def test_neither_hash_seed_nor_time_zone_nor_language_changes_a_document() -> None:
    program = (
        "from hashlib import sha256\n"
        "from tests.export.templates.test_hostile import COMPOSERS, rich\n"
        "print(*(sha256(repr(compose(rich())).encode()).hexdigest() for compose in COMPOSERS.values()))\n"
    )
    said = set()
    for seed, zone, language in (("1", "UTC", "C.UTF-8"), ("77", "Asia/Tokyo", "de_DE.UTF-8")):
        env = {"PYTHONHASHSEED": seed, "TZ": zone, "LANG": language}
        ran = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True)
        said.add(ran.stdout)
    assert len(said) == 1
