"""The released run of a project: one person proposes it, and another approves (SOC 2 CC8.1: changes are authorised).

A proposal is an attestation in an addendum, and so is a refusal; the approval is the release itself. Who was signed in
for each stands in the access log, which is where the second person is told from the first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cognify_core.api.access_log import WorkspaceAccesses
from cognify_core.api.profiles import today
from cognify_core.api.refreshing import seal_addendum
from cognify_core.api.releasing import release_in
from cognify_core.capture.commitments import opens
from cognify_core.errors import ConfigurationError, RunStateError
from cognify_core.model.events import Attestation, Body, Release, parse_event
from cognify_core.model.names import same_name
from cognify_core.server.seeing import did
from cognify_core.store.finding import RECORDED_BY

if TYPE_CHECKING:
    from collections.abc import Callable

    from cognify_core.server.asking import Asked
    from cognify_core.server.forms import NewApproval, NewProposal, NewRefusal
    from cognify_core.store.protocol import Store

PROPOSED, DECLINED = "release_proposed", "release_declined"
"""The forms of the attestations."""
PROPOSE, DECLINE, APPROVE = "propose_release", "decline_release", "release"
"""What the access log calls each."""
_MARKS = (b'"form":"release_', b'"kind":"release"')
_PAGE, _MOST = 200, 20_000
"""Entries of the access log that are looked through for whoever proposed."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """That a run be released; it waits for a second person."""

    addendum: str
    said: Attestation

    @property
    def ran_by(self) -> str | None:
        """Who ran it, as the proposal says."""
        return _fact(self.said, "ran_by")

    @property
    def market_date(self) -> str | None:
        """When the system is placed on the market, as the proposal says."""
        return _fact(self.said, "market_date")


@dataclass(frozen=True, slots=True)
class Released:
    """A release of a run, as the project's history has it."""

    run_id: str
    said: Release
    is_last: bool
    """No other run of the project was released after it."""


def proposal_of(store: Store, run_id: str) -> Proposal | None:
    """The proposal that waits: the last one, if neither a refusal nor a release came after it."""
    waiting: Proposal | None = None
    for row in store.addenda(run_id):
        for event in store.events(row.run_id):
            if any(mark in event for mark in _MARKS):
                waiting = _after(parse_event(event).body, row.run_id, waiting)
    return waiting


def releases_of(store: Store, project: str) -> dict[str, Released]:
    """The released runs of a project, each by its last release; in the order in which they were released."""
    found: dict[str, Released] = {}
    known = store.releases(project)
    for place, (run_id, event) in enumerate(known, 1):
        body = parse_event(event).body
        found.pop(run_id, None)
        if isinstance(body, Release):
            found[run_id] = Released(run_id, body, is_last=place == len(known))
    return found


def propose(asked: Asked, run_id: str, new: NewProposal) -> str:
    """Propose that a sealed run be released; return the addendum that says so.

    Raises:
        RunStateError: it is not sealed, is the released one already, or a proposal waits.
    """
    _refuse_proposed(asked, run_id)
    facts = {"ran_by": new.ran_by, "market_date": new.market_date}
    said = Attestation(
        claim=new.reason,
        by=new.by,
        role=new.role,
        meaning="proposed for release",
        on=today(),
        form=PROPOSED,
        facts={name: value for name, value in facts.items() if value} or None,
    )
    return _said(asked, run_id, said, PROPOSE, still=lambda: _refuse_proposed(asked, run_id))


def decline(asked: Asked, run_id: str, new: NewRefusal) -> str:
    """Say that a proposal is not followed, and why; return the addendum that says so.

    Raises:
        RunStateError: no proposal waits.
    """
    proposal = _require(asked, run_id)
    said = Attestation(
        claim=new.reason, by=new.by, role=new.role, meaning="declined for release", on=today(), form=DECLINED
    )
    return _said(asked, run_id, said, DECLINE, still=lambda: _require_same(asked, run_id, proposal))


