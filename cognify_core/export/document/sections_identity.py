"""Which run and which model: names, versions, parameters, and the lineage as a figure."""

from __future__ import annotations

from cognify_core.export.document.blocks import Cell, Facts, LineageFigure, Section, Table
from cognify_core.export.document.cells import count, cut, gap, listed, mapping, moment, mono, plain, said, table
from cognify_core.export.document.graph import node_name
from cognify_core.export.document.model_facts import (
    architecture,
    method,
    origin,
    parameters,
    weight_forms,
    weights_told,
)
from cognify_core.export.document.seals import anchored_by
from cognify_core.export.dossier import Dossier

CHECKPOINTS = 50


def cover_rows(dossier: Dossier) -> tuple[tuple[str, Cell], ...]:
    """What a cover says, whatever the template."""
    opened, closed = dossier.opened, dossier.closed.body
    gaps = count(len(dossier.gaps), "gap")
    rows = [
        ("Run", mono(dossier.run_id)),
        ("Project", plain(cut(opened.body.project, 120))),
        ("System", plain(_system(dossier))),
        ("Period", plain(f"{moment(dossier.opened_at)} to {moment(dossier.closed_at)}")),
        ("Ended", plain(closed.status)),
        ("Record", plain(f"{'complete' if closed.complete else 'not complete'}, {gaps}")),
    ]
    if not dossier.seals:
        return (*rows, ("Seal", gap("not sealed")))
    seal = dossier.seals[0]
    return (
        *rows,
        ("Sealed at", plain(f"{moment(seal.sealed_at)} (time {seal.time})")),
        ("Addenda", plain(count(len(dossier.addenda)))),
        ("Merkle root", mono(seal.root)),
        ("Signing key", mono(seal.key_id)),
        ("Anchored by", plain(anchored_by(seal))),
    )


def identification(dossier: Dossier) -> Section:
    """Run, model and code."""
    figure = LineageFigure("What the run read and wrote: arrows lead from what something came from to what it became.")
    return Section("Identification and lineage", (_run(dossier), _model(dossier), figure, _checkpoints(dossier)))


def _system(dossier: Dossier) -> str:
    profile = dossier.profile
    return " ".join(filter(None, (profile.system_name, profile.system_version))) or "not named in the profile"


def _run(dossier: Dossier) -> Facts:
    opened = dossier.opened
    rows = [
        ("Run", mono(dossier.run_id, opened)),
        ("Name", plain(opened.body.name or "none given", opened)),
        ("Project and workspace", plain(f"{cut(opened.body.project, 120)}; {cut(opened.body.workspace, 120)}", opened)),
        ("Recorded by", plain(opened.body.recorder, opened)),
        ("Tags", plain(listed(f"{key}={value}" for key, value in opened.body.tags.items()) or "none", opened)),
    ]
    for code in dossier.codes[:1]:
        git = mapping(code.body.facts.get("git"))
        state = "uncommitted changes" if git.get("dirty") else "no uncommitted changes"
        at = f"git commit {said(git['commit'], 80)}, {state}" if git.get("commit") else "no git commit"
        rows.append(("Program", mono(f"{at}; {code.body.hash}", code)))
    for release in dossier.releases[-1:]:
        before = release.body.supersedes or "no earlier run"
        text = f"{release.body.on}, approved by {cut(release.body.approved_by, 120)}; supersedes {before}"
        rows.append(("Released", plain(text, release)))
    return Facts(tuple(rows))


def _model(dossier: Dossier) -> Facts:
    rows: list[tuple[str, Cell]] = []
    for base in dossier.base_models:
        rows += [("Base model", mono(base.body.name, base)), ("Base model weights", mono(str(base.body.hash), base))]
        rows += [(f"Base model {title}", mono(text, base)) for title, text in origin(base)]
    shape, how, forms = architecture(dossier), method(dossier), weight_forms(dossier)
    configs = dossier.configs[:1]
    rows.append(("Architecture", plain(shape, *configs) if shape else gap("no model configuration is recorded")))
    number = parameters(dossier)
    rows.append(
        ("Parameters", plain(str(number), *weights_told(dossier)) if number.total else gap("no weights with shapes"))
    )
    rows.append(("Fine-tuning method", plain(how, *configs) if how else gap("no model configuration is recorded")))
    rows.append(("Stored as", plain(listed(forms), *dossier.checkpoints[-1:]) if forms else gap("no files of weights")))
    rows += [("Weights in memory", mono(f"{told.node_id}: {told.body.hash}", told)) for told in dossier.models[:4]]
    return Facts(tuple(rows))


def _checkpoints(dossier: Dossier) -> Table:
    columns = (("Checkpoint", 2.0), ("Step", 0.7), ("Digest", 5.0), ("Location", 2.5))
    rows = [
        (
            mono(node_name(dossier, told), told),
            plain(count(told.body.step)),
            mono(str(told.body.hash)) if told.body.hash else gap(told.body.reason or "no digest"),
            mono(told.body.location or "not recorded"),
        )
        for told in dossier.checkpoints
    ]
    return table(dossier, columns, rows, "Checkpoints", limit=CHECKPOINTS)
