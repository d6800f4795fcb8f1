"""The population export: every run of a period in one workbook, signed for, whatever became of each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from cognify_core.api.exporting import RECEIPT_SUFFIX
from cognify_core.api.targets import target_of, write_whole
from cognify_core.errors import ConfigurationError, FormatError, UnsupportedExportError
from cognify_core.export.formats import export_format, export_table
from cognify_core.export.population import RENDERER, ListedRun, Population, opened_on, population_book
from cognify_core.export.watched import Watch, unwatched
from cognify_core.model.digest import Digest
from cognify_core.model.names import stamp_time, utc_now, whole_seconds
from cognify_core.seal.bundle import Bundle
from cognify_core.seal.ledger_statements import OpenedStatement, parse_leaf_statement
from cognify_core.seal.sealing import seal_population
from cognify_core.seal.statement import PopulationPredicate

if TYPE_CHECKING:
    from cognify_core.api.session import Session
    from cognify_core.store.protocol import RunRow, Store

WORKSPACE = "default"


@dataclass(frozen=True, slots=True)
class PopulationPackage:
    """The list of a period's runs. `sha256sum PATH` prints `package_hash`."""

    package_hash: Digest
    path: Path
    receipt_path: Path
    since: str
    until: str
    runs: int
    """Rows: runs, and tombstones of those that are gone."""
    format: str
    size: int
    """Bytes."""


def export_period(
    session: Session,
    since: str,
    until: str,
    *,
    format: str,  # noqa: A002 - the word that users know
    path: str | Path | None,
    watch: Watch = unwatched,
) -> PopulationPackage:
    """List every run that was opened in the period, write the workbook, and sign its receipt.

    `watch` is told how many runs are read, and then how many rows are written.

    Raises:
        ConfigurationError: a day is none, or the period ends before it begins.
        UnsupportedExportError: it is only there as xlsx; or the extra is not installed.
    """
    first, last = _day(since, "since"), _day(until, "until")
    if first > last:
        raise ConfigurationError(f"a period that begins on {since} cannot end on {until}")
    if format != "xlsx":
        raise UnsupportedExportError(
            f"the runs of a period are there as xlsx, not as {format!r}; of one run there are:\n{export_table()}"
        )
    kind = export_format("xlsx", None)
    made_at = whole_seconds(stamp_time(utc_now()))
    population = read_population(session.workspace.store, since, until, made_at, watch)
    from cognify_core.export.sheets.workbook import workbook_bytes

    data = workbook_bytes(population_book(population), watch)
    renderer = kind.version.replace(kind.version.partition("+")[0], RENDERER, 1)
    name = f"runs_{since}_{until}.xlsx"
    target = target_of(None if path is None else Path(path).expanduser(), session.settings.packages_path, name)
    said = PopulationPredicate(
        workspace=WORKSPACE,
        since=since,
        until=until,
        made_at=made_at,
        runs=len(population.listed),
        format=format,
        renderer=renderer,
    )
    receipt_path = target.with_name(target.name + RECEIPT_SUFFIX)
    bundle = seal_population(data, name, said, session.workspace.signer)
    write_whole(target, data)
    write_whole(receipt_path, bundle)
    return PopulationPackage(Digest.of(data), target, receipt_path, since, until, said.runs, format, len(data))


def read_population(store: Store, since: str, until: str, made_at: str, watch: Watch = unwatched) -> Population:
    """What a store and its ledger hold of a period.

    Raises:
        FormatError, LedgerError: a leaf of the ledger does not read, or is gone; `cognify ledger fsck` names it.
    """
    every = store.runs(workspace=WORKSPACE)
    stones, purges = store.tombstones(), dict(store.purges())
    within = [row for row in every if since <= row.opened_at[:10] <= until]
    runs = []
    for done, row in enumerate(sorted(within, key=lambda row: row.run_id), start=1):
        runs.append(_listed(store, row))
        watch("reading runs", done, len(within))
    return Population(
        workspace=WORKSPACE,
        since=since,
        until=until,
        made_at=made_at,
        runs=tuple(runs),
        tombstones=tuple(stone for stone in stones if since <= opened_on(stone.run_id) <= until),
        purges=purges,
        in_store=len(every) + len(stones),
        ledger=_opened_in_ledger(store, since, until),
    )


def _opened_in_ledger(store: Store, since: str, until: str) -> frozenset[str] | None:
    """The runs that the ledger lists as opened in the period, without addenda; none where there is no ledger."""
    if store.ledger_size(workspace=WORKSPACE) == 0:
        return None
    payloads = (leaf.payload for leaf in store.leaves(workspace=WORKSPACE) if leaf.kind == "opened")
    opened = (each.predicate for each in map(parse_leaf_statement, payloads) if isinstance(each, OpenedStatement))
    return frozenset(each.run_id for each in opened if each.amends is None and since <= each.opened_at[:10] <= until)


def _listed(store: Store, row: RunRow) -> ListedRun:
    bundle = store.bundle(row.run_id)
    statement = None
    if bundle is not None:
        try:
            statement = str(Digest.of(Bundle.parse(bundle).payload))
        except FormatError as error:
            statement = f"the seal does not read: {error}"
    return ListedRun(row, statement, tuple(store.addenda(row.run_id)), tuple(store.receipts(row.run_id)))


def _day(text: str, name: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text:
        raise ConfigurationError(f"--{name} takes a day as in 2026-01-31, and cannot take {text[:40]!r}")
    return day