def approve(asked: Asked, run_id: str, new: NewApproval) -> Release:
    """Release a run that somebody else has proposed; return what was said.

    Raises:
        RunStateError: no proposal waits, or it is not told any more who proposed it.
        ConfigurationError: who approves is who proposed or ran it, by the name or by who is signed in.
    """
    proposal = _require(asked, run_id)
    if (reason := refusal(asked, run_id, proposal)) is not None:
        raise ConfigurationError(reason)
    if same_name(new.approved_by, proposal.said.by):
        raise ConfigurationError(f"{new.approved_by} proposed it: a release is approved by a second person")
    said, addendum = release_in(
        asked.room,
        run_id,
        approved_by=new.approved_by,
        role=new.role,
        ran_by=proposal.ran_by,
        on=None,
        meaning=new.meaning or "approved for release",
        market_date=proposal.market_date,
        still=lambda: _require_same(asked, run_id, proposal),
    )
    asked.room.outbox.sealed(run_id)
    did(asked, run_id, APPROVE, subject=addendum)
    return said


def refusal(asked: Asked, run_id: str, proposal: Proposal) -> str | None:
    """Why whoever is signed in cannot approve a proposal; none where they can."""
    proposer = _signed_in_for(asked, run_id, proposal.addendum)
    if proposer is None:
        return "the access log does not tell any more who was signed in when it was proposed: propose it anew"
    if proposer == asked.caller.name:
        return "you proposed it yourself: a release is approved by a second person, signed in as somebody else"
    begun = [each for each in asked.room.store.openings(run_id) if each.label == RECORDED_BY and opens(each)]
    if any(each.value == asked.caller.name for each in begun):
        return "you began this run: a run is released by somebody else than who ran it"
    return None


def _signed_in_for(asked: Asked, run_id: str, addendum: str) -> str | None:
    """Who was signed in when an addendum was sent here; none where nobody was, or the name was erased."""
    log, before = WorkspaceAccesses(asked.room), None
    for _ in range(_MOST // _PAGE):
        page = log.page(run_id=run_id, before=before, limit=_PAGE)
        for entry in page:
            if entry.access.subject == addendum and entry.access.action == PROPOSE:
                return entry.actor if entry.access.observed_by == "server" else None
        if len(page) < _PAGE:
            return None
        before = page[-1].position
    return None


def _after(body: Body, addendum: str, waiting: Proposal | None) -> Proposal | None:
    """What waits after something was said."""
    if isinstance(body, Attestation) and body.form == PROPOSED:
        return Proposal(addendum, body)
    ends = isinstance(body, Release) or (isinstance(body, Attestation) and body.form == DECLINED)
    return None if ends else waiting


def _require(asked: Asked, run_id: str) -> Proposal:
    if (waiting := proposal_of(asked.room.store, run_id)) is None:
        raise RunStateError("nobody has proposed that this run be released, or it was declined or released since")
    return waiting


def _require_same(asked: Asked, run_id: str, proposal: Proposal) -> None:
    if _require(asked, run_id).addendum != proposal.addendum:
        raise RunStateError("it was declined and proposed anew meanwhile: look at the new proposal")


def _refuse_proposed(asked: Asked, run_id: str) -> None:
    store = asked.room.store
    if (waiting := proposal_of(store, run_id)) is not None:
        raise RunStateError(f"{waiting.said.by} has proposed it already: it waits for a second person")
    known = releases_of(store, store.run(run_id).project).get(run_id)
    if known is not None and known.is_last:
        raise RunStateError(f"it is the released run already, approved by {known.said.approved_by}")


def _said(asked: Asked, run_id: str, said: Attestation, action: str, *, still: Callable[[], None]) -> str:
    addendum = seal_addendum(asked.room, run_id, [said], still=still)
    asked.room.outbox.sealed(run_id)
    did(asked, run_id, action, subject=addendum)
    return addendum


def _fact(said: Attestation, name: str) -> str | None:
    value = (said.facts or {}).get(name)
    return value if isinstance(value, str) else None
