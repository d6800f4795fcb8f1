"""Dossiers to compose documents from, and how to read what was composed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from hashlib import sha256
from typing import Any

from cognify_core.canonical import encode
from cognify_core.export.document.blocks import Block, Cell, Composed, Facts, Prose, Section, Table
from cognify_core.export.dossier import Dossier
from cognify_core.export.inputs import SealedRun
from cognify_core.model.digest import Digest
from cognify_core.model.events import (
    Access,
    Attestation,
    BaseModelSeen,
    Body,
    EnvironmentSeen,
    Metrics,
    ModelSeen,
    Phase,
    ProfileSeen,
    Release,
)
from cognify_core.store.protocol import Opening
from tests.factories import (
    MANIFESTS,
    TIME,
    addendum,
    checkpoint,
    config,
    dataset,
    evaluation,
    gap,
    note,
    sealed_run,
    whole,
)

PERSON = {"name": "Ada Person", "role": "compliance officer", "on": "2026-01-31"}
SHA = f"sha256:{'5' * 64}"
ARGUMENTS = {
    "training_arguments": {
        "learning_rate": 0.0002,
        "optim": "adamw_torch",
        "seed": 42,
        "fsdp_config": {"min": 0, "xla": False},
    },
    "model": {"architectures": ["LlamaForCausalLM"], "num_hidden_layers": 2, "hidden_size": 8},
    "peft": {"peft_type": "LORA", "r": 4, "lora_alpha": 8, "target_modules": ["q_proj"]},
    "tokenizer": {"model_max_length": 512, "serialised_sha256": "6" * 64},
}


def dossier(
    *bodies: Body, addenda: Sequence[Sequence[Body]] = (), openings: Sequence[Opening] = (), **closing: Any
) -> Dossier:
    """The dossier of a sealed run of these bodies, and of an addendum for each further sequence."""
    run = sealed_run(whole(bodies, **closing), manifests=KNOWN)
    sealed: list[SealedRun] = []
    for inner in addenda:
        sealed.append(addendum(run, sealed, inner))
    return Dossier.of(run, sealed, openings=openings)


def bare() -> Dossier:
    """What a training records without anybody saying a word."""
    return dossier(*training(), metrics(), evaluation(inputs=("train",)))


def training() -> tuple[Body, ...]:
    """Data, configuration, models, environment and checkpoints of a small LoRA training."""
    return (
        environment(),
        config(**_manifest(ARGUMENTS_BYTES), facts={"training_arguments_defaulted": ["optim", "seed", "fsdp_config"]}),
        dataset(),
        base_model(),
        phase("training_started", device="cuda:0"),
        model(),
        phase("training_ended", global_step=20, total_flos={"$float": "480000000000000000"}),
        checkpoint(20, location="/data/checkpoints/checkpoint-20"),
    )


def environment(**facts: Any) -> EnvironmentSeen:
    machine = {
        "os": "Debian 12",
        "cores": 8,
        "cpu": "EPYC",
        "gpus": [{"name": "A100", "memory_mib": 81920}],
        "memory_bytes": 1024,
    }
    known = {"python": {"version": "3.11.7"}, "machine": machine, "packages": 2, "lock": SHA}
    return EnvironmentSeen(ref="env", id="environment", at=TIME, **_manifest(ENVIRONMENT_BYTES), facts=known | facts)


def base_model(**fields: Any) -> BaseModelSeen:
    named: dict[str, Any] = {"ref": "base", "id": "base_llama", "at": TIME, "name": "meta-llama/Llama-3-8B"}
    return BaseModelSeen(**(named | _manifest(BASE_BYTES) | fields))


def model(**fields: Any) -> ModelSeen:
    named: dict[str, Any] = {"ref": "final", "id": "model_final", "at": TIME, "step": 20}
    return ModelSeen(**(named | _manifest(ADAPTER_BYTES) | fields))


def phase(name: str, **facts: Any) -> Phase:
    return Phase(phase=name, facts=facts)


def metrics() -> Metrics:
    named = {"loss": (2.0, 1.0), "eval_accuracy": (0.5, 0.75), "train_runtime": (9.0, 10.0), "epoch": (0.5, 1.0)}
    return Metrics(points=tuple((step, name, pair[step - 1]) for name, pair in named.items() for step in (1, 2)))


def profile(**said: Any) -> ProfileSeen:
    return ProfileSeen(project="clinical-nlp", profile=said)


def attestation(**said: Any) -> Attestation:
    named: dict[str, Any] = {
        "claim": "I have seen it.",
        "by": "Ada Person",
        "role": "privacy officer",
        "on": "2026-02-01",
    }
    return Attestation(**(named | said))


def release(**said: Any) -> Release:
    named: dict[str, Any] = {"approved_by": "Ada Person", "role": "head of QA", "ran_by": "Bob", "on": "2026-02-02"}
    return Release(**(named | said))


def opening(value: str, label: str = "user") -> Opening:
    """The clear value behind a commitment; the random bytes follow from the value, so that tests repeat."""
    random = sha256(value.encode("utf-8", "surrogateescape")).digest()
    data = b"cognify.commit/v1\x00" + random + value.encode("utf-8", "surrogateescape")
    return Opening(f"sha256:{sha256(data).hexdigest()}", label, random, value)


def access(actor: str = "ada", source: str | None = "192.0.2.7", **said: Any) -> Access:
    named: dict[str, Any] = {"at": TIME, "action": "export", "observed_by": "server", "auth": "session"}
    address = None if source is None else Digest.parse(opening(source, "ip").commitment)
    return Access(**(named | {"actor": Digest.parse(opening(actor).commitment), "source": address} | said))


def rich() -> Dossier:
    """Everything that anybody can say, in a run and an addendum."""
    facts = {
        "form": "cognify.evaluation/v1",
        "how": "computed",
        "metrics": [{"name": "accuracy", "value": 0.9, "n": 160, "interval": _INTERVAL}],
        "slices": [{"by": "sex", "value": "f", "n": 80, "metrics": [{"name": "accuracy", "value": 0.88}]}],
        "harness": {"name": "lm-evaluation-harness", "version": "0.4.13", "task": "mmlu"},
        "rationale": "classes are balanced",
    }
    source = dataset(ref="source", id="ds_notes_source", name="notes_source", role="source", provenance=_DATASHEET)
    return dossier(
        *training(),
        source,
        dataset(ref="held", id="ds_held_out", name="held_out", role="eval", inputs=("source",), hash=Digest.of(HELD)),
        metrics(),
        note(),
        note(note_kind="failure_mode", text="repeats itself after 400 tokens"),
        note(note_kind="rationale", text="rank 4 was enough"),
        gap(),
        profile(**_PROFILE),
        addenda=(
            (
                evaluation(ref="own", id="eval_own", name="own", inputs=("@ds_held_out",), facts=facts),
                attestation(form="test_report", claim="The logs are complete.", subject="annex_iv/2(g)"),
                attestation(form="sign_off", meaning="approved"),
                release(market_date="2026-03-01"),
                access(),
            ),
        ),
        openings=(opening("ada"), opening("192.0.2.7", "ip")),
    )


# -- reading what was composed


def texts(composed: Composed) -> list[str]:
    """Every string of a document."""
    return list(_strings(composed))


def section(composed: Composed, heading: str) -> Section:
    """The first section whose heading begins so."""
    return next(each for each in composed.sections if each.heading.startswith(heading))


def under(composed: Composed, heading: str) -> str:
    """All text of that section, in order."""
    return "\n".join(_strings(section(composed, heading).blocks))


def rows(blocks: Sequence[Block]) -> list[list[str]]:
    """The rows of all tables among blocks, as texts."""
    return [[cell.text for cell in row] for block in blocks if isinstance(block, Table) for row in block.rows]


def pairs(blocks: Sequence[Block]) -> dict[str, Cell]:
    """The rows of all facts among blocks."""
    return {title: cell for block in blocks if isinstance(block, Facts) for title, cell in block.rows}


def sentences(value: Any) -> Iterator[Prose]:
    """Every paragraph of something composed."""
    if isinstance(value, Prose):
        yield value
    for item in _inside(value):
        yield from sentences(item)


def cited(value: Any) -> Iterator[Any]:
    """Every entry of the evidence index that something composed cites."""
    yield from getattr(value, "evidence", ())
    for item in _inside(value):
        yield from cited(item)


def _inside(value: Any) -> list[Any]:
    if isinstance(value, tuple | list):
        return list(value)
    return [getattr(value, field.name) for field in fields(value)] if is_dataclass(value) else []


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for item in _inside(value):
        yield from _strings(item)


def _config(value: Mapping[str, Any]) -> bytes:
    return encode({"format": "cognify.config/v1", "redaction": "v1", "config": dict(value)})


def _weights(names: str, tensors: Sequence[tuple[str, str, list[int]]]) -> bytes:
    listed = [[name, dtype, shape, "7" * 64] for name, dtype, shape in tensors]
    return encode({"format": "cognify.weights/v1", "names": names, "tensors": listed})


def _manifest(data: bytes) -> dict[str, Any]:
    form = "cognify.weights/v1" if b"cognify.weights/v1" in data else "cognify.config/v1"
    return {"hash": Digest.of(data), "manifest": form, "assurance": "content"}


_INTERVAL = {"low": 0.85, "high": 0.94, "level": 0.95, "method": "bootstrap, percentile"}
_DATASHEET = {"source_category": "user_data", "licence": "internal", "obtained": "from the clinic"}
_PROFILE = {
    "stated_by": PERSON,
    "provider": {"name": "Example Clinic"},
    "system_name": "NoteSorter",
    "system_version": "2.1",
    "intended_purpose": {"text": "Sort clinical notes."},
    "deployment_restrictions": ["not for triage"],
    "acceptable_use_policy": {"url": "https://example.org/aup", "sha256": SHA},
    "risk_management": {"reference": {"url": "https://example.org/risk", "sha256": SHA}},
    "metric_rationale": {"accuracy": "classes are balanced"},
    "answers": {"annex_iv/1(f)": {"not_applicable": "not a component of a product"}},
    "gap_owners": {"engineer": "Bob", "annex_iv/2(d)": "Dana Data"},
}
HELD = encode({"format": "cognify.rows/v1", "columns": {"text": "text", "label": "int"}, "rows": 3, "root": "2" * 64})
ARGUMENTS_BYTES = _config(ARGUMENTS)
ENVIRONMENT_BYTES = _config({"packages": {"torch": "2.13.0", "peft": "0.21.2"}})
BASE_BYTES = _weights("file", [("embed", "BF16", [1000, 8]), ("ids", "I64", [8])])
ADAPTER_BYTES = _weights("memory", [("lora_A", "F32", [4, 8]), ("lora_B", "F32", [8, 4])])
KNOWN = dict(MANIFESTS) | {
    str(Digest.of(data)): data for data in (HELD, ARGUMENTS_BYTES, ENVIRONMENT_BYTES, BASE_BYTES, ADAPTER_BYTES)
}
