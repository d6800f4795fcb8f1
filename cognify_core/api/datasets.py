"""Datasets that people name: with the rows that a model is fed they are matched, or become their source."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from cognify_core.api.saying import text_of
from cognify_core.canonical import Json
from cognify_core.capture.config import to_facts
from cognify_core.errors import ConfigurationError
from cognify_core.model.digest import Digest
from cognify_core.model.events import DatasetSeen, parse_event
from cognify_core.model.lineage import node_ids
from cognify_core.model.names import slug, stamp_time, utc_now
from cognify_core.model.words import datasheet_key
from cognify_core.record.run import Run

if TYPE_CHECKING:
    from cognify_core.api.session import Session
    from cognify_core.store.protocol import Store

SOURCE_CATEGORIES = (
    "public",
    "private_licensed",
    "private_third_party",
    "crawled",
    "user_data",
    "synthetic",
    "other",
)
"""The categories of the European Commission's template for training-content summaries (24.7.2025)."""


@dataclass(frozen=True, slots=True)
class DeclaredDataset:
    """What a person says of a dataset: its name, its version, where it comes from."""

    data: Any
    name: str
    role: str = "train"
    schema_version: str | None = None
    provenance: Mapping[str, Json] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        data: Any,
        *,
        name: str,
        role: str = "train",
        schema_version: str | None = None,
        source_category: str | None = None,
        **provenance: Json,
    ) -> Self:
        """Check what was said.

        Raises:
            ConfigurationError: there is no such source category, no such file, or a word that is almost one that
                datasheets ask for.
        """
        text_of("the name of a dataset", name)
        text_of("the role of a dataset", role)
        if isinstance(data, str | Path) and not any(c in str(data) for c in "*?[") and not _exists(Path(data)):
            named = f"the dataset {name[:80]!r} names {str(data)[:200]!r}"
            raise ConfigurationError(f"{named}, and no such file or folder exists")
        return cls(data, name, role, schema_version, checked_provenance(source_category, provenance))

    def is_of(self, dataset: Any) -> bool:
        """Whether this is that very dataset: the same object, or a `datasets.Dataset` of one fingerprint."""
        if self.data is dataset:
            return True
        mine, others = (getattr(each, "_fingerprint", None) for each in (self.data, dataset))
        return mine is not None and mine == others

    def feeds(self, role: str) -> bool:
        """Whether rows of that role may come from it."""
        return (self.role == "eval") == (role == "eval")


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name that no file system takes
        return False


@dataclass(frozen=True, slots=True)
class DatasetHandle:
    """A dataset that was named: what it is called, the run that it was recorded in, its digest."""

    name: str
    run_id: str | None = None
    """None where it waits for the next run."""
    hash: Digest | None = None
    """None where it is not hashed yet, or cannot be."""


def checked_provenance(source_category: str | None, said: Mapping[str, Json]) -> dict[str, Json]:
    """What is said of a dataset, by the words that documents look for.

    Raises:
        ConfigurationError: there is no such source category, or a word is almost one that datasheets ask for.
    """
    if source_category is not None and text_of("source_category", source_category) not in SOURCE_CATEGORIES:
        raise ConfigurationError(
            f"source_category cannot be {source_category[:80]!r}; it is one of {', '.join(SOURCE_CATEGORIES)}"
        )
    found: dict[str, Json] = {"source_category": source_category}
    for key, value in said.items():
        if (known := datasheet_key(key)) in found:
            raise ConfigurationError(f"{known} is said twice, once as {key!r}")
        found[known] = value
    return {key: value for key, value in found.items() if value is not None}


def say_datasheet(
    session: Session, dataset: str, run_id: str | None, source_category: str | None, said: Mapping[str, Json]
) -> DatasetHandle:
    """Say where a dataset of a run that has ended comes from, in an addendum that is sealed at once.

    The dataset is named by its node id, by its name where one has it, or by its digest; nothing of it is hashed again.

    Raises:
        ConfigurationError: nothing is said, or what is said is none; the run has no such dataset, or more than one.
        RunNotFoundError, RunStateError: there is no such run, or it is not sealed.
    """
    from cognify_core.api.refreshing import seal_addendum

    provenance = checked_provenance(source_category, said)
    if not provenance:
        raise ConfigurationError(f"nothing is said of {dataset}: say source_category=…, licence=…, obtained=…")
    wanted = session.wanted(run_id)
    session.settle()
    seen = _find_dataset(session.workspace.store, wanted, dataset)
    told = seen.model_copy(
        update={
            "ref": "datasheet",
            "at": stamp_time(utc_now()),
            "assurance": "declared",
            "reason": None,
            "inputs": (),
            "facts": {},
            "provenance": to_facts(provenance),
        }
    )
    seal_addendum(session.workspace, wanted, (told,))
    return DatasetHandle(seen.name, wanted, seen.hash)


def _find_dataset(store: Store, run_id: str, wanted: str) -> DatasetSeen:
    events = [parse_event(data) for data in store.events(run_id)]
    ids = node_ids(events)
    seen = {ids[event.body.ref]: event.body for event in events if isinstance(event.body, DatasetSeen)}
    if wanted in seen:
        return seen[wanted]
    found = [body for body in seen.values() if wanted in (body.name, str(body.hash))]
    if len({(body.name, body.hash) for body in found}) == 1:
        return found[0]
    what = "more than one dataset" if found else "no dataset"
    raise ConfigurationError(
        f"{run_id} has {what} called {wanted[:80]!r}; its datasets: {', '.join(list(seen)[:20]) or 'none'}"
    )


def say_dataset(session: Session, declared: DeclaredDataset, run_id: str | None) -> DatasetHandle:
    """Record a declared dataset where it belongs now, or keep it for the next run."""
    if session.is_off:
        return DatasetHandle(declared.name)
    live = session.current
    if run_id is None and (live is None or live.seal_when != "block"):
        session.declared.append(declared)
        return DatasetHandle(declared.name)
    live = session.writing_to(run_id)
    ref = record_declared(live.run, declared)
    if live.amends is None:
        live.run.add_inputs(ref)
        return DatasetHandle(declared.name, live.id)
    live.run.wait()
    return DatasetHandle(declared.name, live.amends, live.run.hash_of(ref))


def record_declared(run: Run, declared: DeclaredDataset, *, role: str | None = None, inputs: Sequence[str] = ()) -> str:
    """Digest a declared dataset and record it; return its ref."""
    return run.dataset(
        declared.data,
        name=declared.name,
        role=declared.role if role is None else role,
        schema_version=declared.schema_version,
        provenance=declared.provenance,
        inputs=inputs,
    )


def record_fed(
    run: Run,
    dataset: Any,
    *,
    name: str,
    role: str,
    declared: Iterable[DeclaredDataset],
    found: Callable[[], Sequence[str]] = tuple,
) -> tuple[str, bool]:
    """Record the rows that a model is fed or evaluated on, and link the sources declared for them.

    `found` gives the refs of sources that were seen rather than declared; they stand where no source is declared.
    Where there are several sets of rows, one that was declared under a set's name is the source of that one alone.

    Returns the ref, and whether it is known where the rows come from.
    """
    known = [each for each in declared if each.feeds(role)]
    for each in known:
        if each.is_of(dataset):
            return record_declared(run, each, role=role, inputs=found()), True
    seen = () if known else found()
    ref = run.dataset(dataset, name=name, role=role, inputs=seen)
    called_the_same = [each for each in known if slug(each.name) in (slug(name), slug(name.removeprefix(f"{role}_")))]
    for each in called_the_same or known:
        run.relate(record_declared(run, each, role="source"), ref)
    return ref, bool(known or seen)
