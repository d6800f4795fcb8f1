"""`cognify access fsck`: the whole access log computed again, and held against the heads that were signed over it.

Every append is kept with a signed head, so an entry that was edited, taken out or put in between shows, unless
whoever did it has the log's key too. An end that was cut off shows by a head that lies elsewhere, and by addenda: what
they tell of accesses is in the log.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cognify_core.canonical import Json
from cognify_core.capture.commitments import opens
from cognify_core.errors import CognifyError, FormatError, VerificationError
from cognify_core.merkle import Frontier, leaf_hash
from cognify_core.model.access_entries import AccessEntry
from cognify_core.model.events import Access, parse_event
from cognify_core.seal.notes import Head, LogKey, SignedHead
from cognify_core.store.access_log import KeptAccess
from cognify_core.store.protocol import Store
from cognify_core.verify.ledger_tree import Kept, Progress, Tree
from cognify_core.verify.report import Finding, contradicts, exit_code_of, unchecked

ROWS_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class AccessReport:
    """What was found of an access log."""

    size: int
    root: str
    signed: int
    """How many entries the last head is over."""
    findings: tuple[Finding, ...]

    @property
    def exit_code(self) -> int:
        """0 it holds, 1 it does not, 2 it could not be checked to the end."""
        return exit_code_of(self.findings)

    def to_json(self) -> dict[str, Json]:
        """The report as `--json` prints it."""
        return {
            "entries": self.size,
            "root": self.root,
            "signed": self.signed,
            "exit_code": self.exit_code,
            "findings": [finding.to_json() for finding in self.findings],
        }


def check_access_log(
    store: Store,
    key: LogKey,
    *,
    head: Head | None = None,
    workspace: str = "default",
    progress: Progress | None = None,
) -> AccessReport:
    """Compute an access log again: tree, entries, heads, clear values, and what addenda tell of it.

    Args:
        store: the store.
        key: the one that signs its heads.
        head: a head from outside, verified.
        workspace: whose log.
        progress: told how many entries are done, and of how many; twice through.

    Raises:
        StoreError: the store cannot be read at all.
    """
    progress = progress or (lambda _done, _total: None)
    size = store.access_size(workspace=workspace)
    tree = Tree(_kept(store, workspace))
    tree.check(size, progress)
    entries = _Entries(key, workspace, told=_told_in_addenda(store, workspace), outside=head)
    for first in range(0, size, ROWS_AT_ONCE):
        rows = store.access_rows(first, min(ROWS_AT_ONCE, size - first), workspace=workspace)
        for row in rows:
            entries.read(row)
        progress(first + len(rows), size)
    found = [*tree.findings, *entries.findings, *entries.at_the_end()]
    return AccessReport(size, entries.root.hex(), entries.signed, tuple(found))


def _kept(store: Store, workspace: str) -> Kept:
    return Kept(
        lambda first, count: [row.entry for row in store.access_rows(first, count, workspace=workspace)],
        lambda level, place, count: store.node_row(level, place, count, tree="accesses", workspace=workspace),
        code="access",
        leaf="entry",
    )


def _told_in_addenda(store: Store, workspace: str) -> dict[str, str]:
    """The commitments to actors of all accesses that addenda tell of, each with the addendum."""
    told: dict[str, str] = {}
    for row in store.runs(workspace=workspace, addenda=True):
        if row.amends is None:
            continue
        for event in store.events(row.run_id):
            try:
                body = parse_event(event).body if b'"kind":"access"' in event else None
            except FormatError:  # for `verify` to name
                continue
            if isinstance(body, Access):
                told[str(body.actor)] = row.run_id
    return told


class _Entries:
    """The rows of a log, read one after the other."""

    def __init__(self, key: LogKey, workspace: str, *, told: dict[str, str], outside: Head | None) -> None:
        self._key, self._workspace, self._missed, self._outside = key, workspace, told, outside
        self._frontier = Frontier()
        self._outside_root: bytes | None = None
        self._rewritten = False
        self.signed = 0
        self.findings: list[Finding] = []

    @property
    def root(self) -> bytes:
        """The root over what was read."""
        return self._frontier.root()

    def read(self, row: KeptAccess) -> None:
        """Read the next one."""
        self._frontier.append(leaf_hash(row.entry))
        try:
            self._check_entry(row)
        except CognifyError as error:
            self._contradict("access_entry", f"entry {row.position} does not read: {error}")
        if row.head is not None:
            self._check_head(row.position + 1, row.head)
        if self._outside is not None and self._frontier.size == self._outside.size:
            self._outside_root = self.root

    def at_the_end(self) -> Iterator[Finding]:
        """What is to be said when all were read."""
        if (unsigned := self._frontier.size - self.signed) and not self._rewritten:
            told = f"no signed head is over the last {unsigned} entries: they were appended where there was no key"
            yield unchecked("access_unsigned", told, "ledger")
        for actor, addendum in self._missed.items():
            told = f"{addendum}, an addendum, tells of an access (actor {actor}) that the log does not have"
            yield contradicts("access_gone", told, "ledger")
        if (head := self._outside) is None:
            return
        if head.size > self._frontier.size:
            told = f"the head from outside has {head.size} entries, and the log {self._frontier.size}: it was cut off"
            yield contradicts("access_rolled_back", told, "ledger")
        elif head.size and self._outside_root != head.root:
            told = f"the first {head.size} entries are not those of the head from outside: the log was rewritten"
            yield contradicts("access_rewritten", told, "ledger")

    def _check_entry(self, row: KeptAccess) -> None:
        entry, place = AccessEntry.parse(row.entry), self._frontier.size - 1
        said = entry.workspace, entry.position, entry.run_id, row.position
        if said != (self._workspace, place, row.run_id, place):
            told = f"entry {place} says that it is entry {entry.position} of {entry.workspace}, of {entry.run_id}"
            self._contradict("access_entry", f"{told}, and stands as {row.position}, of {row.run_id}")
        self._missed.pop(str(entry.access.actor), None)
        committed = {str(entry.access.actor), str(entry.access.source)}
        for opening in row.openings:
            if opening.commitment not in committed or not opens(opening):
                told = f"the clear value ({opening.label}) beside entry {place} is not what was committed to"
                self._contradict("access_clear", told)

    def _check_head(self, size: int, note: bytes) -> None:
        try:
            head = SignedHead.parse(note).verify(self._key)
        except (FormatError, VerificationError) as error:
            self._contradict("access_head", f"the head that is kept with entry {size - 1} is none: {error}")
            return
        if (head.size, head.root) == (size, self.root):
            self.signed = size
        elif not self._rewritten:
            self._rewritten = True
            told = f"entries {self.signed} to {size - 1} are not those that a head of {head.size} was signed over"
            self._contradict("access_rewritten", f"{told}: one was changed, taken out or put in")

    def _contradict(self, code: str, message: str) -> None:
        self.findings.append(contradicts(code, message, "ledger"))
