"""Runs as pages show them; those that were looked at last are remembered, as long as nothing was added to them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

from cognify_core.api.telling import tell
from cognify_core.errors import ConfigurationError
from cognify_core.export.document.blocks import Prose, Section
from cognify_core.export.document.cells import count, cut, moment
from cognify_core.export.document.curves import is_noise, told_curves
from cognify_core.export.document.graph import Dataset, distinct_datasets
from cognify_core.export.document.sections_config import hyper_parameters
from cognify_core.export.document.sections_data import data_provenance
from cognify_core.export.document.sections_evaluations import evaluations
from cognify_core.export.document.sections_identity import identification
from cognify_core.export.document.sections_seal import seal_certificate
from cognify_core.export.document.sections_summary import summary, what_it_is
from cognify_core.export.document.told_gaps import owner, told_gaps
from cognify_core.export.dossier import Dossier
from cognify_core.export.seal_facts import SealFacts
from cognify_core.model.profile import Profile
from cognify_core.model.record import Status
from cognify_core.server.plots import Plot, plot

if TYPE_CHECKING:
    from cognify_core.api.workspace import Workspace
    from cognify_core.store.protocol import RunRow

PLOTS = 60
"""The most metrics that a page draws."""
MOST_BYTES = 64 << 20
"""Of events, in all runs that are remembered."""
Stamp: TypeAlias = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class OwnedGap:
    """A gap, and who mends it: whom the profile names for the role that the record gives."""

    subject: str
    reason: str
    mend: str | None
    owner: str


@dataclass(frozen=True)
class Portrait:
    """What a page tells of a run; each part is made when it is first asked for."""

    dossier: Dossier
    goes_on: bool

    @cached_property
    def summary(self) -> tuple[Prose, ...]:
        """The run in a dozen sentences."""
        if not self.goes_on:
            return tuple(item for block in summary(self.dossier).blocks for item in getattr(block, "items", ()))
        opened, events = self.dossier.opened, len(self.dossier.run.events)
        begun = f"It was opened on {moment(opened.time)} for the project {cut(opened.body.project, 80)} and goes on; "
        return (Prose(f"{begun}its record holds {count(events, 'event')} so far."), *what_it_is(self.dossier))

    @cached_property
    def gaps(self) -> tuple[OwnedGap, ...]:
        """What could not be seen."""
        return tuple(
            OwnedGap(each.gap.subject, each.gap.reason, each.gap.mend, owner(self._profile, each.gap.owner))
            for each in told_gaps(self.dossier)
        )

    @cached_property
    def datasets(self) -> tuple[Dataset, ...]:
        """Each dataset once."""
        return distinct_datasets(self.dossier)

    @cached_property
    def datasheets(self) -> tuple[Section, ...]:
        """What is declared of the datasets, and what nobody has declared."""
        return data_provenance(self.dossier)[1:]

    @cached_property
    def identity(self) -> Section:
        """Run, model and code."""
        return identification(self.dossier)

    @cached_property
    def configurations(self) -> tuple[Section, ...]:
        """Hyper-parameters, those that were set first."""
        return hyper_parameters(self.dossier)[1:]

    @cached_property
    def evaluations(self) -> tuple[Section, ...]:
        """Each evaluation with its intervals and groups."""
        return tuple(each for each in evaluations(self.dossier)[1:] if each.heading.startswith("Evaluation "))

    @cached_property
    def plots(self) -> tuple[Plot, ...]:
        """The metrics worth a drawing, losses first."""
        return self._drawn(tuple(curve.name for curve in told_curves(self.dossier)))

    @cached_property
    def other_plots(self) -> tuple[Plot, ...]:
        """The others, those that say how fast the machine was last."""
        known = {each.name for each in self.plots}
        return self._drawn(tuple(name for name in sorted(self.dossier.metrics, key=_later) if name not in known))

    @cached_property
    def seals(self) -> tuple[SealFacts, ...]:
        """The run's seal, then those of the addenda."""
        return self.dossier.seals

    @cached_property
    def certificate(self) -> tuple[Section, ...]:
        """What was signed, by which key, and how to check it without us."""
        return seal_certificate(self.dossier)[1:]

    @cached_property
    def weight(self) -> int:
        """How much it takes to remember it."""
        runs = (self.dossier.run, *self.dossier.addenda)
        return sum(len(event) for run in runs for event in run.events)

    @cached_property
    def _profile(self) -> Profile:
        try:
            return self.dossier.profile
        except ConfigurationError:  # a snapshot in another form: owners are named by their roles then
            return Profile()

    def _drawn(self, names: tuple[str, ...]) -> tuple[Plot, ...]:
        drawn = (plot(name, [("", self.dossier.metrics[name])]) for name in names[:PLOTS])
        return tuple(each for each in drawn if each is not None)


class Portraits:
    """Portraits by workspace and run. Any thread may ask."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_bytes
        self._known: OrderedDict[tuple[str, str], tuple[Stamp, Portrait]] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, room: Workspace, row: RunRow, stamp: Stamp | None = None) -> Portrait:
        """The portrait of a run as it stands. Whoever has asked for its `stamp_of` just now gives that.

        Raises:
            FormatError, StoreError: what the store holds of it is no record.
        """
        place, stamp = (room.name, row.run_id), stamp or stamp_of(room, row)
        with self._lock:
            known = self._known.get(place)
            if known is not None and known[0] == stamp:
                self._known.move_to_end(place)
                return known[1]
        portrait = Portrait(tell(room.store, row.run_id, room.ring.trusted()), row.status is Status.RUNNING)
        with self._lock:
            self._known[place] = stamp, portrait
            self._known.move_to_end(place)
            while len(self._known) > 1 and sum(each.weight for _, each in self._known.values()) > self._most:
                self._known.popitem(last=False)
        return portrait


def stamp_of(room: Workspace, row: RunRow) -> Stamp:
    """What changes when anything is added to the run."""
    addenda = ((each.run_id, each.size, each.status) for each in room.store.addenda(row.run_id))
    return row.nonce, row.size, row.status, *addenda


def _later(name: str) -> tuple[bool, str]:
    return is_noise(name), name
