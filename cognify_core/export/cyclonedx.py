"""A CycloneDX 1.6 ML-BOM: the model, what it was made from and with, and how it did.

It is written by hand: no library has the model card yet. `hashes` are digests of files alone, which is what CycloneDX
means by them; the digest of a manifest, which stands for rows, trees and tensors, is a property.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

from cognify_core.canonical import encode
from cognify_core.export.document.datasheets import ASKED, declared
from cognify_core.export.document.graph import Dataset, distinct_datasets, node_name, sources
from cognify_core.export.document.measured import measured
from cognify_core.export.document.model_facts import (
    architecture,
    file_names,
    license_of,
    method,
    model_values,
    parameters,
    revision,
)
from cognify_core.export.dossier import Dossier, Told
from cognify_core.export.templates.template import Template
from cognify_core.export.watched import Watch, unwatched
from cognify_core.model.evaluation_facts import EvaluationFacts, Measured
from cognify_core.model.events import Artifact, BaseModelSeen, CheckpointSeen
from cognify_core.model.plain import text_of

RENDERER = "cognify-cyclonedx/1"
"""Changes whenever the same inputs would give other bytes."""
SCHEMA = "http://cyclonedx.org/schema/bom-1.6.schema.json"
Part = dict[str, Any]
_MODEL = "model"
_LIMITS = {"limitation", "failure_mode"}


def render_dossier(dossier: Dossier, template: Template | None, watch: Watch = unwatched) -> bytes:  # noqa: ARG001
    """The BOM's bytes, canonical JSON.

    Raises:
        FormatError: an input is not what it should be.
    """
    return encode(document(dossier))


def document(dossier: Dossier) -> Part:
    """The BOM. Its serial number is that of the record; each addendum makes a new version of it.

    Raises:
        FormatError: as `render_dossier`.
    """
    datasets, behind = distinct_datasets(dossier), sources(dossier)
    packages = list(_packages(dossier))
    components = [
        *(_base_model(dossier, told) for told in dossier.base_models),
        *(_dataset(data, behind[data.names[0]]) for data in datasets),
        *packages,
    ]
    return {
        "$schema": SCHEMA,
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{_serial(dossier)}",
        "version": 1 + len(dossier.addenda),
        "metadata": {
            "timestamp": dossier.seals[-1].sealed_at if dossier.seals else dossier.closed_at,
            "tools": {"components": [_recorder(dossier)]},
            "component": _model(dossier),
            "properties": _properties(_record_facts(dossier)),
        },
        "components": components,
        "dependencies": [
            {"ref": _MODEL, "dependsOn": [each["bom-ref"] for each in components]},
            *(
                {"ref": _ref(data.names[0]), "dependsOn": [_ref(each.names[0]) for each in behind[data.names[0]]]}
                for data in datasets
                if behind[data.names[0]]
            ),
        ],
        "compositions": [
            {
                "aggregate": "incomplete" if dossier.gaps or not dossier.closed.body.complete else "unknown",
                "assemblies": [_MODEL],
            }
        ],
    }


def _serial(dossier: Dossier) -> str:
    return str(uuid5(NAMESPACE_URL, f"https://cognify.dev/record/{dossier.run.record.manifest.root}"))


def _recorder(dossier: Dossier) -> Part:
    name, _, version = dossier.opened.body.recorder.partition(" ")
    return {"type": "application", "name": name or "unknown", **({"version": version} if version else {})}


def _record_facts(dossier: Dossier) -> Iterator[tuple[str, object]]:
    yield "renderer", RENDERER
    yield "run_id", dossier.run_id
    yield "project", dossier.opened.body.project
    yield "ended", dossier.closed.body.status
    yield "complete", dossier.closed.body.complete
    yield from (("incomplete", reason) for reason in dossier.closed.body.reasons)
    for seal in dossier.seals:
        of = "" if seal.addendum == 0 else f"addendum:{seal.addendum}:"
        yield f"{of}merkle_root", seal.root
        yield f"{of}statement", seal.statement
        yield f"{of}key_id", seal.key_id
        yield f"{of}sealed_at", f"{seal.sealed_at} (time {seal.time})"
    yield from (("gap", f"{gap.subject}: {gap.reason}") for gap in dossier.gaps)


def _model(dossier: Dossier) -> Part:
    profile, opened = dossier.profile, dossier.opened.body
    model: Part = {
        "type": "machine-learning-model",
        "bom-ref": _MODEL,
        "name": profile.system_name or opened.name or opened.project,
        "version": profile.system_version or dossier.run_id,
        "modelCard": _model_card(dossier),
        "properties": _properties(
            (
                ("fine_tuning_method", method(dossier)),
                ("parameters", str(parameters(dossier))),
                ("checkpoints", len(dossier.checkpoints)),
                *((told.node_id, told.body.hash) for told in dossier.models),
            )
        ),
    }
    if dossier.base_models:
        model["pedigree"] = {"ancestors": [_ancestor(told) for told in dossier.base_models]}
    if last := dossier.last_checkpoint:
        model["components"] = [_checkpoint(dossier, last)]
    return model


def _model_card(dossier: Dossier) -> Part:
    profile = dossier.profile
    values = model_values(dossier).get("model")
    family = values.get("model_type") if isinstance(values, dict) else None
    considerations = {
        "useCases": [profile.intended_purpose.text]
        if profile.intended_purpose and profile.intended_purpose.text
        else [],
        "technicalLimitations": [told.body.text for told in dossier.notes if told.body.note_kind in _LIMITS],
        "performanceTradeoffs": [told.body.text for told in dossier.notes if told.body.note_kind == "tradeoff"],
        "ethicalConsiderations": [{"name": text} for text in profile.deployment_restrictions],
    }
    card: Part = {
        "modelParameters": _known(
            {
                "architectureFamily": family if isinstance(family, str) else None,
                "modelArchitecture": architecture(dossier),
                "datasets": [{"ref": _ref(data.names[0])} for data in distinct_datasets(dossier)],
            }
        ),
        "quantitativeAnalysis": {"performanceMetrics": list(_metrics(dossier))},
        "considerations": {name: texts for name, texts in considerations.items() if texts},
    }
    return {name: part for name, part in card.items() if part}


def _metrics(dossier: Dossier) -> Iterator[Part]:
    for told in dossier.evaluations:
        facts = EvaluationFacts.of(told.body.facts)
        yield from (_metric(metric, told.body.name) for metric in measured(told.body, facts))
        for one in facts.slices:
            group = f"{told.body.name}, {one.by} = {text_of(one.value)} (n = {one.n})"
            yield from (_metric(metric, group) for metric in one.metrics)


def _metric(metric: Measured, of: str) -> Part:
    told: Part = {"type": metric.name, "slice": of}
    told["value"] = repr(metric.value) if metric.value is not None else f"not defined: {metric.reason or 'no reason'}"
    if metric.interval is not None:
        told["confidenceInterval"] = {
            "lowerBound": repr(metric.interval.low),
            "upperBound": repr(metric.interval.high),
        }
    return told


def _base_model(dossier: Dossier, told: Told[BaseModelSeen]) -> Part:
    return {"bom-ref": _ref(node_name(dossier, told)), **_ancestor(told)}


def _ancestor(told: Told[BaseModelSeen]) -> Part:
    version, licence = revision(told), license_of(told)
    known: Part = {} if version is None else {"version": version}
    if licence is not None:  # the Hub's names are no SPDX identifiers, which alone may stand under `id`
        known["licenses"] = [{"license": {"name": licence, "acknowledgement": "declared"}}]
    return {"type": "machine-learning-model", "name": told.body.name, **known, **_content(told)}


def _checkpoint(dossier: Dossier, told: Told[CheckpointSeen]) -> Part:
    """The last weights on disk, with the SHA-256 of each file where the record has a tree's manifest."""
    component = {
        "type": "machine-learning-model",
        "bom-ref": _ref(node_name(dossier, told)),
        "name": told.node_id,
        **_content(told),
    }
    files = list(_files(dossier, told))
    return component | ({"components": files} if files else {})


