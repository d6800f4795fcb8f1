"""Packages in vaults by when their lock ends, beside the lock that they should have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from cognify_core.api.holding import Holding
from cognify_core.api.rechecking import asked_of
from cognify_core.api.vaulting import stamp
from cognify_core.model.names import utc_now
from cognify_core.model.retention import Hold
from cognify_core.server.asking import Asked
from cognify_core.server.pages.addressed import Addressed
from cognify_core.server.pages.rendering import page
from cognify_core.server.roles import May
from cognify_core.server.seeing import seen
from cognify_core.server.visiting import visit
from cognify_core.store.keeping import VaultFact
from cognify_core.vault.protocol import LockState

router = APIRouter(prefix="/w/{workspace_id}/locks", tags=["pages"])
ROWS = 50
STATES = (("", "Whatever it is"), ("lesser", "Less than was asked for"))


class Filters(Addressed):
    """The form above the list. What is empty is not asked."""

    days: Annotated[int, Field(ge=0, le=36_500)] | None = None
    """Only locks that end within so many days, and those that hold nothing any more."""
    state: Literal["lesser"] | None = None
    after: Annotated[int, Field(ge=0, lt=2**53)] | None = None
    """The position after which the page begins."""


@dataclass(frozen=True, slots=True)
class Lying:
    """A package in a vault."""

    fact: VaultFact
    days: int | None
    """Until the lock ends, rounded down; below 0: it has ended. None: there is no lock."""
    hold: Hold | None
    """Until when its run must be kept."""
    enough: bool
    """Whether the lock lasts as long as that."""

    @property
    def name(self) -> str:
        """The name of the file."""
        return PurePosixPath(self.fact.key).name


@router.get("")
def show_locks(
    request: Request, asked: Annotated[Asked, visit(May.READ)], filters: Annotated[Filters, Query()]
) -> Response:
    """Packages in vaults, those first whose lock ends soonest."""
    now = utc_now()
    before = None if filters.days is None else stamp(now + timedelta(days=filters.days))
    lesser = filters.state is not None
    found = asked.room.store.find_locks(before, lesser=lesser, after=filters.after, limit=ROWS + 1)
    seen(asked, None, "locks")
    return page(
        request,
        "locks.html",
        filters=filters,
        states=STATES,
        listed=list(_lying(asked, [fact for _, fact in found[:ROWS]], now)),
        next=filters.address(after=found[ROWS - 1][0]) if len(found) > ROWS else None,
    )


def _lying(asked: Asked, facts: Sequence[VaultFact], now: datetime) -> Iterator[Lying]:
    store = asked.room.store
    holding, runs = Holding(store), {each.run_id: each for each in store.all_clocks([fact.run_id for fact in facts])}
    for fact in facts:
        clocks, lock = runs.get(fact.run_id), asked_of(fact)
        days = None if fact.until is None else (datetime.fromisoformat(fact.until) - now).days
        if clocks is None:
            yield Lying(fact, days, None, enough=False)
            continue
        wanted, hold = holding.lock(clocks, lock.mode)
        yield Lying(fact, days, hold, enough=fact.state == LockState.LOCKED and not wanted.outlasts(lock))
