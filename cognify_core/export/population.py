"""The population: every run of a period, sealed or not, failed, discarded and purged, as a workbook to sample from.

An auditor samples from a list, and asks first whether it is whole. What a store has lost without a trace it cannot
list: only what lies outside it (a ledger, receipts, packages) can tell, so the first sheet says what there is of that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from cognify_core.export.criteria import criteria_of
from cognify_core.export.sheets.ipe import Counted, ipe
from cognify_core.export.sheets.sheet import HOW_ROWS_ARE_HASHED, Book, Column, Sheet
from cognify_core.export.sheets.values import Value
from cognify_core.store.keeping import Purge
from cognify_core.store.protocol import Receipt, RunRow, Tombstone

RENDERER = "cognify-population-xlsx/1"
"""Changes whenever the same population would give other bytes."""


@dataclass(frozen=True, slots=True)
class ListedRun:
    """A run of the period, and what the store keeps of it."""

    row: RunRow
    statement: str | None
    """`sha256:<hex>` of the seal's statement; none where it is not sealed."""
    addenda: tuple[RunRow, ...]
    packages: tuple[Receipt, ...]


@dataclass(frozen=True, slots=True)
class Population:
    """What a store held at a time of the runs that were opened in a period."""

    workspace: str
    since: str
    until: str
    """Days, UTC; both belong to the period."""
    made_at: str
    """When the store was read, whole seconds."""
    runs: tuple[ListedRun, ...]
    """Oldest first."""
    tombstones: tuple[Tombstone, ...]
    purges: dict[str, Purge]
    """By run id: why a tombstone is that of a sealed run."""
    in_store: int
    """Runs and tombstones of all times."""
    ledger: frozenset[str] | None = None
    """The runs of the period that a ledger lists as opened; none where there is no ledger."""

    @property
    def listed(self) -> frozenset[str]:
        """The ids of everything in the period."""
        return frozenset((*(run.row.run_id for run in self.runs), *(stone.run_id for stone in self.tombstones)))


def population_book(population: Population) -> Book:
    """The workbook.

    Raises:
        UnsupportedExportError: there are more runs than a sheet has rows.
    """
    sheets = (_runs(population), _addenda(population), _packages(population))
    first = ipe(_facts(population), sheets, _counts(population, sheets))
    return Book((first, *sheets), f"population {population.since} to {population.until}", population.made_at)


def opened_on(run_id: str) -> str:
    """The day on which a run was opened, UTC, as its id says it: all that is left of a discarded one."""
    return f"{run_id[4:8]}-{run_id[8:10]}-{run_id[10:12]}"


_COLUMNS = (
    Column("run", 30, mono=True),
    Column("opened at (UTC)", 30, mono=True),
    Column("status", 16),
    Column("listed as", 30),
    Column("project", 32),
    Column("name", 32),
    Column("workspace", 16),
    Column("complete"),
    Column("events"),
    Column("Merkle root (RFC 6962)", 66, mono=True),
    Column("sealed at (UTC)", 24, mono=True),
    Column("statement", 71, mono=True),
    Column("addenda"),
    Column("packages"),
    Column("gone at (UTC)", 30, mono=True),
    Column("why it is gone", 50),
    Column("asked for by", 28),
    Column("approved by", 28),
    Column("in the ledger", 16),
    Column("criteria (SOC 2)", 24),
)


def _runs(population: Population) -> Sheet:
    rows: list[tuple[Value, ...]] = [_run_row(population, run) for run in population.runs]
    rows += _stone_rows(population)
    rows.sort(key=_by_id)
    about = "Every run that was opened in the period, whatever became of it, by its id."
    return Sheet.of("runs", about, _COLUMNS, rows)


def _by_id(row: tuple[Value, ...]) -> str:
    return str(row[0])


def _run_row(population: Population, run: ListedRun) -> tuple[Value, ...]:
    row, frozen = run.row, run.row.freeze
    return (
        row.run_id,
        row.opened_at,
        str(row.status),
        "sealed" if run.statement else "not sealed",
        row.project,
        row.name,
        row.workspace,
        {True: "yes", False: "no", None: "not known: it goes on"}[row.complete],
        row.size,
        frozen.root if frozen else "not frozen",
        frozen.sealed_at if frozen else None,
        run.statement,
        len(run.addenda),
        len(run.packages),
        None,
        None,
        None,
        None,
        _in_ledger(population, row.run_id),
        criteria_of("run_opened"),
    )


