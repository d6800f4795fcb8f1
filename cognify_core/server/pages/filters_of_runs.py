"""What somebody looks for in the list of runs, as the address of the page holds it."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import StringConstraints

from cognify_core.model.digest import Digest
from cognify_core.model.names import day_after
from cognify_core.model.record import Status
from cognify_core.server.pages.addressed import Addressed
from cognify_core.store.finding import Wanted

Asked = Annotated[str, StringConstraints(max_length=200)]
Digested = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
UNSEALED: Literal["unsealed"] = "unsealed"
STATUSES: tuple[tuple[str, str], ...] = (
    ("", "Any"),
    (UNSEALED, "Not sealed"),
    (Status.RUNNING, "Running"),
    (Status.COMPLETED, "Completed, not sealed"),
    (Status.FAILED, "Failed, not sealed"),
    (Status.INTERRUPTED, "Interrupted, not sealed"),
    (Status.AUDIT_SEALED, "Sealed"),
)
GAPS: tuple[tuple[str, str], ...] = (("", "Any"), ("yes", "With gaps"), ("no", "Without gaps"))


class Filters(Addressed):
    """The form above the list. What is empty is not asked."""

    text: Asked | None = None
    project: Asked | None = None
    status: Literal["unsealed", "RUNNING", "COMPLETED", "FAILED", "INTERRUPTED", "AUDIT_SEALED"] | None = None
    gaps: Literal["yes", "no"] | None = None
    person: Asked | None = None
    since: date | None = None
    until: date | None = None
    """That day too."""
    holds: Digested | None = None
    """A content that was used or produced, `sha256:…`."""
    after: Asked | None = None
    """The run after which the page begins."""

    def wanted(self, *, people: bool) -> Wanted:
        """The same as a store takes it; who ran a run is asked only where `people` may be seen."""
        return Wanted(
            project=self.project,
            status=None if self.status is None or self.status == UNSEALED else Status(self.status),
            sealed=False if self.status == UNSEALED else None,
            gaps=None if self.gaps is None else self.gaps == "yes",
            person=self.person if people else None,
            text=self.text,
            since=None if self.since is None else self.since.isoformat(),
            holds=None if self.holds is None else Digest.parse(self.holds),
            until=day_after(self.until),
        )
