"""What a document needs and the record does not hold yet goes into an addendum first: profile, access log.

A package is a function of sealed bytes alone (`docs/formats.md`, Package), so nothing of this is read while one is
rendered.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cognify_core.api.profiles import effective_profile
from cognify_core.canonical import encode
from cognify_core.model.events import Access, Body, ProfileSeen, parse_event

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cognify_core.api.workspace import Workspace
    from cognify_core.export.formats import ExportFormat
    from cognify_core.store.protocol import Store


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
    store = workspace.store
    shows = kind.template is not None and kind.template.shows_personal_data
    said = _said(store, run_id)
    profile = _changed_profile(store, run_id, said)
    accesses = _new_accesses(store, run_id, said) if shows else []
    if profile is None and not accesses:
        return None
    bodies: Sequence[Body] = [*((profile,) if profile else ()), *accesses]
    return Refreshed(seal_addendum(workspace, run_id, bodies), profile is not None, len(accesses))


def seal_addendum(workspace: Workspace, run_id: str, bodies: Sequence[Body]) -> str:
    """Say something of a sealed run in an addendum of its own, which is sealed at once; return its id.

    Raises:
        RunStateError: the run is not sealed, or an addendum to it goes on.
    """
    addendum = workspace.open_addendum(run_id, os.urandom(16))
    for body in bodies:
        addendum.run.say(body)
    addendum.close("COMPLETED")
    addendum.seal()
    return addendum.id


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


def _changed_profile(store: Store, run_id: str, said: Sequence[Body]) -> ProfileSeen | None:
    now = profile_now(store, store.run(run_id).project)
    last = next((body for body in reversed(said) if isinstance(body, ProfileSeen)), None)
    if now is None or (last is not None and encode(last.profile) == encode(now.profile)):
        return None
    return now


def _new_accesses(store: Store, run_id: str, said: Sequence[Body]) -> list[Access]:
    """Those entries of the access log that no addendum holds: each has a commitment like no other."""
    held = {body.actor for body in said if isinstance(body, Access)}
    return [access for access in store.accesses(run_id) if access.actor not in held]