def _files(dossier: Dossier, told: Told[CheckpointSeen]) -> Iterator[Part]:
    for run in (dossier.run, *dossier.addenda):
        data = run.manifests.get(str(told.body.hash))
        if data is not None and file_names(dossier, told):
            lines = data.decode("utf-8", "backslashreplace").splitlines()[1:]
            for line in lines:
                digest, _, name = line.removeprefix("\\").partition("  ")
                yield {"type": "file", "name": name, "hashes": _hashes(digest)}
            return


def _dataset(dataset: Dataset, behind: Iterable[Dataset]) -> Part:
    body, behind = dataset.body, tuple(behind)
    said = ((title, declared(dataset, behind, asked)) for asked, title in ASKED.items())
    facts = (("records", body.record_count), ("location", body.location), *said)
    about = _known({"type": "dataset", "name": body.name, "description": dataset.role})
    contents = {"properties": _properties((name, value or "undeclared") for name, value in facts)}
    return {
        "type": "data",
        "bom-ref": _ref(dataset.names[0]),
        "name": body.name,
        "version": body.schema_version,
        "data": [{**about, "contents": contents}],
        **_content(dataset.first),
    }


def _packages(dossier: Dossier) -> Iterator[Part]:
    """The Python packages of the first environment that tells them."""
    for told in dossier.environments:
        value = dossier.manifest(told)
        packages = value.get("packages") if isinstance(value, dict) else None
        if isinstance(packages, dict) and packages:
            for name, version in packages.items():
                purl = (
                    f"pkg:pypi/{quote(name.lower().replace('_', '-'), safe='-._')}@{quote(text_of(version), safe='')}"
                )
                yield {
                    "type": "library",
                    "bom-ref": f"package:{name}",
                    "name": name,
                    "version": text_of(version),
                    "purl": purl,
                }
            return


def _content(told: Told[Artifact]) -> Part:
    """How the digest was obtained, and the digest: as a hash where it is that of a file."""
    body = told.body
    facts = (
        ("digest", body.hash or f"none: {body.reason or 'declared without one'}"),
        ("assurance", body.assurance),
        ("manifest", body.manifest),
        ("at", body.at),
    )
    hashes = {"hashes": _hashes(body.hash.hex)} if body.hash and body.manifest is None else {}
    return {**hashes, "properties": _properties(facts)}


def _hashes(digest: str) -> list[Part]:
    return [{"alg": "SHA-256", "content": digest}]


def _properties(facts: Iterable[tuple[str, object]]) -> list[Part]:
    return [{"name": f"cognify:{name}", "value": _text(value)} for name, value in facts if value is not None]


def _text(value: object) -> str:
    return text_of(value) if isinstance(value, bool) else str(value)


def _known(part: Part) -> Part:
    return {name: value for name, value in part.items() if value not in (None, [], "")}


def _ref(node: str) -> str:
    return f"node:{node}"
