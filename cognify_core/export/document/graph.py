"""What came from what, of datasets and evaluations: the part of the lineage that tables show."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cognify_core.export.dossier import Dossier, Told
from cognify_core.model.events import Artifact, DatasetSeen, EvaluationSeen


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset, once: one that an addendum meets again with the same name and digest is the one that it was."""

    first: Told[DatasetSeen]
    names: tuple[str, ...]
    """Its nodes in the lineage."""
    every: tuple[Told[DatasetSeen], ...]

    @property
    def body(self) -> DatasetSeen:
        """What was first said of it."""
        return self.first.body

    @property
    def role(self) -> str:
        """What it was used for."""
        return " and ".join(dict.fromkeys(told.body.role for told in self.every))


def node_name(dossier: Dossier, told: Told[Artifact]) -> str:
    """The id of an artifact's node in the dossier's lineage; those of addenda have the addendum's before them."""
    return told.node_id if told.addendum == 0 else f"{dossier.addenda[told.addendum - 1].run_id}/{told.node_id}"


def distinct_datasets(dossier: Dossier) -> tuple[Dataset, ...]:
    """The datasets, each once, in the order in which they were met."""
    groups: dict[tuple[str, str], list[Told[DatasetSeen]]] = {}
    for told in dossier.datasets:
        same = (told.body.name, str(told.body.hash)) if told.body.hash else (node_name(dossier, told), "")
        groups.setdefault(same, []).append(told)
    return tuple(
        Dataset(group[0], tuple(node_name(dossier, told) for told in group), tuple(group)) for group in groups.values()
    )


def datasets_behind(dossier: Dossier, names: Iterable[str]) -> dict[str, tuple[Dataset, ...]]:
    """For each of these nodes, the datasets that it came from directly."""
    by_name = {name: dataset for dataset in distinct_datasets(dossier) for name in dataset.names}
    found: dict[str, dict[str, Dataset]] = {name: {} for name in names}
    for edge in dossier.edges:
        if edge.target in found and edge.source in by_name:
            dataset = by_name[edge.source]
            found[edge.target][dataset.names[0]] = dataset
    return {name: tuple(datasets.values()) for name, datasets in found.items()}


def sources(dossier: Dossier) -> dict[str, tuple[Dataset, ...]]:
    """For each dataset, by the name of its first node, those that it was made from."""
    datasets = distinct_datasets(dossier)
    behind = datasets_behind(dossier, (name for dataset in datasets for name in dataset.names))
    return {
        dataset.names[0]: tuple({source.names[0]: source for name in dataset.names for source in behind[name]}.values())
        for dataset in datasets
    }


def evaluated_on(dossier: Dossier, evaluations: Iterable[Told[EvaluationSeen]]) -> dict[str, tuple[Dataset, ...]]:
    """For each evaluation, by the name of its node, the datasets that it was made on."""
    return datasets_behind(dossier, (node_name(dossier, told) for told in evaluations))
