"""Annex IV, points 2(a) to 2(d): how the system was built, of what, on what."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from cognify_core.canonical import Json
from cognify_core.export.document.cells import count, cut, figure, listed, mapping, said, shown
from cognify_core.export.document.datasheets import ASKED, undeclared
from cognify_core.export.document.graph import distinct_datasets
from cognify_core.export.document.model_facts import architecture, method, origin, parameters, weights_told
from cognify_core.export.document.sections_limits import notes_of
from cognify_core.export.dossier import Dossier, Told
from cognify_core.export.templates.eu_ai_act.compute import estimates, flop
from cognify_core.export.templates.points import Findings, Point, answered
from cognify_core.export.templates.template import Answer
from cognify_core.model.events import BaseModelSeen

_CHOICES = (
    "learning_rate",
    "optim",
    "lr_scheduler_type",
    "num_train_epochs",
    "max_steps",
    "per_device_train_batch_size",
    "gradient_accumulation_steps",
    "loss_type",
    "beta",
    "weight_decay",
    "warmup_steps",
    "seed",
)
DATASETS = 8
"""Datasets that a row names one by one."""


def methods(dossier: Dossier, point: Point) -> Answer:
    """2(a): base model, method, program, with the digests that identify each."""
    found = Findings()
    for base in dossier.base_models[:3]:
        told = "".join(f", {title} {text}" for title, text in origin(base))
        name = cut(base.body.name, 200)
        found.add(f"Pre-trained model used: {name}{told}, weights {base.body.hash}{_matched(base)}", base)
    how = method(dossier)
    found.add(f"How it was modified: {how}" if how else None, *dossier.configs[:1])
    for code in dossier.codes[:2]:
        git = mapping(code.body.facts.get("git"))
        dirty = ", with uncommitted changes" if git.get("dirty") else ""
        found.add(f"Program: git commit {said(git.get('commit'), 80)}{dirty}, digest {code.body.hash}", code)
    for config in dossier.configs[:2]:
        found.add(f"Configuration {config.node_id}, digest {config.body.hash}", config)
    found.lack("the pre-trained model: none is recorded", when=not dossier.base_models)
    found.lack("the program: no code is recorded", when=not dossier.codes)
    own = f"how other parties' systems and tools were integrated: answers → {point.name} in the profile"
    return answered(dossier, point, found, own=own)


def _matched(base: Told[BaseModelSeen]) -> str:
    """How much of the model in memory it is: what else is there was put on top, or replaced a part of it."""
    facts = base.body.facts
    if not isinstance(facts.get("total"), int):
        return ""
    new = [
        said(name, 100) for key in ("changed", "extra") if isinstance(names := facts.get(key), list) for name in names
    ]
    others = f"; others: {listed(new)}" if new else ""
    return f"; {said(facts.get('matched'), 20)} of the {count(facts['total'])} tensors in memory are its own{others}"


def design(dossier: Dossier, point: Point) -> Answer:
    """2(b): choices out of the configuration, their reasons out of notes."""
    found = Findings()
    for told in dossier.configs[:2]:
        value = mapping(dossier.manifest(told))
        arguments: Mapping[str, Json] = mapping(value.get("training_arguments")) or value
        chosen = [f"{name} {shown(arguments[name], 60)}" for name in _CHOICES if arguments.get(name) is not None]
        found.add(f"Choices in {told.node_id}: {listed(chosen, len(_CHOICES))}" if chosen else None, told)
    reasons = notes_of(dossier, ("rationale", "tradeoff"))
    for note in reasons[:6]:
        found.add(f"{note.body.note_kind.capitalize()}: {cut(note.body.text)}", note, source="notes")
    found.lack('reasons and assumptions of key choices: cognify.note(…, kind="rationale")', when=not reasons)
    own = (
        "the persons or groups on whom it is to be used, and the expected output and its quality: "
        f"answers → {point.name} in the profile"
    )
    return answered(dossier, point, found, own=own)


def architecture_and_compute(dossier: Dossier, point: Point) -> Answer:
    """2(c): architecture and parameters; the hardware, time and operations of the training."""
    found, shape = Findings(), architecture(dossier)
    found.add(f"Architecture: {shape}" if shape else None, *dossier.configs[:1])
    if parameters(dossier).total is not None:
        found.add(f"Parameters, counted from shapes: {parameters(dossier)}", *weights_told(dossier))
    for told in dossier.environments[:2]:
        machine = mapping(told.body.facts.get("machine"))
        gpus = machine.get("gpus")
        devices = listed(map(_gpu, gpus), 16) if isinstance(gpus, list) and gpus else "no GPU"
        found.add(
            f"Training hardware: {devices}; {said(machine.get('cpu'), 80)}, {said(machine.get('cores'), 20)} cores, "
            f"{said(machine.get('memory_bytes'), 30)} bytes of memory",
            told,
        )
    _training(dossier, found)
    for estimate in estimates(dossier):
        found.add(f"Operations of the training: {flop(estimate.flop)}. {estimate.method}", *estimate.evidence)
    found.lack("the energy that was used: it is not measured")
    own = f"how the software components of the system build on each other: answers → {point.name} in the profile"
    return answered(dossier, point, found, own=own)


def _gpu(gpu: Json) -> str:
    """One device as environments record it: `{"name": …, "memory_mib": …}`."""
    known = mapping(gpu)
    return f"{said(known.get('name'), 80)} ({said(known.get('memory_mib'), 20)} MiB)" if known else said(gpu, 80)


def _training(dossier: Dossier, found: Findings) -> None:
    begun = [told for told in dossier.phases if told.body.phase == "training_started"]
    ended = [told for told in dossier.phases if told.body.phase == "training_ended"]
    if not begun or not ended:
        return
    seconds = (datetime.fromisoformat(ended[-1].time) - datetime.fromisoformat(begun[0].time)).total_seconds()
    processes, steps = count(dossier.world_size, "process", "processes"), ended[-1].body.facts.get("global_step")
    found.add(
        f"Training time: {figure(round(seconds, 1))} seconds in {processes}, {said(steps, 20)} steps, device "
        f"{said(begun[0].body.facts.get('device'), 40)}",
        begun[0],
        ended[-1],
    )


def data(dossier: Dossier, point: Point) -> Answer:
    """2(d): datasets with digests and counts; their datasheets as far as they were declared."""
    found, datasets = Findings(), distinct_datasets(dossier)
    for dataset in datasets[:DATASETS]:
        number = dataset.body.record_count
        records = "records not counted" if number is None else count(number, "record")
        found.add(
            f"{cut(dataset.body.name, 80)} ({cut(dataset.role, 60)}): {records}, {dataset.body.hash}", *dataset.every
        )
    left = len(datasets) - DATASETS
    found.add(f"{count(left, 'further dataset')}: see Data provenance" if left > 0 else None)
    for asked, title in ASKED.items():
        lacking = [dataset.body.name for dataset in undeclared(dossier, asked)] if datasets else []
        found.lack(f"{title}, for {listed(lacking, 3)}: cognify.dataset(…, {asked}=…)", when=bool(lacking))
    return answered(dossier, point, found)
