"""Two runs beside each other: data, weights, configurations, environment, code, evaluations and metrics.

What differs comes first. What is alike is counted, and shown to whoever asks for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import zip_longest

from cognify_core.api.diffing import Diff, diff_lineages
from cognify_core.canonical import Json
from cognify_core.export.document.cells import figure, shown
from cognify_core.export.document.curves import is_noise
from cognify_core.export.document.graph import distinct_datasets
from cognify_core.export.document.measured import measured
from cognify_core.export.document.sections_config import flat
from cognify_core.export.dossier import Dossier, Told
from cognify_core.export.logged import Logged
from cognify_core.model.artifacts import Artifact
from cognify_core.model.digest import Digest
from cognify_core.model.evaluation_facts import EvaluationFacts
from cognify_core.model.lineage import Node
from cognify_core.model.plain import readable
from cognify_core.server.plots import Plot, plot
from cognify_core.server.portraits import PLOTS

LONGEST = 300
"""Of a value, so many characters are compared with the eye."""
WEIGHTS = ("base_model", "model", "checkpoint")


@dataclass(frozen=True, slots=True)
class Pair:
    """What two runs have under one name."""

    name: str
    first: str | None
    """None: the run has none."""
    second: str | None
    more: str = ""
    """What the two come to, where that is a number."""

    @property
    def differs(self) -> bool:
        """Whether they are not the same."""
        return self.first != self.second


@dataclass(frozen=True, slots=True)
class Side:
    """Pairs under one heading."""

    heading: str
    pairs: tuple[Pair, ...]

    @property
    def differing(self) -> tuple[Pair, ...]:
        """Those that are not the same."""
        return tuple(pair for pair in self.pairs if pair.differs)

    @property
    def alike(self) -> tuple[Pair, ...]:
        """Those that are."""
        return tuple(pair for pair in self.pairs if not pair.differs)


@dataclass(frozen=True, slots=True)
class Contents:
    """Something with content that two runs have under one name."""

    name: str
    kind: str
    first: Node | None
    second: Node | None
    elsewhere: str | None = None
    """What the other run calls that very content, where it has it under another name."""

    @property
    def verdict(self) -> str:
        """`same`, `other`, `first`, `second`, or `unknown` where a content was not seen."""
        if self.first is None or self.second is None:
            return "second" if self.first is None else "first"
        if self.first.hash is None or self.second.hash is None:
            return "unknown"
        return "same" if self.first.hash == self.second.hash else "other"


@dataclass(frozen=True)
class Comparison:
    """Two runs; each part is made when it is first asked for."""

    first: Dossier
    second: Dossier
    labels: tuple[str, str] = ("A", "B")

    @property
    def both(self) -> tuple[Dossier, Dossier]:
        """The two."""
        return self.first, self.second

    @cached_property
    def nodes(self) -> Diff:
        """Node by node, as `cognify diff` names what differs."""
        one, other = (dossier.run.record.lineage.nodes for dossier in self.both)
        return diff_lineages(one, other)

    @cached_property
    def data(self) -> tuple[Contents, ...]:
        """Datasets, by name and role."""
        return _contents(*(dict(_datasets(dossier)) for dossier in self.both))

    @cached_property
    def weights(self) -> tuple[Contents, ...]:
        """Base models, checkpoints and final weights, by id."""
        kept = ({node.id: node for node in dossier.nodes if node.type in WEIGHTS} for dossier in self.both)
        return _contents(*kept)

    @cached_property
    def configs(self) -> tuple[Side, ...]:
        """Configurations, the first with the first."""
        return tuple(self._sides(self.first.configs, self.second.configs, "Configuration"))

    @cached_property
    def environments(self) -> tuple[Side, ...]:
        """Packages, interpreter, hardware."""
        return tuple(self._sides(self.first.environments, self.second.environments, "Environment"))

    @cached_property
    def codes(self) -> tuple[Side, ...]:
        """The programs that trained."""
        return tuple(self._sides(self.first.codes, self.second.codes, "Code"))

    @cached_property
    def evaluations(self) -> Side:
        """What was measured, by evaluation, step and metric."""
        one, other = (dict(_measured(dossier)) for dossier in self.both)
        pairs = [_numbers(name, one.get(name), other.get(name)) for name in dict.fromkeys((*one, *other))]
        return Side("Evaluations", tuple(pairs))

    @cached_property
    def plots(self) -> tuple[Plot, ...]:
        """Metrics over each other: those that both logged first, those that say how fast the machine was last."""
        one, other = (dossier.metrics for dossier in self.both)
        names = sorted({*one, *other}, key=lambda name: (is_noise(name), name not in one or name not in other, name))
        drawn = (plot(name, self._told(one.get(name), other.get(name))) for name in names[:PLOTS])
        return tuple(each for each in drawn if each is not None)

    def _told(self, *metrics: Logged | None) -> list[tuple[str, Logged]]:
        none = Logged()
        return [(label, metric or none) for label, metric in zip(self.labels, metrics, strict=True)]

    def _sides(self, first: Sequence[Told[Artifact]], second: Sequence[Told[Artifact]], title: str) -> Iterator[Side]:
        """Each of one run with that of the other that stands in the same place; of a run without, only the other's."""
        for one, other in zip_longest(first, second):
            values = [_values(dossier, told) for dossier, told in zip(self.both, (one, other), strict=True)]
            names = dict.fromkeys(told.node_id for told in (one, other) if told is not None)
            pairs = (Pair(name, values[0].get(name), values[1].get(name)) for name in sorted({*values[0], *values[1]}))
            yield Side(f"{title} {' and '.join(names)}", tuple(pairs))


