"""`make samples`: one sample of each document, of a made-up run, in docs/samples. The same bytes each time.

The key that signs them is a number that everybody knows (`FixedSigner`): they show how documents look, and no more.
"""

from __future__ import annotations

from math import exp, sin
from pathlib import Path

from cognify_core.export.dossier import Dossier
from cognify_core.export.formats import FORMATS, export_format
from cognify_core.export.population import population_book
from cognify_core.export.sheets.workbook import workbook_bytes
from cognify_core.export.templates.registry import templates
from cognify_core.model.attestation_forms import IDENTIFIERS
from cognify_core.model.digest import Digest
from cognify_core.model.events import Access, Attestation, Body, CheckpointSeen, EvaluationSeen, Metrics, Phase, Release
from cognify_core.store.protocol import Opening
from tests.export.document.dossiers import HELD, attestation, dossier, opening, phase, rich, training
from tests.export.test_population import population
from tests.factories import ROWS, checkpoint, dataset, gap, note

FOLDER = Path(__file__).parents[1] / "docs" / "samples"
STEPS = 400
SOURCE = Digest.of(b"source")
PLACE = "/data/checkpoints/checkpoint-"


def sample() -> Dossier:
    """A small LoRA training with curves, checkpoints, notes and everything that people said of the run."""
    said = rich()
    addendum = [told.body for told in said.told if told.addendum == 1]
    later = [body for body in addendum if isinstance(body, Attestation | Release | Access)]
    evaluated = [
        body.model_copy(update={"step": STEPS, "inputs": (*body.inputs, f"@ckpt_step_{STEPS}")})
        for body in addendum
        if isinstance(body, EvaluationSeen)
    ]
    notes = (
        note(text='Fails on negated findings ("no acute distress").', note_kind="limitation"),
        note(text="Repeats itself after 400 tokens.", note_kind="failure_mode"),
        note(text="Rank 4 was enough: rank 16 gained 0.2 points.", note_kind="rationale"),
        note(text="Notes in 中文 were left out.", note_kind="limitation"),
    )
    people = (*notes, gap(), said.profile_told.body if said.profile_told else gap(subject="profile"))
    begun = [body for body in training() if not isinstance(body, CheckpointSeen | Phase)]
    trained = (phase("training_started", device="cuda:0"), *_steps(), _ended())
    addenda = ((*evaluated, *later, *_attested()),)
    return dossier(*begun, *_data(), *trained, *people, addenda=addenda, openings=_clear())


def _data() -> tuple[Body, ...]:
    source = dataset(ref="source", id="ds_notes_source", name="notes_source", role="source", hash=SOURCE,
                     manifest=None, provenance={"source_category": "user_data", "licence": "internal"})  # fmt: skip
    held = dataset(ref="held", id="ds_held_out", name="held_out", role="eval", inputs=("source",), hash=Digest.of(HELD))
    return source, held


def _steps() -> tuple[Body, ...]:
    """Curves as trainings draw them, and checkpoints on the way."""
    bodies: list[Body] = []
    for step in range(1, STEPS + 1):
        loss, norm = 0.4 + 1.6 * exp(-step / 90) + sin(step * 12.9) / 14, 1 + exp(-step / 60) + sin(step * 7.1) / 5
        points: list[tuple[int, str, float]] = [(step, "loss", loss), (step, "grad_norm", norm)]
        points.append((step, "learning_rate", 2e-4 * (1 - (step - 0.5) / STEPS)))
        if step % 50 == 0:
            points.append((step, "eval_loss", 0.45 + 1.5 * exp(-step / 100)))
            bodies.append(_saved(step))
        bodies.append(Metrics(points=tuple(points)))
    return tuple(bodies)


def _saved(step: int) -> CheckpointSeen:
    """A checkpoint; the list of its files is kept of the last one."""
    kept = {} if step == STEPS else {"hash": Digest.of(str(step).encode()), "manifest": None}
    return checkpoint(step, location=f"{PLACE}{step}", **kept)


def _ended() -> Phase:
    return phase("training_ended", global_step=STEPS, total_flos={"$float": "480000000000000000"})


def _attested() -> tuple[Attestation, ...]:
    """What HIPAA asks of people: of the datasets, and of one place out of many."""
    removed = {"identifiers": dict.fromkeys(IDENTIFIERS, "removed"), "no_actual_knowledge": True}
    datasets = (Digest.of(ROWS), SOURCE, Digest.of(HELD))
    encrypted = {"encrypted": True, "algorithm": "AES-256-XTS", "custodian": "IT security"}
    return (
        attestation(
            form="phi",
            claim="All eighteen identifiers were removed.",
            facts={"basis": "safe_harbor"} | removed,
            datasets=datasets,
        ),
        attestation(
            form="encryption_at_rest", claim="The disk is encrypted.", subject=f"{PLACE}{STEPS}", facts=encrypted
        ),
    )


def _clear() -> tuple[Opening, ...]:
    return opening("ada"), opening("192.0.2.7", "ip")


def write(folder: Path) -> list[Path]:
    """Write every sample; return the files."""
    told, written = sample(), []
    for kind in FORMATS:
        for template in (None, *sorted(templates())):
            if kind == "json" or (template is not None and kind not in templates()[template].formats):
                continue
            ready = export_format(kind, template)
            path = folder / f"{template or 'report'}.{ready.extension}"
            path.write_bytes(ready.render(told))
            written.append(path)
    listed = folder / "population.xlsx"
    listed.write_bytes(workbook_bytes(population_book(population())))
    return [*written, listed]


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for path in write(FOLDER):
        print(f"{path.relative_to(FOLDER.parents[1])}  {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
