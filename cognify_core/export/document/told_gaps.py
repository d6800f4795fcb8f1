"""The gaps of a dossier with where each is written, and who owns them."""

from __future__ import annotations

from dataclasses import dataclass

from cognify_core.export.document.cells import cut
from cognify_core.export.dossier import Dossier, Told
from cognify_core.model.bodies import Body, Gap
from cognify_core.model.events import Artifact
from cognify_core.model.profile import Profile

UNOWNED = "nobody is named"


@dataclass(frozen=True, slots=True)
class ToldGap:
    """A gap, and the event that says it: its own, or that of the artifact that was not resolved."""

    gap: Gap
    told: Told[Body]


def told_gaps(dossier: Dossier) -> tuple[ToldGap, ...]:
    """Every gap of the run and its addenda, in the order of the record."""
    subjects = {(told.addendum, told.body.subject) for told in dossier.of_kind(Gap)}
    found: list[ToldGap] = []
    for told in dossier.told:
        body = told.body
        if isinstance(body, Gap):
            found.append(ToldGap(body, told))
        elif isinstance(body, Artifact) and body.reason:
            named = {(told.addendum, body.id), (told.addendum, body.ref)}
            if not named & subjects:
                found.append(ToldGap(Gap(subject=body.id, reason=body.reason), told))
    return tuple(found)


def owner(profile: Profile, role: str, *points: str) -> str:
    """Who mends a gap: whom the profile names for one of the points of law or for the role, else the role itself."""
    named = (profile.gap_owners.get(key) for key in (*points, role))
    return cut(next((name for name in named if name), role or UNOWNED), 120)