def _values(dossier: Dossier, told: Told[Artifact] | None) -> dict[str, str]:
    """What stands in a manifest, and the facts beside it, by dotted names."""
    if told is None:
        return {}
    manifest, digest = dossier.manifest(told), told.body.hash
    whole: dict[str, Json] = {"digest": None if digest is None else str(digest)}
    whole |= {name: readable(value) for name, value in told.body.facts.items()}
    whole |= manifest if isinstance(manifest, dict) else {}
    return {name: shown(value, LONGEST) for name, value in flat(whole) if name}


def _datasets(dossier: Dossier) -> Iterator[tuple[str, Node]]:
    """The datasets by name and role; further ones of the same are numbered."""
    known: dict[str, int] = {}
    by_id = {node.id: node for node in dossier.nodes}
    for dataset in distinct_datasets(dossier):
        name = f"{dataset.body.name} ({dataset.role})"
        known[name] = known.get(name, 0) + 1
        yield (name if known[name] == 1 else f"{name}, no. {known[name]}"), by_id[dataset.names[0]]


def _contents(first: Mapping[str, Node], second: Mapping[str, Node]) -> tuple[Contents, ...]:
    """Side by side, what differs first."""
    held = [{node.hash: name for name, node in each.items() if node.hash} for each in (first, second)]
    found = [
        Contents(name, (first.get(name) or second[name]).type, first.get(name), second.get(name))
        for name in dict.fromkeys((*first, *second))
    ]
    told = [_elsewhere(each, *held) for each in found]
    return tuple(sorted(told, key=lambda each: each.verdict == "same"))


def _elsewhere(each: Contents, first: Mapping[Digest, str], second: Mapping[Digest, str]) -> Contents:
    node, others = (each.first, second) if each.second is None else (each.second, first)
    if each.verdict not in ("first", "second") or node is None or node.hash is None:
        return each
    return replace(each, elsewhere=others.get(node.hash))


def _measured(dossier: Dossier) -> Iterable[tuple[str, float | None]]:
    for told in dossier.evaluations:
        facts = EvaluationFacts.of(told.body.facts)
        step = "" if told.body.step is None else f", step {told.body.step:,}"
        for metric in measured(told.body, facts):
            yield f"{told.body.name}{step}: {metric.name}", metric.value


def _numbers(name: str, first: float | None, second: float | None) -> Pair:
    one, other = (None if value is None else figure(value) for value in (first, second))
    more = "" if first is None or second is None else f"{second - first:+.6g}"
    return Pair(name, one, other, more)
