"""What a document needs and the record does not hold yet goes into an addendum first: profile, access log.

A package is a function of sealed bytes alone (`docs/formats.md`, Package), so nothing of this is read while one is
rendered.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cognify_core.api.profiles import effective_profile
from cognify_core.canonical import encode
from cognify_core.errors import AddendumGoesOnError, AddendumTakenError
from cognify_core.model.events import Access, Body, ProfileSeen, parse_event
from cognify_core.model.record import Status
from cognify_core.record.recover import interrupt

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cognify_core.api.live import LiveRun
    from cognify_core.api.workspace import Workspace
    from cognify_core.export.formats import ExportFormat
    from cognify_core.store.protocol import Store

_PATIENCE_SECONDS = 5.0
"""How long an addendum of somebody else is waited for."""
_MOMENT = 0.03


@dataclass(frozen=True, slots=True)
class Refreshed:
    """An addendum that was made before an export."""

    addendum: str
    """Its run id."""
    profile: bool
    """Whether it holds the profile, which had changed."""
    accesses: int
    """How many entries of the access log it holds."""

    def __str__(self) -> str:
        held = ["the profile, which has changed"] if self.profile else []
        held += [f"the access log since the last one ({self.accesses} more)"] if self.accesses else []
        return f"a new addendum, {self.addendum}, holds {' and '.join(held)}"


def refresh(workspace: Workspace, run_id: str, kind: ExportFormat) -> Refreshed | None:
    """Seal an addendum with what a document of that kind needs and the sealed run does not hold; none where it does.

    The JSON package without a template needs nothing: it carries what was recorded.

    Raises:
        RunStateError: the run is not sealed, or an addendum to it goes on.
        ConfigurationError, FormatError: the profile that is kept does not read.
    """
    if kind.format == "json" and kind.template is None:
        return None
    shows = kind.template is not None and kind.template.shows_personal_data
    store, said = workspace.store, _said(workspace.store, run_id)
    bodies = pending(store, run_id, said, profile_now(store, store.run(run_id).project), accesses=shows)
    if not bodies:
        return None
    held = [isinstance(body, Access) for body in bodies]
    return Refreshed(seal_addendum(workspace, run_id, bodies), profile=not all(held), accesses=sum(held))


def pending(
    store: Store, run_id: str, said: Sequence[Body], profile: ProfileSeen | None, *, accesses: bool
) -> list[Body]:
    """What a document needs and nobody has said of the run yet.

    Args:
        store: where the access log is.
        run_id: the run.
        said: what the run and its addenda say of profiles and accesses, in their order.
        profile: the one in force.
        accesses: whether the document shows the access log.
    """
    last = next((body for body in reversed(said) if isinstance(body, ProfileSeen)), None)
    changed = profile is not None and (last is None or encode(last.profile) != encode(profile.profile))
    return [*((profile,) if profile and changed else ()), *(_new_accesses(store, run_id, said) if accesses else ())]


def seal_addendum(
    workspace: Workspace, run_id: str, bodies: Sequence[Body], *, still: Callable[[], object] | None = None
) -> str:
    """Say something of a sealed run in an addendum of its own, which is sealed at once; return its id.

    Whoever says something at the same time comes before or after. An addendum whose process has died is sealed as far
    as it had come.

    Args:
        workspace: the run's.
        run_id: the run.
        bodies: what is said.
        still: raises where it must not be said any more; between this and the addendum there is no other.

    Raises:
        RunStateError: the run is not sealed, or an addendum to it goes on for long; and what `still` raises.
    """
    by = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            addendum = _opened(workspace, run_id, still)
            break
        except (AddendumGoesOnError, AddendumTakenError):
            if time.monotonic() > by:
                raise
            time.sleep(_MOMENT)
    for body in bodies:
        addendum.run.say(body)
    addendum.close("COMPLETED")
    addendum.seal()
    return addendum.id


def _opened(workspace: Workspace, run_id: str, still: Callable[[], object] | None) -> LiveRun:
    """The next addendum, after whatever somebody has left behind was sealed."""
    known = workspace.store.addenda(run_id)
    for last in known[-1:]:
        goes_on = last.status is Status.RUNNING and not interrupt(workspace.store, last.run_id)
        if last.status is not Status.AUDIT_SEALED and not goes_on:
            workspace.seal(last.run_id)
    if still is not None:
        still()
    return workspace.open_addendum(run_id, os.urandom(16), after=len(known))


def profile_now(store: Store, project: str) -> ProfileSeen | None:
    """A snapshot of the profile in force; none where none was ever given."""
    profile = effective_profile(store, project)
    return None if profile is None else ProfileSeen(project=project, profile=profile.to_json())


def _said(store: Store, run_id: str) -> list[Body]:
    """What a run and its addenda say of profiles and accesses; other events, of which there may be many, unread."""
    runs = (run_id, *(row.run_id for row in store.addenda(run_id)))
    wanted = tuple(f'"kind":"{kind}"'.encode() for kind in ("profile", "access"))
    return [
        parse_event(event).body for one in runs for event in store.events(one) if any(mark in event for mark in wanted)
    ]


def _new_accesses(store: Store, run_id: str, said: Sequence[Body]) -> list[Access]:
    """Those entries of the access log that no addendum holds: each has a commitment like no other."""
    held = {body.actor for body in said if isinstance(body, Access)}
    return [access for access in store.accesses(run_id) if access.actor not in held]
