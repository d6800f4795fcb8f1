"""Which run of a project is the released one: approved by somebody other than who ran it (SOC 2 CC8.1)."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from cognify_core.api.accesses import note_access
from cognify_core.api.profiles import today
from cognify_core.api.refreshing import seal_addendum
from cognify_core.api.saying import checked, text_of
from cognify_core.capture.commitments import opens
from cognify_core.errors import ConfigurationError
from cognify_core.model.bodies import BY_COMMITMENT
from cognify_core.model.events import Release
from cognify_core.model.names import same_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from cognify_core.api.session import Session
    from cognify_core.api.workspace import Workspace
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
    said, _ = release_in(
        session.workspace,
        run_id,
        approved_by=approved_by,
        role=role,
        ran_by=ran_by,
        on=on,
        meaning=meaning,
        market_date=market_date,
    )
    note_access(session, run_id, "release")
    return said


def release_in(
    workspace: Workspace,
    run_id: str,
    *,
    approved_by: str,
    role: str,
    ran_by: str | None,
    on: str | date | None,
    meaning: str | None,
    market_date: str | date | None,
    still: Callable[[], object] | None = None,
) -> tuple[Release, str]:
    """The same, of a workspace; return what was said and the addendum that says it. For `still`, see `seal_addendum`.

    Raises:
        ConfigurationError, RunStateError, RunNotFoundError: as `release_run`.
    """
    store = workspace.store
    row = store.run(run_id)
    users = [opening for opening in store.openings(run_id) if opening.label == "user" and opens(opening)]
    known = released_run(store, row.project)
    said = checked(
        lambda: Release(
            approved_by=text_of("a name", approved_by),
            role=text_of("a role", role),
            ran_by=_ran_by(ran_by, users),
            on=_day(on) or today(),
            meaning=meaning,
            market_date=_day(market_date),
            supersedes=known if known != run_id else None,
        )
    )
    _refuse_own_approval(said, users)
    return said, seal_addendum(workspace, run_id, (said,), still=still)


def released_run(store: Store, project: str) -> str | None:
    """The run of a project that was released last."""
    found = store.releases(project)
    return found[-1][0] if found else None


def _ran_by(given: str | None, users: list[Opening]) -> str:
    if given is not None and given.strip():
        return given.strip()
    if not users:
        raise ConfigurationError("nothing here tells who ran it any more: say it with ran_by=… (--ran-by NAME)")
    return f"{BY_COMMITMENT} {users[0].commitment}"


def _refuse_own_approval(said: Release, users: list[Opening]) -> None:
    if same_name(said.approved_by, said.ran_by):
        raise ConfigurationError(f"{said.approved_by} ran it: a run is released by somebody else than who ran it")
    if any(same_name(said.approved_by, opening.value) for opening in users):
        raise ConfigurationError(
            f"{said.approved_by} is the user who ran it, as the run's own commitment says: a run is released by "
            "somebody else than who ran it"
        )


def _day(given: str | date | None) -> str | None:
    return given.isoformat() if isinstance(given, date) else given
