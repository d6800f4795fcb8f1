"""How far runs answer a law: the whole table of one run, and the states of many, which are remembered.

What is told is what a package that is made now would say: the record and its addenda, and what the package would take
into an addendum first, the profile in force and, for documents that show it, the access log.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from cognify_core.api.exporting import clear_values
from cognify_core.api.refreshing import pending, profile_now
from cognify_core.api.telling import with_addendum
from cognify_core.canonical import encode
from cognify_core.errors import ConfigurationError, FormatError, StoreError
from cognify_core.export.dossier import Dossier
from cognify_core.export.templates.covered import Covered, State, state_of
from cognify_core.export.templates.points import Point
from cognify_core.export.templates.template import Answer
from cognify_core.model.digest import Digest
from cognify_core.model.events import Access, ProfileSeen
from cognify_core.model.record import Status
from cognify_core.server.mending import Mend, mends
from cognify_core.server.portraits import Portraits, stamp_of
from cognify_core.server.portraits import Stamp as OfRun

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cognify_core.api.workspace import Workspace
    from cognify_core.store.protocol import RunRow

MOST = 20_000
"""Runs whose states are remembered, each law by itself."""
WITHHELD = "It names accounts of people: shown to roles that may see the access log."
States: TypeAlias = tuple[State, ...]
"""How far each row of a law is answered, in their order."""
_Stamp: TypeAlias = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class CoveredRow:
    """A row of a law, as a run answers it."""

    point: Point
    cite: str
    answer: Answer
    state: State
    mends: tuple[Mend, ...]


@dataclass(frozen=True, slots=True)
class InForce:
    """The profile that a package of a project's run would hold, if it were made now."""

    body: ProfileSeen | None
    digest: str

    @classmethod
    def of(cls, room: Workspace, project: str) -> InForce:
        """That of a project.

        Raises:
            ConfigurationError, FormatError: what is kept does not read.
        """
        body = profile_now(room.store, project)
        return cls(body, "" if body is None else str(Digest.of(encode(body.profile))))


class Coverages:
    """Coverage by workspace, run and law. Any thread may ask."""

    def __init__(self, portraits: Portraits) -> None:
        self._portraits = portraits
        self._known: OrderedDict[tuple[str, str, str], tuple[_Stamp, States]] = OrderedDict()
        self._lock = threading.Lock()

    def rows(
        self, room: Workspace, row: RunRow, law: Covered, in_force: InForce, *, clear: bool
    ) -> tuple[CoveredRow, ...]:
        """Every row of a law, as a run answers it; with the names of accounts where `clear`.

        Raises:
            FormatError, StoreError, ConfigurationError: what the store holds of it is no record.
        """
        dossier = self._dossier(room, row, law, in_force)
        answers = law.answers(dossier)
        if law.template.shows_personal_data and not clear:
            bare = law.answers(replace(dossier, openings=()))
            shown = tuple(map(_shared, answers, bare))
        else:
            shown = answers
        sealed = row.status is Status.AUDIT_SEALED
        return tuple(
            CoveredRow(
                point, law.cite(point), told, state_of(answer), mends(point, answer, sealed=sealed, project=row.project)
            )
            for point, answer, told in zip(law.points, answers, shown, strict=True)
        )

    def states(self, room: Workspace, row: RunRow, law: Covered, in_force: InForce) -> States | None:
        """How far each row of a law is answered; none of a run whose record does not read.

        What was found is remembered for as long as nothing was added to the run, to its access log where the law asks
        for that, or to the profile.
        """
        return self.states_of((law,), room, row, in_force)[0]

    def states_of(
        self, laws: Sequence[Covered], room: Workspace, row: RunRow, in_force: InForce
    ) -> list[States | None]:
        """The same for each of some laws; what they share is asked for once."""
        stamp = stamp_of(room, row)
        return [self._states(room, row, law, in_force, stamp) for law in laws]

    def _states(self, room: Workspace, row: RunRow, law: Covered, in_force: InForce, of_run: OfRun) -> States | None:
        place, stamp = (room.name, row.run_id, law.name), _stamp(room, row, law, in_force, of_run)
        with self._lock:
            known = self._known.get(place)
            if known is not None and known[0] == stamp:
                self._known.move_to_end(place)
                return known[1]
        try:
            found = tuple(map(state_of, law.answers(self._dossier(room, row, law, in_force, of_run))))
        except (FormatError, StoreError, ConfigurationError):
            return None
        with self._lock:
            self._known[place] = stamp, found
            while len(self._known) > MOST:
                self._known.popitem(last=False)
        return found

    def _dossier(
        self, room: Workspace, row: RunRow, law: Covered, in_force: InForce, of_run: OfRun | None = None
    ) -> Dossier:
        """What a document of the law would be composed from."""
        dossier, personal = self._portraits.of(room, row, of_run).dossier, law.template.shows_personal_data
        said = [told.body for told in dossier.told if isinstance(told.body, ProfileSeen | Access)]
        bodies = pending(room.store, row.run_id, said, in_force.body, accesses=personal)
        dossier = with_addendum(dossier, bodies)
        if not personal:
            return dossier
        return replace(dossier, openings=tuple(clear_values(room.store, dossier.run, dossier.addenda)))


def _stamp(room: Workspace, row: RunRow, law: Covered, in_force: InForce, of_run: OfRun) -> _Stamp:
    """What changes when a document of the law would say something else."""
    stamp = (*of_run, in_force.digest)
    if not law.template.shows_personal_data:
        return stamp
    last = room.store.find_accesses(run_id=row.run_id, limit=1)
    return *stamp, *((access.position, len(access.openings)) for access in last)


def _shared(answer: Answer, bare: Answer) -> Answer:
    """An answer for those who see no names: as it is where it rests on none."""
    if answer == bare:
        return answer
    return replace(answer, says=(WITHHELD,), missing=(WITHHELD,) if answer.missing else ())
