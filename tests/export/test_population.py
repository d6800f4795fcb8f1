from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cognify_core.export.population import ListedRun, Population, population_book
from cognify_core.export.sheets.workbook import workbook_bytes
from cognify_core.model.digest import Digest
from cognify_core.model.record import Freeze, Status
from cognify_core.store.keeping import Purge
from cognify_core.store.protocol import RunRow, Tombstone
from tests.export.sheets.workbooks import digest_of, ipe_facts, ipe_sheets, opened, parts, rows, table
from tests.export.templates.test_hostile import FORBIDDEN, HOSTILE

SEALED, FAILED, DISCARDED, PURGED = (f"run_20260{month}01_000000_0000{month}" for month in range(1, 5))
ROOT = "7" * 64


def row(run_id: str, status: Status, **changed: Any) -> RunRow:
    known = RunRow(run_id, "0" * 32, "default", "clinical-nlp", None, f"2026-0{run_id[9]}-01T00:00:00.000000Z",
                   status, complete=True, size=7)  # fmt: skip
    return replace(known, **changed)


def population(**changed: Any) -> Population:
    frozen = Freeze(7, ROOT, Digest("1" * 64), "2026-01-01T01:00:00Z")
    sealed = ListedRun(row(SEALED, Status.AUDIT_SEALED, freeze=frozen), f"sha256:{'2' * 64}", (), ())
    known = Population(
        workspace="default",
        since="2026-01-01",
        until="2026-12-31",
        made_at="2027-01-01T00:00:00Z",
        runs=(sealed, ListedRun(row(FAILED, Status.FAILED, complete=False), None, (), ())),
        tombstones=(
            Tombstone(DISCARDED, "wrong data", "2026-03-02T00:00:00Z", 3, ROOT),
            Tombstone(PURGED, "law", "2036-04-02T00:00:00Z", 9, ROOT),
        ),
        purges={PURGED: Purge("A. Person", "B. Person", "law", "2036-04-02T00:00:00Z", f"sha256:{'3' * 64}", "[]")},
        in_store=6,
    )
    return replace(known, **changed)


def written(told: Population) -> bytes:
    return workbook_bytes(population_book(told))


def test_every_run_is_listed_whatever_became_of_it() -> None:
    found = {str(each["run"]): each for each in table(written(population()), "runs")}
    assert {run: each["listed as"] for run, each in found.items()} == {
        SEALED: "sealed",
        FAILED: "not sealed",
        DISCARDED: "discarded, never sealed",
        PURGED: "purged",
    }
    assert found[SEALED]["Merkle root (RFC 6962)"] == ROOT
    assert found[DISCARDED]["why it is gone"] == "wrong data"
    assert found[PURGED]["approved by"] == "B. Person"
    assert found[FAILED]["complete"] == "no"


def test_the_ipe_counts_what_is_there_and_what_lies_outside_the_period() -> None:
    data = written(population())
    facts = ipe_facts(data)
    assert (facts["Runs in the period"], facts["Outside the period, not listed"]) == (4, 2)
    assert facts["By status"] == "AUDIT_SEALED: 1, DISCARDED: 1, FAILED: 1, PURGED: 1"
    assert facts["Generated at (UTC)"] == "2027-01-01T00:00:00Z"
    for title, (_, _, count, digest, _, agrees) in ipe_sheets(data).items():
        below = rows(data, title)[1:]
        assert (len(below), digest_of(below), agrees) == (count, digest, "yes")


def test_without_a_ledger_it_says_that_nothing_outside_tells_that_it_is_whole() -> None:
    facts = ipe_facts(written(population()))
    assert (
        facts["Ledger"] == "there is none for this workspace, so nothing outside the store says that the list is whole"
    )


@pytest.mark.parametrize(
    ("ledger", "said"),
    [
        ({SEALED, FAILED, DISCARDED, PURGED}, "agrees: it lists the same 4 runs as opened in the period"),
        (
            {SEALED, FAILED, DISCARDED, PURGED, "run_20260501_000000_00005"},
            "DOES NOT AGREE: it lists run_20260501_000000_00005, which the store does not have",
        ),
        ({SEALED, FAILED, DISCARDED}, f"DOES NOT AGREE: it does not list {PURGED}"),
    ],
)
def test_with_a_ledger_the_list_is_set_beside_it(ledger: set[str], said: str) -> None:
    data = written(population(ledger=frozenset(ledger)))
    assert ipe_facts(data)["Ledger"] == said
    marked = {each["run"] for each in table(data, "runs") if each["in the ledger"] == "yes"}
    assert marked == ledger & {SEALED, FAILED, DISCARDED, PURGED}


def test_the_same_population_gives_the_same_bytes_and_says_no_more_than_it_knows() -> None:
    data = written(population())
    assert data == written(population())
    assert [name for name, part in parts(data) if FORBIDDEN.search(part.decode())] == []


def test_an_empty_period_is_a_list_too() -> None:
    told = population(runs=(), tombstones=(), purges={}, in_store=0)
    assert table(written(told), "runs") == []
    assert ipe_facts(written(told))["By status"] == "none"


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_names_and_reasons_are_only_text(text: str) -> None:
    hostile = ListedRun(row(SEALED, Status.FAILED, project=text, name=text), None, (), ())
    data = written(population(runs=(hostile,), tombstones=(Tombstone(DISCARDED, text, "2026-01-01", 1, ROOT),)))
    cells = [cell for sheet in opened(data) for line in sheet.iter_rows() for cell in line]
    assert {cell.data_type for cell in cells} <= {"s", "n", "b"}
    assert not any(b"<f" in part for name, part in parts(data) if "worksheets" in name)
