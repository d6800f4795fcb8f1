"""The narrated summary: only what is recorded, and every sentence with the entries of the index that it rests on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from cognify_core.export.document.blocks import Prose, Section
from cognify_core.export.document.cells import bullets, count, cut, figure, listed, mapping, moment, said, sentence
from cognify_core.export.document.graph import distinct_datasets
from cognify_core.export.document.model_facts import method, parameters, weights_told
from cognify_core.export.document.outcome import what_came_out
from cognify_core.export.document.seals import age_of
from cognify_core.export.document.sections_config import flat, is_default
from cognify_core.export.document.told_gaps import told_gaps
from cognify_core.export.dossier import Dossier


def summary(dossier: Dossier) -> Section:
    """The run in a dozen sentences."""
    return Section("Summary", (bullets((*_run(dossier), *what_it_is(dossier))),))


def what_it_is(dossier: Dossier) -> Iterator[Prose]:
    """The sentences of the summary that do not say how the run ended."""
    for part in (_place, _model, _data, _configuration, _training, what_came_out, _open, _sealed):
        yield from part(dossier)


def _run(dossier: Dossier) -> Iterator[Prose]:
    opened, closed = dossier.opened, dossier.closed
    name = f" ({cut(opened.body.name, 80)})" if opened.body.name else ""
    yield sentence(
        f"Run {dossier.run_id}{name} of project {cut(opened.body.project, 80)} was opened on {moment(opened.time)} and "
        f"closed on {moment(closed.time)} with status {closed.body.status}.",
        opened,
        closed,
    )
    events = count(sum(closed.body.counts.values()) + 1, "event")
    if closed.body.complete:
        yield sentence(f"Its record holds {events} and states that it is complete.", closed)
    else:
        yield sentence(
            f"Its record holds {events} and states that it is not complete: {listed(closed.body.reasons)}.", closed
        )
    for failed in dossier.failures[:3]:
        yield sentence(f"While recording, {cut(failed.body.where, 80)} failed: {cut(failed.body.error, 300)}.", failed)


def _place(dossier: Dossier) -> Iterator[Prose]:
    for told in dossier.environments[:1]:
        facts = told.body.facts
        python, machine = mapping(facts.get("python")), mapping(facts.get("machine"))
        if python and machine:
            gpus = machine.get("gpus")
            devices = count(len(gpus), "GPU") if isinstance(gpus, list) and gpus else "no GPU"
            yield sentence(
                f"It ran in {count(dossier.world_size, 'process', 'processes')} on Python "
                f"{said(python.get('version'), 40)}, {said(machine.get('os'), 80)}, with {devices} and "
                f"{said(machine.get('cores'), 20)} processor cores.",
                told,
            )
    for code in dossier.codes[:1]:
        git = mapping(code.body.facts.get("git"))
        if git.get("commit"):
            state = "with uncommitted changes" if git.get("dirty") else "without uncommitted changes"
            yield sentence(f"The program is at git commit {said(git['commit'], 80)}, {state}.", code)


def _model(dossier: Dossier) -> Iterator[Prose]:
    for base in dossier.base_models[:2]:
        matched, total = base.body.facts.get("matched"), base.body.facts.get("total")
        known = f"; {said(matched, 20)} of the {total} tensors in memory are those of its files"
        found = known if isinstance(total, int) else ""
        yield sentence(f"Training started from the base model {cut(base.body.name, 200)}{found}.", base)
    how = method(dossier)
    if how is not None:
        yield sentence(f"Fine-tuning method: {how}.", *dossier.configs[:1])
    if parameters(dossier).total is not None:
        yield sentence(f"Parameters, counted from recorded shapes: {parameters(dossier)}.", *weights_told(dossier))


def _data(dossier: Dossier) -> Iterator[Prose]:
    datasets = distinct_datasets(dossier)
    for role in dict.fromkeys(dataset.body.role for dataset in datasets):
        group = [dataset for dataset in datasets if dataset.body.role == role]
        known = [dataset.body.record_count for dataset in group if dataset.body.record_count is not None]
        records = f", {count(sum(known), 'record')} in all" if len(known) == len(group) else ""
        yield sentence(
            f"{count(len(group), 'dataset')} with the role {cut(role, 60)}{records}: "
            f"{listed(dataset.body.name for dataset in group)}.",
            *(dataset.first for dataset in group),
        )


def _configuration(dossier: Dossier) -> Iterator[Prose]:
    for told in dossier.configs[:2]:
        value, defaulted = dossier.manifest(told), told.body.facts.get("training_arguments_defaulted")
        arguments = value.get("training_arguments") if isinstance(value, dict) else None
        if isinstance(arguments, dict) and isinstance(defaulted, list):
            names, known = [name for name, _ in flat(arguments)], frozenset(map(str, defaulted))
            share = f"{count(sum(not is_default(name, known) for name in names))} of {count(len(names), 'value')}"
            yield sentence(f"Training arguments in {told.node_id} off the library's defaults: {share}.", told)


def _training(dossier: Dossier) -> Iterator[Prose]:
    begun = [told for told in dossier.phases if told.body.phase == "training_started"]
    ended = [told for told in dossier.phases if told.body.phase == "training_ended"]
    if begun and ended:
        seconds = (datetime.fromisoformat(ended[-1].time) - datetime.fromisoformat(begun[0].time)).total_seconds()
        steps = ended[-1].body.facts.get("global_step")
        reached = f" and reached step {count(steps)}" if isinstance(steps, int) else ""
        yield sentence(f"Training took {figure(round(seconds, 1))} seconds{reached}.", begun[0], ended[-1])
    elif begun:
        yield sentence("Training began, and the record does not say that it ended.", begun[0])


def _open(dossier: Dossier) -> Iterator[Prose]:
    found = told_gaps(dossier)
    if found:
        yield sentence(f"{count(len(found), 'gap')} recorded and listed with owners.", *(item.told for item in found))


def _sealed(dossier: Dossier) -> Iterator[Prose]:
    for seal in dossier.seals[:1]:
        later = count(len(dossier.seals) - 1, "addendum", "addenda")
        yield sentence(
            f"The record was sealed on {moment(seal.sealed_at)} by the key {seal.key_id}; {later} sealed after it. "
            f"{age_of(seal)}",
            *dossier.evidence_of("seal"),
        )
