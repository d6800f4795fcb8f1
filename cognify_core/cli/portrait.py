"""What `cognify show` prints: a run in words, its lineage, its gaps with what mends each, its packages."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING

from cognify_core.cli.console import plural, say, tell
from cognify_core.cli.documents import receipt_document, run_document
from cognify_core.model.names import whole_seconds
from cognify_core.model.numbers import plain_number, tagged_number
from cognify_core.model.record import Status

if TYPE_CHECKING:
    from cognify_core.api.views import RunView
    from cognify_core.canonical import Json
    from cognify_core.store.protocol import RunRow

_SAID_ELSEWHERE = frozenset({"type", "id", "hash", "timestamp", "assurance", "reason", "results"})
_TYPES = ("environment", "code", "config", "dataset", "base_model", "model", "checkpoint", "evaluation")
"""In which order nodes are shown that may stand in any."""
_ENDED = frozenset({Status.COMPLETED, Status.FAILED, Status.INTERRUPTED})


def view_document(view: RunView) -> dict[str, Json]:
    """What `cognify show --json` prints."""
    return {
        "run": run_document(view.row),
        "world_size": view.world_size,
        "reasons": list(view.reasons),
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
        tell(line)
    _show_lineage(view.lineage)
    _show_gaps(view)
    for said in view.attestations:
        tell(f"attested by {said.by}, {said.role}: {said.claim}{f' ({said.meaning})' if said.meaning else ''}")
    for note in view.notes:
        tell(f"note ({note.note_kind}{f', {note.subject}' if note.subject else ''}): {note.text}")
    for number, row in enumerate(view.addenda, start=1):
        tell(f"addendum {number}: {row.run_id}, {plural(row.size, 'event')}, {_state(row, view)}")
    for receipt in view.packages:
        say(f"package {receipt.path}")
        say(f"        {receipt.package_hash}")
    if view.row.status in _ENDED:
        say(f"→ cognify seal {view.row.run_id}")


def _in_words(view: RunView) -> list[str]:
    row = view.row
    words = [f"A run of project {row.project}{f', called {row.name}' if row.name else ''}, {_state(row, view)}."]
    words.append(f"Its {plural(row.size, 'event')} name {_counted(view.lineage) or 'no artifact'}.")
    if view.world_size > 1:
        words.append(f"{view.world_size} ranks trained it together.")
    words += [f"Not complete: {reason}." for reason in view.reasons]
    if row.freeze:
        words.append(f"root {row.freeze.root}")
    return words


def _state(row: RunRow, view: RunView) -> str:
    whole = {True: "complete", False: "NOT complete", None: "still open"}[row.complete]
    time = "timestamped" if row.run_id in view.timestamped else "claimed"
    sealed = f"sealed {row.freeze.sealed_at} (time: {time})" if row.freeze else "not sealed"
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
    for node in _sources_first({node["id"]: node for node in lineage["nodes"]}, sources):
        rest = ", ".join(f"{key} {node[key]}" for key in node if key not in _SAID_ELSEWHERE and node[key] is not None)
        why = f" ({node['reason']})" if "reason" in node else ""
        tell(f"{node['type']:{width}}{node['id']}  {node['assurance']}{why}{f'  {rest}' if rest else ''}", hang=width)
        if node["hash"] is not None:
            say(f"{'':{width}}{node['hash']}")
        if results := node.get("results"):
            told = ", ".join(f"{name} {plain_number(value):.6g}" for name, value in results.items())
            tell(f"{'':{width}}{told}", hang=width)
        if node["id"] in sources:
            tell(f"{'':{width}}← {', '.join(sources[node['id']])}", hang=width + 2)
    say()


def _sources_first(nodes: dict[str, dict[str, Json]], sources: dict[str, list[str]]) -> Iterator[dict[str, Json]]:
    """The nodes, each after all that it came from; those that might stand in any order by type, step and id."""
    sorter = TopologicalSorter({name: sources.get(name, ()) for name in nodes})
    sorter.prepare()
    while sorter.is_active():
        ready = sorter.get_ready()
        # An addendum's edge begins at a node of the run that it amends, which is not among its own.
        yield from sorted((nodes[name] for name in ready if name in nodes), key=_place)
        sorter.done(*ready)


def _place(node: dict[str, Json]) -> tuple[int, int, str]:
    kind = node["type"]
    return (_TYPES.index(kind) if kind in _TYPES else len(_TYPES), node.get("step") or 0, node["id"])


def _show_gaps(view: RunView) -> None:
    for gap in view.gaps:
        tell(f"gap: {gap.subject}: {gap.reason} (owner: {gap.owner})", style="yellow")
        if gap.mend:
            say(f"     → {gap.mend}")
