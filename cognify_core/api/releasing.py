"""Which run of a project is the released one: approved by somebody other than who ran it (SOC 2 CC8.1)."""

from __future__ import annotations

import unicodedata
from datetime import date
from typing import TYPE_CHECKING

from cognify_core.api.accesses import note_access
from cognify_core.api.profiles import today
from cognify_core.api.refreshing import seal_addendum
from cognify_core.api.saying import checked
from cognify_core.capture.commitments import opens
from cognify_core.errors import ConfigurationError
from cognify_core.model.events import Release, parse_event

if TYPE_CHECKING:
    from cognify_core.api.session import Session
    from cognify_core.store.protocol import Opening, Store


def release_run(
    session: Session,
    run_id: str,
    *,
    approved_by: str,
    role: str,
    ran_by: str | None,
    on: str | date | None,
    meaning: str | None,
    market_date: str | date | None,
) -> Release:
    """Say of a sealed run that it is the released one of its project, in an addendum; return what was said.

    Raises:
        ConfigurationError: who approves is who ran it, or nobody knows who ran it; a day is none.
        RunStateError: the run is not sealed.
        RunNotFoundError: there is no such run.
    """
    store = session.workspace.store
    row = store.run(run_id)
    users = [opening for opening in store.openings(run_id) if opening.label == "user" and opens(opening)]
    known = released_run(store, row.project)
    said = checked(
        lambda: Release(
            approved_by=approved_by.strip(),
            role=role.strip(),
            ran_by=_ran_by(ran_by, users),
            on=_day(on) or today(),
            meaning=meaning,
            market_date=_day(market_date),
            supersedes=known if known != run_id else None,
        )
    )
    _refuse_own_approval(said, users)
    seal_addendum(session.workspace, run_id, (said,))
    note_access(session, run_id, "release")
    return said


def released_run(store: Store, project: str) -> str | None:
    """The run of a project that was released last."""
    addenda = [row for row in store.runs(addenda=True) if row.amends is not None and row.project == project]
    last: tuple[str, str] | None = None
    for row in addenda:
        for event in store.events(row.run_id):
            if b'"kind":"release"' in event:
                said = parse_event(event)
                last = max(last or ("", ""), (said.time, str(row.amends)))
    return None if last is None else last[1]


def _ran_by(given: str | None, users: list[Opening]) -> str:
    if given is not None and given.strip():
        return given.strip()
    if not users:
        raise ConfigurationError("nothing here tells who ran it any more: say it with ran_by=… (--ran-by NAME)")
    return f"not named; the user behind the commitment {users[0].commitment}"


def _refuse_own_approval(said: Release, users: list[Opening]) -> None:
    if same_name(said.approved_by, said.ran_by):
        raise ConfigurationError(f"{said.approved_by} ran it: a run is released by somebody else than who ran it")
    if any(same_name(said.approved_by, opening.value) for opening in users):
        raise ConfigurationError(
            f"{said.approved_by} is the user who ran it, as the run's own commitment says: a run is released by "
            "somebody else than who ran it"
        )


def same_name(one: str, other: str) -> bool:
    """Whether two names are one person's, however they are written."""
    first, second = ("".join(unicodedata.normalize("NFKC", name).casefold().split()) for name in (one, other))
    return first == second


def _day(given: str | date | None) -> str | None:
    return given.isoformat() if isinstance(given, date) else given
