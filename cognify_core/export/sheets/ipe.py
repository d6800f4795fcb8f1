"""The first sheet, information produced by the entity (AT-C 205.36): where the rows come from, and that all are there.

An auditor who is given a list asks how it was made, from what, by which filter, and whether it is complete. So this
sheet names source, filter, period and tool, counts the rows of each sheet, gives a digest over them that anybody can
compute again, and sets the counts beside those of the sealed record.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from cognify_core.export.document.cells import count
from cognify_core.export.document.seals import anchored_by
from cognify_core.export.dossier import Dossier
from cognify_core.export.sheets.sheet import HOW_ROWS_ARE_HASHED, Column, Sheet
from cognify_core.export.sheets.values import Value
from cognify_core.model.events import Artifact, Metrics

TITLE = "IPE"
_COLUMNS = (
    Column("item", 34),
    Column("value", 90, counts=False),
    Column("rows"),
    Column("digest over the rows", 71, mono=True),
    Column("beside it", 44),
    Column("agrees", 10),
)
Counted = Mapping[str, tuple[str, int, int]]
"""For a sheet: what of the JSON package it is set beside, how many there are there, and how many here."""


def ipe(
    facts: Sequence[tuple[str, Value]], sheets: Iterable[Sheet], counted: Counted, beside: str = "In the store"
) -> Sheet:
    """The sheet: pairs of an item and its value, then a row for each of the other sheets, with what is `beside` it."""
    rows: list[tuple[Value, ...]] = [("Information produced by the entity", None, None, None, None, None)]
    rows += [(name, value, None, None, None, None) for name, value in facts]
    rows.append(("Sheet", "What its rows are", "Rows", "SHA-256 over the rows", beside, "Agrees"))
    heading = len(rows) - 1
    rows += [_sheet_row(sheet, counted) for sheet in sheets]
    return Sheet.of(TITLE, "Where this file comes from.", _COLUMNS, rows, headings=(0, heading))


def run_facts(dossier: Dossier, renderer: str) -> list[tuple[str, Value]]:
    """What is to be known of a workbook about one run."""
    opened, seal = dossier.opened, dossier.seals[0] if dossier.seals else None
    closed = dossier.closed.body
    facts: list[tuple[str, Value]] = [
        ("Banner", dossier.banner)
        if dossier.banner
        else ("About", "Everything that the sealed record of one run says."),
        ("Source", f"Cognify, workspace {opened.body.workspace}, record of {opened.body.recorder}"),
        ("Filter", f"run_id = {dossier.run_id}, with {_addenda(dossier)}; nothing is left out"),
        ("Project", opened.body.project),
        ("Run", f"{dossier.run_id}{f', called {opened.body.name}' if opened.body.name else ''}"),
        ("Period (UTC)", f"{dossier.opened_at} to {dossier.closed_at}"),
        ("Ended", f"{closed.status}; the record is {'complete' if closed.complete else 'not complete'}"),
        *((("Reasons", "; ".join(closed.reasons)),) if closed.reasons else ()),
        ("Made by", f"{renderer}, from the sealed bytes alone"),
    ]
    if seal is None:
        return [*facts, ("Seal", "not sealed: nothing here is fixed")]
    return [
        *facts,
        ("Generated at (time of the seal, UTC)", f"{_made_at(dossier)} (time {seal.time})"),
        ("Merkle root of the record (RFC 6962)", seal.root),
        ("Events under the root", seal.size),
        ("Signed statement", seal.statement),
        ("Signing key (SHA-256 of its PEM)", seal.key_id),
        ("What the seal's age rests on", anchored_by(seal)),
        (
            "How to verify this file",
            "cognify verify FILE.xlsx, with FILE.xlsx.sigstore.json beside it; sha256sum FILE.xlsx",
        ),
        ("How to verify the record", f"cognify export {dossier.run_id} -o run.json && cognify verify run.json"),
        ("How the rows are hashed", HOW_ROWS_ARE_HASHED),
        (
            "How to reconcile",
            "The JSON package of the same run and addenda holds all of it under the same root. The last columns set "
            "the rows of each sheet beside what the package counts.",
        ),
        (
            "How texts are shown",
            "Control and bidirectional characters are written as escapes, and texts above 32,767 characters are cut, "
            "with a note; the JSON package holds them unchanged. No cell is a formula.",
        ),
        ("What this is not", "It renders no legal verdict, and judges no control."),
    ]


def run_counts(dossier: Dossier, sheets: Mapping[str, Sheet]) -> dict[str, tuple[str, int, int]]:
    """The counts of a run's sheets beside those of its JSON package: nodes by type, edges, events by kind."""
    events = [event for run in (dossier.run, *dossier.addenda) for event in run.record.events]
    kinds = Counter(event.body.kind for event in events)
    lineages = [run.record.lineage for run in (dossier.run, *dossier.addenda)]
    nodes = Counter(node.type for lineage in lineages for node in lineage.nodes)
    points = sum(len(event.body.points) for event in events if isinstance(event.body, Metrics))
    edges = sum(len(lineage.edges) for lineage in lineages)
    unseen = sum(isinstance(event.body, Artifact) and event.body.reason is not None for event in events)
    counted = {
        title: (f"nodes of type {kind}", nodes[kind], len(sheets[title].rows))
        for title, kind in (
            ("datasets", "dataset"),
            ("configs", "config"),
            ("checkpoints", "checkpoint"),
            ("base models", "base_model"),
            ("models", "model"),
            ("evaluations", "evaluation"),
            ("environments", "environment"),
            ("code", "code"),
        )
    }
    logged = sum(row[1] for row in sheets["training metrics"].rows if isinstance(row[1], int))
    inputs = sum(row[5] for row in sheets["lineage"].rows if isinstance(row[5], int))
    approved = kinds["attestation"] + kinds["release"]
    return counted | {
        "training metrics": ("points of metrics", points, logged),
        "lineage": ("edges", edges, inputs),
        "notes": ("events of kind note", kinds["note"], len(sheets["notes"].rows)),
        "approvals": ("events of kinds attestation, release", approved, len(sheets["approvals"].rows)),
        "access log": ("events of kind access", kinds["access"], len(sheets["access log"].rows)),
        "gaps": (
            f"gaps ({kinds['gap']} events, {unseen} unresolved nodes)",
            len(dossier.gaps),
            len(sheets["gaps"].rows),
        ),
        "seals": ("seals", len(lineages) if dossier.is_sealed else 0, len(sheets["seals"].rows)),
    }


def _addenda(dossier: Dossier) -> str:
    number = len(dossier.addenda)
    return f"its {count(number, 'sealed addendum', 'sealed addenda')}" if number else "no addendum"


def _made_at(dossier: Dossier) -> str:
    return dossier.seals[-1].sealed_at


def _sheet_row(sheet: Sheet, counted: Counted) -> tuple[Value, ...]:
    beside = counted.get(sheet.title)
    if beside is None:
        return sheet.title, sheet.about, len(sheet.rows), sheet.digest, "derived from the other sheets' events", None
    what, there, here = beside
    return (
        sheet.title,
        sheet.about,
        len(sheet.rows),
        sheet.digest,
        f"{there:,} {what}",
        "yes" if there == here else "NO",
    )
