"""Page one: the five headings under which a reader looks first. Every one says what is missing, too."""

from __future__ import annotations

from collections.abc import Iterable

from cognify_core.export.document.blocks import Cell, Prose, Table
from cognify_core.export.document.cells import count, cut, digest, gap, joined, listed, mono, plain, table
from cognify_core.export.document.datasheets import data_owner, declared
from cognify_core.export.document.graph import distinct_datasets, evaluated_on, node_name, sources
from cognify_core.export.document.measured import best_known
from cognify_core.export.document.model_facts import architecture, method, parameters, weights_told
from cognify_core.export.document.sections_limits import LIMITS, notes_of, person
from cognify_core.export.document.told_gaps import owner
from cognify_core.export.dossier import Dossier
from cognify_core.export.templates.eu_ai_act.performance import evaluation_text
from cognify_core.export.templates.statements import document, profile_evidence

SHOWN = 3
"""Rows of one kind; the chapters hold the others."""
HEADINGS = (
    "Model identification",
    "Training data",
    "Performance on standard benchmarks",
    "Known limitations and failure modes",
    "Deployment restrictions and acceptable-use policy",
)
Row = tuple[str, Cell]


def five_headings(dossier: Dossier) -> tuple[Prose | Table, ...]:
    """The five headings as one table."""
    parts = (_model, _data, _performance, _limits, _restrictions)
    rows = [
        (plain(heading if place == 0 else ""), plain(item), cell)
        for heading, part in zip(HEADINGS, parts, strict=True)
        for place, (item, cell) in enumerate(part(dossier))
    ]
    return (table(dossier, (("Heading", 1.6), ("Item", 1.4), ("What is recorded or stated", 5.0)), rows),)


def _model(dossier: Dossier) -> Iterable[Row]:
    shape, how, number = architecture(dossier), method(dossier), parameters(dossier)
    whose = owner(dossier.profile, "engineer", "annex_iv/2(c)")
    configs = dossier.configs[:1]
    missing = f"not recorded; owner: {whose}"
    yield "Architecture", plain(shape, *configs) if shape else gap(missing)
    yield "Parameters", plain(str(number), *weights_told(dossier)) if number.total else gap(missing)
    yield "Fine-tuning method", plain(how, *configs) if how else gap(missing)
    for base in dossier.base_models[:1]:
        yield "Base model", mono(f"{cut(base.body.name, 200)} {base.body.hash}", base)


def _data(dossier: Dossier) -> Iterable[Row]:
    datasets, behind = distinct_datasets(dossier), sources(dossier)
    if not datasets:
        yield "Datasets", gap(f"none is recorded; owner: {data_owner(dossier)}")
    for data in datasets[:SHOWN]:
        number = data.body.record_count
        records = "records not counted" if number is None else count(number, "record")
        category = declared(data, behind[data.names[0]], "source_category")
        yield cut(data.body.name, 60), digest(data.body.hash, *data.every[:2])
        text = f"{records}, role {cut(data.role, 60)}, source category "
        yield "", plain(f"{text}{category}") if category else gap(f"{text}undeclared; owner: {data_owner(dossier)}")
    if len(datasets) > SHOWN:
        yield "Further datasets", plain(f"{count(len(datasets) - SHOWN)}: see Data provenance")


def _performance(dossier: Dossier) -> Iterable[Row]:
    found = list(best_known(dossier, SHOWN))
    if not found:
        yield "Evaluations", gap(f"none is recorded; owner: {owner(dossier.profile, 'engineer', 'annex_iv/2(g)')}")
    behind = evaluated_on(dossier, (told for told, _ in found))
    for told, facts in found:
        data = listed(item.names[0] for item in behind[node_name(dossier, told)]) or "a dataset that is not recorded"
        yield cut(told.body.name, 60), plain(f"{evaluation_text(told, facts)}; on {data}", told)


def _limits(dossier: Dossier) -> Iterable[Row]:
    for kind in LIMITS:
        title, notes = kind.replace("_", " ").capitalize(), notes_of(dossier, (kind,))
        if not notes:
            yield title, gap(f"none noted; owner: {owner(dossier.profile, 'engineer', 'annex_iv/3')}")
        for note in notes[:SHOWN]:
            yield title, plain(cut(note.body.text, 300), note)
        if len(notes) > SHOWN:
            yield title, plain(f"{count(len(notes) - SHOWN)} more: see Limitations")


def _restrictions(dossier: Dossier) -> Iterable[Row]:
    profile, evidence = dossier.profile, profile_evidence(dossier)
    missing = f"none stated in the profile; owner: {owner(profile, 'compliance', 'annex_iv/1(h)')}"
    limits = profile.deployment_restrictions
    for limit in limits[:SHOWN]:
        yield "Deployment restrictions", plain(limit, *evidence)
    if not limits:
        yield "Deployment restrictions", gap(missing)
    if len(limits) > SHOWN:
        yield "Deployment restrictions", plain(f"{count(len(limits) - SHOWN)} more: see Limitations")
    says, _ = document(profile.acceptable_use_policy)
    yield "Acceptable-use policy", plain(joined(says), *evidence) if says else gap(missing)
    if profile.stated_by:
        yield "Stated by", plain(person(profile.stated_by), *evidence)
