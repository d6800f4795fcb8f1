"""Annex IV, point 1: the general description of the AI system."""

from __future__ import annotations

from cognify_core.export.document.cells import count, cut, listed, mapping, shown
from cognify_core.export.document.model_facts import tensors, weight_forms
from cognify_core.export.document.sections_limits import notes_of
from cognify_core.export.dossier import Dossier
from cognify_core.export.templates.points import Findings, Point, answered, by_people, orientation
from cognify_core.export.templates.statements import Statement, said_by_profile, stated
from cognify_core.export.templates.template import Answer

_PACKAGES = (
    "torch",
    "transformers",
    "peft",
    "trl",
    "accelerate",
    "datasets",
    "tokenizers",
    "safetensors",
    "lightning",
    "pytorch-lightning",
    "cognify-audit",
)


def purpose_and_version(dossier: Dossier, point: Point) -> Answer:
    """1(a): the record knows the version and where it came from, the profile what it is for and whose it is."""
    found, profile = Findings(), dossier.profile
    root = f", Merkle root {dossier.seals[0].root}" if dossier.seals else ""
    found.add(f"Version: run {dossier.run_id}{root}", dossier.opened, *dossier.evidence_of("seal"))
    for base in dossier.base_models[:2]:
        found.add(f"Derived from the base model {cut(base.body.name, 200)}, weights {base.body.hash}", base)
    for release in dossier.releases[-1:]:
        found.add(f"Supersedes: {release.body.supersedes or 'no run that is named'}", release)
    for note in notes_of(dossier, ("intended_use",))[:3]:
        found.add(f"Intended use, as noted: {cut(note.body.text)}", note, source="notes")
    system = " ".join(filter(None, (profile.system_name, profile.system_version)))
    statements = (
        stated(dossier, profile.intended_purpose, "Intended purpose"),
        _provider(dossier),
        said_by_profile(dossier, f"System: {system}") if system else None,
    )
    found.lack("the intended purpose: intended_purpose in the profile", when=profile.intended_purpose is None)
    found.lack("the provider's name: provider in the profile", when=profile.provider is None)
    found.lack("the system's name and version: system_name, system_version", when=not system)
    return answered(dossier, point, found, statements)


def _provider(dossier: Dossier) -> Statement | None:
    provider = dossier.profile.provider
    if provider is None:
        return None
    whose = ", ".join(filter(None, (provider.name, provider.address, provider.contact)))
    said: tuple[str, ...] = (f"Provider: {whose}",)
    if provider.authorised_representative:
        said = (*said, f"Authorised representative: {provider.authorised_representative}")
    return said_by_profile(dossier, *said)


def software(dossier: Dossier, point: Point) -> Answer:
    """1(c): versions out of the recorded environment; rules for updates come from people."""
    found = Findings()
    for told in dossier.environments[:2]:
        facts, manifest = told.body.facts, mapping(dossier.manifest(told))
        packages, machine = mapping(manifest.get("packages")), mapping(facts.get("machine"))
        versions = [f"{name} {shown(packages[name], 40)}" for name in _PACKAGES if name in packages]
        python = shown(mapping(facts.get("python")).get("version"), 40)
        found.add(f"Software: Python {python}, {listed(versions, len(_PACKAGES)) or 'no package of note'}", told)
        found.add(
            f"Operating system {shown(machine.get('os'), 80)}, GPU driver {shown(machine.get('gpu_driver'), 40)}; all "
            f"{shown(facts.get('packages'), 20)} packages are in the lock {shown(facts.get('lock'), 80)}",
            told,
        )
    return answered(dossier, point, found, own=f"requirements for updates: answers → {point.name} in the profile")


def forms(dossier: Dossier, point: Point) -> Answer:
    """1(d): the forms in which weights were stored; how they reach anyone comes from people."""
    found, stored = Findings(), weight_forms(dossier)
    if stored:
        found.add(f"Weights were stored as {listed(stored)}", *dossier.checkpoints[-1:])
    own = f"how it is placed on the market or put into service: answers → {point.name} in the profile"
    return answered(dossier, point, found, own=own)


def intended_hardware(dossier: Dossier, point: Point) -> Answer:
    """1(e): hardware that the system is to run on; never that on which it was trained, which is 2(c)."""
    answer = by_people(dossier, point)
    for told in (*dossier.models[-1:], *dossier.base_models[:1]):
        size = told.body.facts.get("bytes")
        if isinstance(size, int) and (number := tensors(dossier, told)):
            text = (
                f"{told.node_id} has {count(number)} parameters in {count(size)} bytes, the least that must be loaded"
            )
            answer = orientation(answer, text, told)
    return answer


def instructions(dossier: Dossier, point: Point) -> Answer:
    """1(h): the instructions for use."""
    return answered(dossier, point, Findings(), (stated(dossier, dossier.profile.instructions_for_use),))
