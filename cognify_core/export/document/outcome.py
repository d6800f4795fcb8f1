"""The part of the summary on what came out of a training: curves, checkpoints, evaluations, and what people said."""

from __future__ import annotations

from collections.abc import Iterator

from cognify_core.export.document.blocks import Prose
from cognify_core.export.document.cells import count, cut, figure, listed, sentence
from cognify_core.export.document.curves import is_noise, told_curves
from cognify_core.export.dossier import Dossier
from cognify_core.model.numbers import plain_number


def what_came_out(dossier: Dossier) -> Iterator[Prose]:
    """A sentence for each thing that came out."""
    for part in (_curves, _checkpoints, _evaluations, _people):
        yield from part(dossier)


def _curves(dossier: Dossier) -> Iterator[Prose]:
    for curve in told_curves(dossier)[:2]:
        (first, before), (last, after) = curve.first, curve.last
        if first < last:
            yield sentence(
                f"{cut(curve.name, 80)} went from {figure(before)} at step {count(first)} to {figure(after)} at step "
                f"{count(last)}.",
                *curve.evidence,
            )


def _checkpoints(dossier: Dossier) -> Iterator[Prose]:
    if dossier.checkpoints:
        steps = sorted(told.body.step for told in dossier.checkpoints)
        hashed = sum(told.body.hash is not None for told in dossier.checkpoints)
        span = f"step {count(steps[0])}" if steps[0] == steps[-1] else f"steps {count(steps[0])} to {count(steps[-1])}"
        recorded = f"{count(len(steps), 'checkpoint')} recorded, of {span}; {count(hashed)} with a digest."
        yield sentence(recorded, *dossier.checkpoints)


def _evaluations(dossier: Dossier) -> Iterator[Prose]:
    for told in dossier.evaluations[-2:]:
        told_of = [item for item in sorted(told.body.results.items()) if not is_noise(item[0])]
        results = listed(f"{name} = {figure(plain_number(value))}" for name, value in told_of) or "no metric"
        at = "" if told.body.step is None else f" at step {count(told.body.step)}"
        yield sentence(f"Evaluation {cut(told.body.name, 80)}{at} gave {results}.", told)


def _people(dossier: Dossier) -> Iterator[Prose]:
    if dossier.notes:
        yield sentence(f"{count(len(dossier.notes), 'note')} recorded.", *dossier.notes)
    if dossier.attestations:
        yield sentence(f"{count(len(dossier.attestations), 'attestation')} recorded.", *dossier.attestations)
    for told in dossier.releases[-1:]:
        yield sentence(
            f"Released on {told.body.on}, approved by {cut(told.body.approved_by, 80)} ({cut(told.body.role, 80)}).",
            told,
        )
