"""Hyper-parameters: what was set first, the library's defaults after it and marked, model and adapter apart."""

from __future__ import annotations

from collections.abc import Iterator

from cognify_core.canonical import Json
from cognify_core.export.document.blocks import Callout, Cell, Prose, Section, Table
from cognify_core.export.document.cells import count, cut, mono, plain, shown, table
from cognify_core.export.dossier import Dossier, Told
from cognify_core.model.events import ConfigSeen

CONFIGS = 10
"""Configurations that are printed; the index of evidence names the others."""
_GROUPS = {
    "training_arguments": "Training arguments",
    "trainer": "Trainer",
    "hyper_parameters": "Hyper-parameters",
    "peft": "Adapter (PEFT)",
    "model": "Model",
    "models": "Models",
    "tokenizer": "Tokenizer",
}


def hyper_parameters(dossier: Dossier) -> tuple[Section, ...]:
    """A section for each configuration."""
    if not dossier.configs:
        return (Section("Hyper-parameters", (Callout("The record holds no configuration.", "warning"),)),)
    left = len(dossier.configs) - CONFIGS
    more = (Prose(f"{count(left, 'more configuration')} stand in evidence.json."),) if left > 0 else ()
    lead = Prose(
        "Nested names are joined by dots. Secrets were redacted when the configuration was recorded.",
        tuple(told.evidence for told in dossier.configs[:1]),
    )
    return (
        Section("Hyper-parameters", (lead, *more)),
        *(_config(dossier, told) for told in dossier.configs[:CONFIGS]),
    )


def flat(value: Json, name: str = "") -> Iterator[tuple[str, Json]]:
    """The leaves of a configuration under dotted names; lists and empty maps are leaves."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from flat(item, f"{name}.{key}" if name else str(key))
    else:
        yield name, value


def _config(dossier: Dossier, told: Told[ConfigSeen]) -> Section:
    value = dossier.manifest(told)
    if not isinstance(value, dict):
        return Section(f"Configuration {told.node_id}", (Callout("It has no content that can be printed."),), level=2)
    groups = {title: value[key] for key, title in _GROUPS.items() if value.get(key) not in (None, {}, [])}
    rest = {key: item for key, item in value.items() if key not in _GROUPS and item is not None}
    defaulted = told.body.facts.get("training_arguments_defaulted")
    known = frozenset(map(str, defaulted)) if isinstance(defaulted, list) else None
    tables = [
        _group(dossier, title, item, known if title == "Training arguments" else None) for title, item in groups.items()
    ]
    digest = Prose(f"Digest {told.body.hash}.", (told.evidence,))
    others = (_group(dossier, "Other values", rest, None),) if rest else ()
    return Section(f"Configuration {told.node_id}", (digest, *tables, *others), level=2)


def _group(dossier: Dossier, title: str, value: Json, defaulted: frozenset[str] | None) -> Table:
    rows = list(flat(value))
    if defaulted is None:
        return table(dossier, (("Name", 2.0), ("Value", 3.0)), [_row(row) for row in rows], title)
    ordered = sorted(rows, key=lambda row: (is_default(row[0], defaulted), row[0]))
    marked = [(*_row(row), plain("library default" if is_default(row[0], defaulted) else "set")) for row in ordered]
    changed = sum(not is_default(name, defaulted) for name, _ in rows)
    caption = (
        f"{title}: {count(changed, 'value')} off the library's defaults, then {count(len(rows) - changed)} at them"
    )
    return table(dossier, (("Name", 2.2), ("Value", 3.0), ("Origin", 1.0)), marked, caption)


def _row(row: tuple[str, Json]) -> tuple[Cell, Cell]:
    return mono(cut(row[0], 120)), mono(shown(row[1], 400))


def is_default(name: str, defaulted: frozenset[str]) -> bool:
    """Whether the leaf of that dotted name belongs to an argument that is at the library's default."""
    return name.partition(".")[0] in defaulted
