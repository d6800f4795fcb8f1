"""What `cognify show` prints: a run in words, its lineage, its gaps with what mends each, its packages."""

from __future__ import annotations

import math
from collections import Counter
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING

from cognify_core.cli.console import plural, say
from cognify_core.cli.documents import receipt_document, run_document
from cognify_core.model.names import whole_seconds
from cognify_core.model.numbers import tagged_number

if TYPE_CHECKING:
    from cognify_core.api.views import RunView
    from cognify_core.canonical import Json
    from cognify_core.store.protocol import RunRow

_SAID_ELSEWHERE = frozenset({"type", "id", "hash", "timestamp", "assurance", "reason"})


def view_document(view: RunView) -> dict[str, Json]:
    """What `cognify show --json` prints."""
    return {
        "run": run_document(view.row),
        "lineage": view.lineage,
        "gaps": [{"subject": g.subject, "reason": g.reason, "mend": g.mend, "owner": g.owner} for g in view.gaps],
        "notes": [{"text": n.text, "kind": n.note_kind, "subject": n.subject} for n in view.notes],
        "attestations": [said.model_dump(mode="json", exclude={"kind"}) for said in view.attestations],
        "metrics": {name: {key: _number(value) for key, value in seen.items()} for name, seen in view.metrics.items()},
        "packages": [receipt_document(receipt) for receipt in view.packages],
        "addenda": [run_document(row) for row in view.addenda],
    }


def _number(value: float) -> Json:
    """A number as JSON has it, or the name of one that JSON has not: `NaN`, `Infinity`, `-Infinity`."""
    return value if math.isfinite(value) else str(tagged_number(value)["$float"])


def show_run(view: RunView) -> None:
    """Print a run for people. Every digest stands whole, on a line of its own."""
    say(view.row.run_id, style="bold")
    for line in _in_words(view):
        say(line)
    _show_lineage(view.lineage)
    _show_gaps(view)
    for said in view.attestations:
        say(f"attested by {said.by}, {said.role}: {said.claim}{f' ({said.meaning})' if said.meaning else ''}")
    for note in view.notes:
        say(f"note ({note.note_kind}{f', {note.subject}' if note.subject else ''}): {note.text}")
    for receipt in view.packages:
        say(f"package {receipt.path}")
        say(f"        {receipt.package_hash}")


def _in_words(view: RunView) -> list[str]:
    row = view.row
    words = [f"A run of project {row.project}{f', called {row.name}' if row.name else ''}, {_state(row)}."]
    words.append(f"Its {plural(row.size, 'event')} name {_counted(view.lineage) or 'no artifact yet'}.")
    if view.addenda:
        words.append(f"What was said after the seal stands in {plural(len(view.addenda), 'addendum', 'addenda')}.")
    if row.freeze:
        words.append(f"root {row.freeze.root}")
    return words


def _state(row: RunRow) -> str:
    whole = {True: "complete", False: "NOT complete", None: "still open"}[row.complete]
    sealed = f"sealed {row.freeze.sealed_at} (time: claimed)" if row.freeze else "not sealed"
    return f"opened {whole_seconds(row.opened_at)}: {row.status}, {sealed}, {whole}"


def _counted(lineage: dict[str, Json] | None) -> str:
    kinds = Counter(str(node["type"]).replace("_", " ") for node in (lineage or {"nodes": ()})["nodes"])
    return ", ".join(plural(count, kind) for kind, count in sorted(kinds.items()))


def _show_lineage(lineage: dict[str, Json] | None) -> None:
    if lineage is None:
        return
    say()
    sources: dict[str, list[str]] = {}
    for edge in lineage["edges"]:
        sources.setdefault(edge["to"], []).append(edge["from"])
    width = max((len(node["type"]) for node in lineage["nodes"]), default=0) + 2
    nodes = {node["id"]: node for node in lineage["nodes"]}
    for node in map(nodes.get, TopologicalSorter({name: sources.get(name, ()) for name in nodes}).static_order()):
        if node is None:
            continue  # an addendum's edge begins at a node of the run that it amends
        rest = ", ".join(f"{key} {node[key]}" for key in node if key not in _SAID_ELSEWHERE and node[key] is not None)
        why = f" ({node['reason']})" if "reason" in node else ""
        say(f"{node['type']:{width}}{node['id']}  {node['assurance']}{why}{f'  {rest}' if rest else ''}")
        if node["hash"] is not None:
            say(f"{'':{width}}{node['hash']}")
        if node["id"] in sources:
            say(f"{'':{width}}← {', '.join(sources[node['id']])}")
    say()


def _show_gaps(view: RunView) -> None:
    for gap in view.gaps:
        say(f"gap: {gap.subject}: {gap.reason} (owner: {gap.owner})", style="yellow")
        if gap.mend:
            say(f"     → {gap.mend}")
