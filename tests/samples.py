"""`make samples`: one sample of each document, of a made-up run, in docs/samples. The same bytes each time.

The key that signs them is a number that everybody knows (`FixedSigner`): they show how documents look, and no more.
"""

from __future__ import annotations

from math import exp, sin
from pathlib import Path

from cognify_core.export.dossier import Dossier
from cognify_core.export.formats import FORMATS, export_format
from cognify_core.export.templates.registry import templates
from cognify_core.model.digest import Digest
from cognify_core.model.events import Access, Attestation, Body, EvaluationSeen, Metrics, Release
from cognify_core.store.protocol import Opening
from tests.export.document.dossiers import HELD, dossier, opening, rich, training
from tests.factories import checkpoint, dataset, gap, note

FOLDER = Path(__file__).parents[1] / "docs" / "samples"
STEPS = 400


def sample() -> Dossier:
    """A small LoRA training with curves, checkpoints, notes and everything that people said of the run."""
    said = rich()
    addendum = [told.body for told in said.told if told.addendum == 1]
    later = [body for body in addendum if isinstance(body, EvaluationSeen | Attestation | Release | Access)]
    notes = (
        note(text='Fails on negated findings ("no acute distress").', note_kind="limitation"),
        note(text="Repeats itself after 400 tokens.", note_kind="failure_mode"),
        note(text="Rank 4 was enough: rank 16 gained 0.2 points.", note_kind="rationale"),
        note(text="Notes in 中文 were left out.", note_kind="limitation"),
    )
    people = (*notes, gap(), said.profile_told.body if said.profile_told else gap(subject="profile"))
    return dossier(*training(), *_data(), *_steps(), *people, addenda=(later,), openings=_clear())


def _data() -> tuple[Body, ...]:
    source = dataset(ref="source", id="ds_notes_source", name="notes_source", role="source", hash=Digest.of(b"source"),
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
            bodies.append(checkpoint(step, inputs=("train", "config"), location=f"/data/checkpoints/checkpoint-{step}"))
        bodies.append(Metrics(points=tuple(points)))
    return tuple(bodies)


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
    return written


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for path in write(FOLDER):
        print(f"{path.relative_to(FOLDER.parents[1])}  {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
