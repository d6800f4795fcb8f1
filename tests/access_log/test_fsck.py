"""An access log, and what is done to it by whoever may write the database."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cognify_core.capture.commitments import commit
from cognify_core.errors import LedgerError, VerificationError
from cognify_core.merkle import leaf_hash, node_hash
from cognify_core.model.access_entries import AccessEntry
from cognify_core.model.digest import Digest
from cognify_core.seal.access_tree import AccessTree
from cognify_core.seal.notes import Head, LogSigner, SignedHead, new_log_pem
from cognify_core.store.access_log import Look
from cognify_core.store.sql import open_store
from cognify_core.verify.access_fsck import AccessReport, check_access_log
from tests.ledger.homes import codes, names
from tests.store.contract_access_log import access
from tests.store.values import OTHER, RUN, begin

SIGNER = LogSigner(new_log_pem())
ENTRIES = 11


class Watched:
    """A store whose access log has eleven entries, appended one by one and once by threes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.store = open_store(path)
        begin(self.store)
        begin(self.store, OTHER)
        for number in range(8):
            self.look(f"action {number}")
        self.store.put_accesses([look(f"action {number}") for number in (8, 9, 10)], self.tree.sign)

    @property
    def tree(self) -> AccessTree:
        return AccessTree(self.store, SIGNER)

    def look(self, action: str) -> None:
        self.store.put_accesses([look(action)], self.tree.sign)

    def head(self) -> Head:
        return self.tree.head().verify(self.tree.key)

    def check(self, head: Head | None = None) -> AccessReport:
        return check_access_log(self.store, self.tree.key, head=head)

    def edit(self, *statements: str) -> None:
        """Do as somebody does who has dropped the triggers."""
        self.store.close()
        with closing(sqlite3.connect(self.path, isolation_level=None)) as database:
            for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                database.execute(f"DROP TRIGGER {name}")
            for statement in statements:
                database.execute(statement)

    def rewrite(self, entries: list[bytes]) -> None:
        """Put these entries in the place of all, and make nodes that fit; the heads stay, as far as there are rows."""
        heads = [row.head for row in self.store.access_rows(0, 99)]
        self.edit("DELETE FROM accesses", "DELETE FROM nodes WHERE workspace = 'default/accesses'")
        with closing(sqlite3.connect(self.path, isolation_level=None)) as database:
            for place, entry in enumerate(entries):
                row = ("default", place, RUN, entry, heads[place] if place < len(heads) else None)
                database.execute("INSERT INTO accesses VALUES (?, ?, ?, ?, ?)", row)
            level, nodes = 0, [leaf_hash(entry) for entry in entries]
            while nodes:
                rows = [("default/accesses", level, place, node) for place, node in enumerate(nodes)]
                database.executemany("INSERT INTO nodes VALUES (?, ?, ?, ?)", rows)
                nodes = [node_hash(nodes[at], nodes[at + 1]) for at in range(0, len(nodes) - 1, 2)]
                level += 1

    def entries(self) -> list[bytes]:
        return [row.entry for row in self.store.access_rows(0, 99)]


def look(action: str, run_id: str = RUN) -> Look:
    actor, source = commit("actor", "ada"), commit("source", "192.0.2.7")
    committed = {"actor": Digest.parse(actor.commitment), "source": Digest.parse(source.commitment)}
    return Look(run_id, access(action, **committed), (actor, source))


def renumbered(entries: list[bytes]) -> list[bytes]:
    """The entries as whoever writes them anew would have them, each with the number of its place."""
    read = [AccessEntry.parse(entry) for entry in entries]
    return [
        AccessEntry(each.workspace, place, each.run_id, each.access, each.within).encode()
        for place, each in enumerate(read)
    ]


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    watched = Watched(tmp_path / "cognify.db")
    yield watched
    watched.store.close()


def test_a_log_that_nobody_touched_holds(watched: Watched) -> None:
    early = watched.head()
    for report in (watched.check(), watched.check(early)):
        assert (report.exit_code, report.findings) == (0, ())
        assert (report.size, report.signed) == (ENTRIES, ENTRIES)
        assert report.root == watched.head().root.hex()
    watched.look("later")
    assert watched.check(early).exit_code == 0


def test_an_empty_log_holds(tmp_path: Path) -> None:
    store = open_store(tmp_path / "cognify.db")
    report = check_access_log(store, SIGNER.key_of("accesses"))
    assert (report.size, report.exit_code) == (0, 0)
    store.close()


@pytest.mark.parametrize("place", [0, 3, 9, 10])
def test_an_entry_that_was_edited_is_named(watched: Watched, place: int) -> None:
    watched.edit(
        f"UPDATE accesses SET entry = CAST(replace(CAST(entry AS TEXT), 'action', 'nothing') AS BLOB)"
        f" WHERE position = {place}"
    )
    report = watched.check()
    assert names(report, "access_entry", f"entry {place} was changed")
    assert "access_rewritten" in codes(report)


@pytest.mark.parametrize("place", [0, 5, 9])
def test_an_entry_that_was_edited_with_all_nodes_made_anew_is_named_by_the_head_over_it(
    watched: Watched, place: int
) -> None:
    entries = watched.entries()
    entries[place] = entries[place].replace(b':"action ', b':"nothing ')
    watched.rewrite(entries)
    report = watched.check()
    assert codes(report) == {"access_rewritten"}
    last = place if place < 8 else 10
    assert names(report, "access_rewritten", f"to {last} are not those")


