"""The access log of a workspace, as people ask for it: who looked, its head, whether it holds, what is to be erased."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cognify_core.api.workspace_tree import Where, WorkspaceTree
from cognify_core.capture.commitments import opens
from cognify_core.errors import ConfigurationError
from cognify_core.model.access_entries import AccessEntry
from cognify_core.verify.access_fsck import AccessReport, check_access_log
from cognify_core.verify.ledger_tree import Progress

if TYPE_CHECKING:
    from cognify_core.api.workspace import Workspace
    from cognify_core.model.events import Access
    from cognify_core.store.access_log import KeptAccess


@dataclass(frozen=True, slots=True)
class ShownAccess:
    """An entry, with what was not erased."""

    position: int
    run_id: str | None
    access: Access
    within: int
    actor: str | None
    """None: erased, or not what was committed to."""
    source: str | None


class WorkspaceAccesses(WorkspaceTree):
    """What can be asked of the access log of a workspace."""

    what = "access log"
    leaves_are = "entries"

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace.access_tree)
        self._store, self._workspace = workspace.store, workspace.name

    def page(
        self,
        *,
        run_id: str | None = None,
        person: str | None = None,
        since: str | None = None,
        until: str | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> list[ShownAccess]:
        """Up to `limit` entries, newest first, of those that `AccessLog.find_accesses` finds.

        Raises:
            RunNotFoundError: there is no such run, and never was.
            FormatError: an entry does not read; `check` names it.
        """
        found = self._store.find_accesses(
            run_id=run_id, person=person, since=since, until=until, before=before, limit=limit
        )
        if run_id is not None and not found:
            self._store.accesses(run_id)
        return [_shown(row) for row in found]

    def entries(self, start: int, count: int) -> list[bytes]:
        """The bytes that are hashed, of up to `count` entries from `start` on: commitments, and no clear value."""
        return [row.entry for row in self._store.access_rows(start, count)]

    def check(self, head: Where | None = None, progress: Progress | None = None) -> AccessReport:
        """Compute everything again.

        Raises:
            CannotVerifyError: the head cannot be read, or is another log's.
            VerificationError: nobody signed the head.
        """
        outside = None if head is None else self._own(head)
        return check_access_log(self._store, self.key, head=outside, workspace=self._workspace, progress=progress)

    def check_note(self, note: bytes) -> AccessReport:
        """The same, against the text of a head that somebody has kept.

        Raises:
            FormatError: it is none.
            CannotVerifyError, VerificationError: as `check`.
        """
        outside = self._verified(note, "what was given")
        return check_access_log(self._store, self.key, head=outside, workspace=self._workspace)

    def count(self, *, run_id: str | None = None, value: str | None = None) -> int:
        """How many clear values `erase` would erase.

        Raises:
            ConfigurationError: neither is given, or both.
        """
        _check_what(run_id, value)
        return self._store.count_clear(run_id=run_id, value=value)

    def erase(self, *, run_id: str | None = None, value: str | None = None) -> int:
        """Erase clear values: of a run's entries, or those that are `value`; return how many. The entries stay.

        Raises:
            ConfigurationError: neither is given, or both.
        """
        _check_what(run_id, value)
        return self._store.erase_accesses(run_id=run_id, value=value)


def _check_what(run_id: str | None, value: str | None) -> None:
    if (run_id is None) == (value is None):
        raise ConfigurationError("what is to be erased: the names beside one run's entries, or one name everywhere")


def _shown(row: KeptAccess) -> ShownAccess:
    entry = AccessEntry.parse(row.entry)
    clear = {opening.commitment: opening.value for opening in row.openings if opens(opening)}
    actor, source = clear.get(str(entry.access.actor)), clear.get(str(entry.access.source))
    return ShownAccess(row.position, row.run_id, entry.access, entry.within, actor, source)
