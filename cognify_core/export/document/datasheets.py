"""What is declared of datasets, by themselves or by what they were made from (Annex IV, 2(d); Art. 10(2))."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from cognify_core.canonical import Json
from cognify_core.export.document.cells import listed, said
from cognify_core.export.document.graph import Dataset, distinct_datasets, sources
from cognify_core.export.document.told_gaps import owner
from cognify_core.export.dossier import Dossier
from cognify_core.model.events import DatasetSeen

CATEGORIES = ("public", "private_licensed", "private_third_party", "crawled", "user_data", "synthetic", "other")
"""The source categories of the Commission's template for the summary of training content (Art. 53(1)(d))."""
ASKED: Mapping[str, str] = {
    "source_category": "Source category",
    "licence": "Licence",
    "obtained": "Obtained how",
    "selection": "Selection",
    "labelling": "Labelling",
    "cleaning": "Cleaning",
    "languages": "Languages",
    "personal_data": "Personal data",
    "tdm_opt_out": "Text-and-data-mining reservations",
    "approved_by": "Approved by",
}
"""What a datasheet must say (Annex IV, 2(d)), by the keyword that `cognify.dataset` takes."""
_ALSO = {"license": "licence", "labeling": "labelling", "language": "languages", "license_name": "licence"}


def declared(dataset: Dataset, behind: Iterable[Dataset], asked: str) -> str | None:
    """What is declared of a dataset, or of what it was made from; none where it is undeclared."""
    own = _own(dataset, asked)
    if own is not None:
        return own
    inherited = [(source, _own(source, asked)) for source in behind]
    if inherited and all(value is not None for _, value in inherited):
        return listed(f"{value} (source {source.body.name})" for source, value in inherited)
    return None


def undeclared(dossier: Dossier, asked: str) -> tuple[Dataset, ...]:
    """The datasets of which nobody has declared it."""
    behind = sources(dossier)
    return tuple(data for data in distinct_datasets(dossier) if declared(data, behind[data.names[0]], asked) is None)


def stated(bodies: Iterable[DatasetSeen], asked: str) -> str | None:
    """What the first of these says that says it."""
    for body in bodies:
        for key, value in body.provenance.items():
            if _ALSO.get(key, key) == asked and value not in (None, "", "undeclared"):
                text = said(value)
                return f"{text} (not one of the Commission's categories)" if _is_stray(asked, text) else text
    return None


def _own(dataset: Dataset, asked: str) -> str | None:
    return stated((told.body for told in dataset.every), asked)


def _is_stray(asked: str, text: str) -> bool:
    return asked == "source_category" and text not in CATEGORIES


def data_owner(dossier: Dossier) -> str:
    """Who says what a datasheet asks."""
    return owner(dossier.profile, "engineer", "annex_iv/2(d)")


def others(provenance: Mapping[str, Json]) -> Iterator[tuple[str, Json]]:
    """What else is said of a dataset."""
    return ((key, value) for key, value in provenance.items() if _ALSO.get(key, key) not in ASKED)