@pytest.mark.parametrize("place", [0, 4, 7])
def test_an_entry_that_was_taken_out_is_named_by_the_heads(watched: Watched, place: int) -> None:
    entries = watched.entries()
    outside = watched.head()
    watched.rewrite(renumbered(entries[:place] + entries[place + 1 :]))
    assert "access_rewritten" in codes(watched.check())
    assert "access_rolled_back" in codes(watched.check(outside))


def test_an_entry_that_is_missing_is_named(watched: Watched) -> None:
    watched.edit("DELETE FROM accesses WHERE position = 4")
    report = watched.check()
    assert names(report, "access_entry", "is missing")
    assert report.exit_code == 1


@pytest.mark.parametrize("place", [0, 4, 9])
def test_an_entry_that_was_put_in_between_is_named_by_the_heads(watched: Watched, place: int) -> None:
    entries = watched.entries()
    outside = watched.head()
    forged = AccessEntry("default", 0, RUN, access("forged")).encode()
    watched.rewrite(renumbered([*entries[:place], forged, *entries[place:]]))
    assert "access_rewritten" in codes(watched.check())
    assert names(watched.check(outside), "access_rewritten", "not those of the head from outside")


def test_an_end_that_was_cut_off_is_known_by_a_head_from_outside_alone(watched: Watched) -> None:
    entries, outside = watched.entries(), watched.head()
    watched.rewrite(entries[:6])
    assert watched.check().exit_code == 0
    assert names(watched.check(outside), "access_rolled_back", "has 11 entries, and the log 6")


def test_a_log_written_anew_by_who_has_the_key_is_known_by_a_head_from_outside_alone(watched: Watched) -> None:
    outside = watched.head()
    entries = watched.entries()
    entries[2] = entries[2].replace(b':"action ', b':"nothing ')
    watched.rewrite(entries)
    notes = [watched.tree.head(size).note.hex() for size in range(1, ENTRIES + 1)]
    watched.edit(*(f"UPDATE accesses SET head = x'{note}' WHERE position = {at}" for at, note in enumerate(notes)))
    assert watched.check().exit_code == 0
    assert codes(watched.check(outside)) == {"access_rewritten"}


def test_an_entry_that_was_appended_without_the_key_is_under_no_head(watched: Watched) -> None:
    forged = AccessEntry("default", ENTRIES, RUN, access("forged")).encode()
    watched.rewrite([*watched.entries(), forged])
    report = watched.check()
    assert (report.exit_code, report.signed) == (2, ENTRIES)
    assert "over the last 1 entries" in report.findings[0].message


def test_a_head_that_another_key_has_signed_counts_for_nothing(watched: Watched) -> None:
    other = AccessTree(watched.store, LogSigner(new_log_pem())).head().note.hex()
    watched.edit(f"UPDATE accesses SET head = x'{other}' WHERE position = 10")
    assert names(watched.check(), "access_head", "entry 10 is none")


def test_a_head_of_the_ledger_is_none_of_the_access_log(watched: Watched) -> None:
    ledgers = SIGNER.sign(11, watched.tree.root(11)).note
    with pytest.raises(VerificationError, match="not of"):
        SignedHead.parse(ledgers).verify(watched.tree.key)


@pytest.mark.parametrize("column", ["value = 'bob'", "random = zeroblob(32)", "position = 3"])
def test_a_clear_value_that_is_not_what_was_committed_to_is_named(watched: Watched, column: str) -> None:
    watched.edit(f"UPDATE access_openings SET {column} WHERE position = 5 AND label = 'actor'")
    report = watched.check()
    assert codes(report) == {"access_clear"}
    assert names(report, "access_clear", "(actor) beside entry")


def test_clear_values_that_were_erased_are_nothing_amiss(watched: Watched) -> None:
    assert watched.store.erase_accesses(value="ada") == ENTRIES
    assert watched.check().exit_code == 0


def test_an_entry_under_another_run_is_named(watched: Watched) -> None:
    watched.edit(f"UPDATE accesses SET run_id = '{OTHER}' WHERE position = 5")
    assert names(watched.check(), "access_entry", f"and stands as 5, of {OTHER}")


def test_a_node_that_was_changed_is_named(watched: Watched) -> None:
    watched.edit(
        "UPDATE nodes SET hash = zeroblob(32) WHERE workspace = 'default/accesses' AND level = 1 AND place = 2"
    )
    assert names(watched.check(), "access_node", "node 2 of level 1")


def test_a_log_that_lacks_a_node_takes_no_entry(watched: Watched) -> None:
    watched.edit("DELETE FROM nodes WHERE workspace = 'default/accesses' AND level = 3")
    with pytest.raises(LedgerError, match="its access log has no node 0 of level 3; `cognify access fsck`"):
        watched.look("another")


def test_every_workspace_has_a_log_of_its_own(watched: Watched) -> None:
    watched.store.put_accesses([Look(None, access("elsewhere"))], workspace="another")
    assert (watched.store.access_size(), watched.store.access_size(workspace="another")) == (ENTRIES, 1)
    assert watched.check().exit_code == 0


def test_a_head_that_nobody_signed_is_refused(watched: Watched) -> None:
    spoilt = watched.tree.head().note.replace(b"\n11\n", b"\n12\n")
    with pytest.raises(VerificationError, match="did not sign"):
        SignedHead.parse(spoilt).verify(watched.tree.key)
