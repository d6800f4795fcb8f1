"""`cognify ledger fsck`: the whole ledger computed again, and the store beside it held against what it lists.

A run that was deleted is missed by its `opened` leaf; one that was put into the database by hand has none. What a
ledger cannot know is whether it is itself the one that others have seen: that a head from outside tells.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cognify_core.canonical import Json
from cognify_core.errors import CognifyError, LedgerError
from cognify_core.merkle_nodes import joined, peaks
from cognify_core.model.digest import Digest
from cognify_core.seal.bundle import Bundle
from cognify_core.seal.ledger_proof import LedgerProof
from cognify_core.seal.ledger_statements import OPENED_SUBJECT
from cognify_core.seal.notes import Head
from cognify_core.seal.signing import PublicKey
from cognify_core.store.protocol import LeafKind, RunRow, Store
from cognify_core.verify.ledger_leaves import Leaves, Listed
from cognify_core.verify.ledger_tree import Progress, Tree, kept_ledger
from cognify_core.verify.report import Finding, contradicts, exit_code_of, unchecked


@dataclass(frozen=True, slots=True)
class LedgerReport:
    """What was found of a ledger."""

    size: int
    root: str
    findings: tuple[Finding, ...]

    @property
    def exit_code(self) -> int:
        """0 it holds, 1 it does not, 2 it could not be checked to the end."""
        return exit_code_of(self.findings)

    def to_json(self) -> dict[str, Json]:
        """The report as `--json` prints it."""
        return {
            "leaves": self.size,
            "root": self.root,
            "exit_code": self.exit_code,
            "findings": [finding.to_json() for finding in self.findings],
        }


def _no_progress(_done: int, _total: int) -> None:
    """Tell nobody."""


def check_whole_ledger(
    store: Store,
    trusted: tuple[PublicKey, ...],
    *,
    head: Head | None = None,
    workspace: str = "default",
    progress: Progress | None = None,
) -> LedgerReport:
    """Compute a ledger again: tree, signatures, and what it lists against what the store holds.

    Args:
        store: the store.
        trusted: the pinned keys.
        head: a head from outside, verified.
        workspace: whose ledger.
        progress: told how many leaves are done, and of how many; twice through.

    Raises:
        StoreError: the store cannot be read at all.
    """
    tree, leaves = Tree(kept_ledger(store, workspace)), Leaves(trusted)
    progress = progress or _no_progress
    size = store.ledger_size(workspace=workspace)
    tree.check(size, progress)
    try:
        for position, leaf in enumerate(store.leaves(workspace=workspace)):
            leaves.read(position, leaf)
            progress(position + 1, size)
    except LedgerError as error:
        leaves.findings.append(contradicts("ledger_leaf", str(error), "ledger"))
    found = [*tree.findings, *leaves.findings, *_Beside(store, leaves, workspace).check()]
    if head is not None:
        found += _under(head, store, tree, workspace)
    return LedgerReport(tree.size, tree.root.hex(), tuple(found))


def _under(head: Head, store: Store, tree: Tree, workspace: str) -> Iterator[Finding]:
    """Whether this ledger is the one that a head from outside speaks of, grown."""
    if head.size > tree.size:
        told = f"the head from outside has {head.size} leaves, and the ledger {tree.size}: it was rolled back"
        yield contradicts("ledger_rolled_back", told, "ledger")
    elif _root(store, head.size, workspace) != head.root:
        told = f"the first {head.size} leaves are not those of the head from outside: the history was rewritten"
        yield contradicts("ledger_rewritten", told, "ledger")


def _root(store: Store, size: int, workspace: str) -> bytes | None:
    try:
        kept = store.nodes(peaks(size), workspace=workspace)
    except LedgerError:
        return None
    return joined([kept[node] for node in peaks(size)])


class _Beside:
    """The runs, seals and receipts of a store, against the leaves of its ledger."""

    def __init__(self, store: Store, leaves: Leaves, workspace: str) -> None:
        self._store, self._leaves, self._workspace = store, leaves, workspace

    def check(self) -> Iterator[Finding]:
        rows = {row.run_id: row for row in self._store.runs(workspace=self._workspace, addenda=True)}
        for row in rows.values():
            try:
                yield from self._check_run(row)
            except CognifyError as error:
                yield contradicts("ledger_run", f"{row.run_id} does not read: {error}", "ledger")
        gone = self._leaves.of("tombstone")
        for run_id, listed in self._leaves.of("opened").items():
            if run_id not in rows and run_id not in gone:
                begun = listed.opened.predicate.opened_at if listed.opened else "some time"
                told = f"{run_id}, begun at {begun} (leaf {listed.position}), is gone, and was not discarded"
                yield contradicts("run_deleted", told, "ledger")
            if run_id in rows and run_id in gone:
                told = f"{run_id} is there, and leaf {gone[run_id].position} says that it was discarded"
                yield contradicts("run_discarded", told, "ledger")
        yield from self._check_tombstones()
        yield from self._check_seals_of_the_gone(rows)

    def _check_run(self, row: RunRow) -> Iterator[Finding]:
        kind: LeafKind = "seal" if row.amends is None else "addendum"
        opened, sealed = self._leaves.of("opened").get(row.run_id), self._leaves.of(kind).get(row.run_id)
        what = f"{row.run_id} ({'a run' if row.amends is None else f'an addendum to {row.amends}'}, {row.status})"
        if opened is None and sealed is None:
            told = f"{what} is in the store, and no leaf has opened it: it was put there by hand, or not logged then"
            yield contradicts("run_unlisted", told, "ledger")
        elif opened is None:
            yield unchecked("run_unlisted", f"{what}: no leaf has opened it, and it was sealed since", "ledger")
        elif opened.opened is not None:
            first = Digest.of(next(iter(self._store.events(row.run_id))))
            if opened.opened.digests.get(OPENED_SUBJECT) != first:
                told = f"{what} begins with another event than the one that leaf {opened.position} saw"
                yield contradicts("run_replaced", told, "ledger")
        yield from self._check_bundle("seal", what, self._store.bundle(row.run_id), sealed)
        yield from self._check_receipts(row)

    def _check_receipts(self, row: RunRow) -> Iterator[Finding]:
        listed = self._leaves.of("receipt")
        for receipt in self._store.receipts(row.run_id):
            name = str(receipt.package_hash)
            yield from self._check_bundle("receipt", f"the package {name}", receipt.bundle, listed.pop(name, None))

    def _check_bundle(self, word: str, what: str, data: bytes | None, listed: Listed | None) -> Iterator[Finding]:
        if data is None:
            if listed is not None:
                told = f"{what} has no {word}, and leaf {listed.position} is its {word}: it was taken away"
                yield contradicts(f"{word}_gone", told, "ledger")
            return
        bundle = Bundle.parse(data)
        if listed is None:
            yield contradicts(f"{word}_unlisted", f"{what} has a {word} that is no leaf of the ledger", "ledger")
        elif (Digest.of(bundle.payload), bundle.signature) != (listed.payload, listed.signature):
            told = f"{what} has another {word} than leaf {listed.position}"
            yield contradicts(f"{word}_replaced", told, "ledger")
        for entry in bundle.log_entries:
            head = LedgerProof.parse(entry).head.head
            if _root(self._store, head.size, self._workspace) != head.root:
                told = f"{what}: its {word} was logged under a head of {head.size} leaves that this ledger never had"
                yield contradicts("ledger_rewritten", told, "ledger")

    def _check_tombstones(self) -> Iterator[Finding]:
        opened, gone = self._leaves.of("opened"), self._leaves.of("tombstone")
        stones = {stone.run_id for stone in self._store.tombstones()}
        for run_id in sorted((stones & opened.keys()) - gone.keys()):
            told = f"{run_id} has a tombstone, and no leaf says that it was discarded"
            yield contradicts("tombstone_unlisted", told, "ledger")
        for run_id in sorted(gone.keys() - stones):
            told = f"{run_id} was discarded (leaf {gone[run_id].position}), and its tombstone is gone"
            yield contradicts("tombstone_gone", told, "ledger")

    def _check_seals_of_the_gone(self, rows: dict[str, RunRow]) -> Iterator[Finding]:
        gone = self._leaves.of("tombstone")
        kinds: tuple[LeafKind, ...] = ("seal", "addendum")
        for kind in kinds:
            for run_id, listed in self._leaves.of(kind).items():
                if run_id not in rows and run_id not in gone:
                    told = f"{run_id}, sealed by leaf {listed.position}, is gone"
                    yield contradicts("run_deleted", told, "ledger")
        for name, listed in self._leaves.of("receipt").items():  # those that are there have been taken out
            if listed.run_id not in gone:
                told = f"the receipt of {name}, leaf {listed.position}, is gone"
                yield contradicts("receipt_gone", told, "ledger")