def _stone_rows(population: Population) -> Iterator[tuple[Value, ...]]:
    purged = {(purge.purged_at, purge.reason) for purge in population.purges.values()}
    for stone in population.tombstones:
        purge = population.purges.get(stone.run_id)
        went_along = purge is None and (stone.discarded_at, stone.reason) in purged
        listed = (
            "purged" if purge else "purged with the run that it amends" if went_along else "discarded, never sealed"
        )
        yield (
            stone.run_id,
            f"{opened_on(stone.run_id)} (by its id)",
            "PURGED" if purge or went_along else "DISCARDED",
            listed,
            "gone",
            "gone",
            "gone",
            "gone",
            stone.size,
            stone.root,
            None,
            purge.statement if purge else None,
            None,
            None,
            stone.discarded_at,
            stone.reason,
            purge.requested_by if purge else "not recorded",
            purge.approved_by if purge else "not recorded",
            _in_ledger(population, stone.run_id),
            criteria_of("run_opened"),
        )


def _in_ledger(population: Population, run_id: str) -> str:
    if population.ledger is None:
        return "no ledger"
    return "yes" if run_id in population.ledger else "NO"


def _addenda(population: Population) -> Sheet:
    columns = (
        Column("addendum", 30, mono=True),
        Column("to", 30, mono=True),
        Column("ordinal"),
        Column("opened at (UTC)", 30, mono=True),
        Column("status", 16),
        Column("events"),
        Column("Merkle root (RFC 6962)", 66, mono=True),
        Column("sealed at (UTC)", 24, mono=True),
    )
    rows = (
        (
            row.run_id,
            run.row.run_id,
            row.ordinal,
            row.opened_at,
            str(row.status),
            row.size,
            row.freeze.root if row.freeze else "not frozen",
            row.freeze.sealed_at if row.freeze else None,
        )
        for run in population.runs
        for row in run.addenda
    )
    return Sheet.of("addenda", "What was said after the seal of these runs, whenever it was said.", columns, rows)


def _packages(population: Population) -> Sheet:
    columns = (
        Column("package hash", 71, mono=True),
        Column("run", 30, mono=True),
        Column("format", 14),
        Column("template", 20),
        Column("renderer", 36),
        Column("addenda in it"),
        Column("written to", 60, mono=True),
    )
    rows = (
        (
            str(receipt.package_hash),
            run.row.run_id,
            receipt.format,
            receipt.template or "none",
            receipt.renderer,
            len(receipt.addenda),
            receipt.path,
        )
        for run in population.runs
        for receipt in run.packages
    )
    return Sheet.of("packages", "Packages of these runs of which the store keeps a receipt.", columns, rows)


def _facts(population: Population) -> list[tuple[str, Value]]:
    period = f"{population.since}T00:00:00Z to {population.until}T23:59:59Z, both days included"
    became = Counter(str(run.row.status) for run in population.runs)
    gone = Counter("PURGED" if stone.run_id in population.purges else "DISCARDED" for stone in population.tombstones)
    by_status = ", ".join(f"{status}: {count}" for status, count in sorted((became + gone).items()))
    return [
        ("About", "Every run of a period: the population to sample from. It is no package of any of them."),
        ("Source", f"Cognify, the store's tables of runs and tombstones, workspace {population.workspace}"),
        ("Filter", f"opened_at in {period}; of tombstones, the time in the run id. Addenda are not runs."),
        ("Period (UTC)", period),
        ("Made by", RENDERER),
        ("Generated at (UTC)", population.made_at),
        ("Runs in the period", len(population.listed)),
        ("By status", by_status or "none"),
        ("Runs in the store, of all times", population.in_store),
        ("Outside the period, not listed", population.in_store - len(population.listed)),
        ("Ledger", _ledger(population)),
        (
            "Completeness",
            "A run that was discarded or purged leaves a tombstone, and is listed. Whoever owns the store's file could "
            "take out both; receipts and packages that have left the machine, and published heads of a ledger, tell.",
        ),
        (
            "How to verify this file",
            "cognify verify FILE.xlsx, FILE.xlsx.sigstore.json beside it; sha256sum FILE.xlsx",
        ),
        ("How to verify a run of it", "cognify verify RUN; its root and statement are those of the sheet 'runs'"),
        ("How the rows are hashed", HOW_ROWS_ARE_HASHED),
        ("What this is not", "It renders no legal verdict, and judges no control."),
    ]


def _ledger(population: Population) -> str:
    if population.ledger is None:
        return "there is none for this workspace, so nothing outside the store says that the list is whole"
    missing = sorted(population.ledger - population.listed)
    stray = sorted(population.listed - population.ledger)
    if not missing and not stray:
        return f"agrees: it lists the same {len(population.ledger)} runs as opened in the period"
    told = [f"lists {', '.join(missing)}, which the store does not have"] if missing else []
    told += [f"does not list {', '.join(stray)}"] if stray else []
    return f"DOES NOT AGREE: it {'; it '.join(told)}"


def _counts(population: Population, sheets: tuple[Sheet, ...]) -> Counted:
    runs, addenda, packages = sheets
    return {
        "runs": ("runs and tombstones in the store", len(population.listed), len(runs.rows)),
        "addenda": ("addenda in the store", sum(len(run.addenda) for run in population.runs), len(addenda.rows)),
        "packages": ("receipts in the store", sum(len(run.packages) for run in population.runs), len(packages.rows)),
    }
