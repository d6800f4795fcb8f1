"""The sheets of what else has content: configurations with their values, checkpoints, models, environments, code."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from cognify_core.export.document.graph import node_name
from cognify_core.export.document.model_facts import tensors
from cognify_core.export.document.sections_config import flat
from cognify_core.export.dossier import Dossier, Told
from cognify_core.export.sheets.common import DIGEST, ID, TOLD, digest_cell, facts_cell, one_line, told_cells
from cognify_core.export.sheets.sheet import Column, Sheet
from cognify_core.export.sheets.values import Value
from cognify_core.model.events import Artifact, ConfigSeen

_Seen = TypeVar("_Seen", bound=Artifact)
_MANIFEST = Column("manifest", 24, mono=True)
_LOCATION = Column("location", 60, mono=True)
_FACTS = Column("facts", 60)


def configs(dossier: Dossier) -> Sheet:
    """A row for each configuration."""
    about = "Every configuration that was recorded; its values stand in the sheet 'config values'."
    extra = (Column("values"),)
    return _artifacts(dossier, "configs", about, dossier.configs, extra, lambda told: (len(_values(dossier, told)),))


def config_values(dossier: Dossier) -> Sheet:
    """A row for each value of each configuration."""
    columns = (
        Column("configuration", 44, mono=True),
        Column("name", 60, mono=True),
        Column("value", 60, mono=True, counts=False),
        Column("origin", 16),
        Column("JSON pointer", 90, mono=True),
    )
    rows = (row for told in dossier.configs for row in _value_rows(dossier, told))
    about = "Every value of every configuration, under dotted names; secrets were redacted when it was recorded."
    return Sheet.of("config values", about, columns, rows)


def checkpoints(dossier: Dossier) -> Sheet:
    """A row for each checkpoint."""
    about = "Weights that were written to disk, one row for each time, rotated ones too."
    seen = dossier.checkpoints
    return _artifacts(dossier, "checkpoints", about, seen, (Column("step"),), lambda told: (told.body.step,))


def base_models(dossier: Dossier) -> Sheet:
    """A row for each base model."""
    columns, about = (Column("name", 40), Column("parameters")), "What the training started from."
    told_of = dossier.base_models
    return _artifacts(
        dossier, "base models", about, told_of, columns, lambda told: (told.body.name, tensors(dossier, told))
    )


def models(dossier: Dossier) -> Sheet:
    """A row for each state of the weights in memory."""
    columns, about = (Column("step"), Column("parameters")), "Weights in memory: initial and final."
    told_of = dossier.models
    return _artifacts(dossier, "models", about, told_of, columns, lambda told: (told.body.step, tensors(dossier, told)))


def environments(dossier: Dossier) -> Sheet:
    """A row for each environment."""
    about = "Interpreter, packages and hardware, of each process that told its own; the packages stand in the manifest."
    return _artifacts(dossier, "environments", about, dossier.environments, (), lambda _: ())


def code(dossier: Dossier) -> Sheet:
    """A row for each program."""
    return _artifacts(dossier, "code", "The programs that trained.", dossier.codes, (), lambda _: ())


def _artifacts(
    dossier: Dossier,
    title: str,
    about: str,
    seen: Sequence[Told[_Seen]],
    extra: Iterable[Column],
    extra_cells: Callable[[Told[_Seen]], tuple[Value, ...]],
) -> Sheet:
    columns = (ID, *extra, DIGEST, Column("assurance", 14), _MANIFEST, _LOCATION, _FACTS, *TOLD)
    rows = (
        (
            node_name(dossier, told),
            *extra_cells(told),
            digest_cell(told.body),
            told.body.assurance,
            told.body.manifest,
            told.body.location,
            facts_cell(told.body.facts),
            *told_cells(dossier, told),
        )
        for told in seen
    )
    return Sheet.of(title, about, columns, rows)


def _values(dossier: Dossier, told: Told[ConfigSeen]) -> list[tuple[str, Value]]:
    value = dossier.manifest(told)
    return [(name, one_line(item)) for name, item in flat(value)] if isinstance(value, dict) else []


def _value_rows(dossier: Dossier, told: Told[ConfigSeen]) -> Iterator[tuple[Value, ...]]:
    defaulted = told.body.facts.get("training_arguments_defaulted")
    known = frozenset(map(str, defaulted)) if isinstance(defaulted, list) else None
    pointer = f"{told.evidence.pointer.rpartition('/record/')[0]}/manifests/{told.body.hash}"
    for name, value in _values(dossier, told):
        yield node_name(dossier, told), name, value, _origin(name, known), pointer


def _origin(name: str, defaulted: frozenset[str] | None) -> str:
    group, _, rest = name.partition(".")
    if group != "training_arguments" or defaulted is None:
        return "not recorded"
    return "library default" if rest.partition(".")[0] in defaulted else "set"
