"""The population export: every run of a period in one workbook, signed for, whatever became of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from cognify_core.api.accesses import note_access_in
from cognify_core.api.exporting import RECEIPT_SUFFIX
from cognify_core.api.targets import target_of, write_all
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
    from cognify_core.api.workspace import Workspace
    from cognify_core.store.protocol import RunRow, Store

_AT_ONCE = 200
"""Of so many runs, what belongs to them is read together."""
FORMAT = "xlsx"
"""The only one there is: auditors sample from a workbook."""


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


@dataclass(frozen=True, slots=True)
class Listed:
    """Such a list, before it is written anywhere."""

    name: str
    """Of its file."""
    data: bytes
    receipt: bytes
    said: PopulationPredicate

    def written(self, target: Path) -> PopulationPackage:
        """The same as a file, with its receipt beside it.

        Raises:
            ConfigurationError: it cannot be written.
        """
        receipt_path = target.with_name(target.name + RECEIPT_SUFFIX)
        write_all(target.parent, {target.name: self.data, receipt_path.name: self.receipt})
        said, size = self.said, len(self.data)
        digest = Digest.of(self.data)
        return PopulationPackage(digest, target, receipt_path, said.since, said.until, said.runs, said.format, size)


def export_period(
    workspace: Workspace,
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
        ConfigurationError, UnsupportedExportError: as `list_period`; or it cannot be written.
    """
    listed = list_period(workspace, since, until, format=format, watch=watch)
    given = None if path is None else Path(path).expanduser()
    package = listed.written(target_of(given, workspace.settings.packages_path, listed.name))
    note_access_in(workspace, None, "population", subject=str(package.package_hash))
    return package


def list_period(
    workspace: Workspace,
    since: str,
    until: str,
    *,
    format: str = FORMAT,  # noqa: A002 - as above
    watch: Watch = unwatched,
) -> Listed:
    """The same as bytes, with its receipt.

    Raises:
        ConfigurationError: a day is none, or the period ends before it begins.
        UnsupportedExportError: it is only there as xlsx; or the extra is not installed.
        FormatError, LedgerError: as `read_population`.
    """
    check_period(since, until)
    if format != FORMAT:
        raise UnsupportedExportError(
            f"the runs of a period are there as xlsx, not as {format!r}; of one run there are:\n{export_table()}"
        )
    kind = export_format(FORMAT, None)
    made_at = whole_seconds(stamp_time(utc_now()))
    population = read_population(workspace.store, workspace.name, since, until, made_at, watch)
    from cognify_core.export.sheets.workbook import workbook_bytes

    data = workbook_bytes(population_book(population), watch)
    said = PopulationPredicate(
        workspace=workspace.name,
        since=since,
        until=until,
        made_at=made_at,
        runs=len(population.listed),
        format=format,
        renderer=kind.version.replace(kind.version.partition("+")[0], RENDERER, 1),
    )
    name = f"runs_{since}_{until}.xlsx"
    return Listed(name, data, seal_population(data, name, said, workspace.signer), said)


def check_period(since: str, until: str) -> None:
    """Refuse what is no period.

    Raises:
        ConfigurationError: a day is none, or the period ends before it begins.
    """
    if _day(since, "since") > _day(until, "until"):
        raise ConfigurationError(f"a period that begins on {since} cannot end on {until}")


def read_population(
    store: Store, workspace: str, since: str, until: str, made_at: str, watch: Watch = unwatched
) -> Population:
    """What a store and its ledger hold of a period.

    Raises:
        FormatError, LedgerError: a leaf of the ledger does not read, or is gone; `cognify ledger fsck` names it.
    """
    rows = store.runs(workspace=workspace, addenda=True)
    every = [row for row in rows if row.amends is None]
    stones, purges = store.tombstones(), dict(store.purges())
    within = sorted((row for row in every if since <= row.opened_at[:10] <= until), key=lambda row: row.run_id)
    addenda: dict[str | None, list[RunRow]] = {}
    for row in sorted(rows, key=lambda row: row.ordinal or 0):
        addenda.setdefault(row.amends, []).append(row)
    runs: list[ListedRun] = []
    for first in range(0, len(within), _AT_ONCE):
        runs += _listed(store, workspace, within[first : first + _AT_ONCE], addenda)
        watch("reading runs", len(runs), len(within))
    return Population(
        workspace=workspace,
        since=since,
        until=until,
        made_at=made_at,
        runs=tuple(runs),
        tombstones=tuple(stone for stone in stones if since <= opened_on(stone.run_id) <= until),
        purges=purges,
        in_store=len(every) + len(stones),
        ledger=_opened_in_ledger(store, workspace, since, until),
    )


def _opened_in_ledger(store: Store, workspace: str, since: str, until: str) -> frozenset[str] | None:
    """The runs that the ledger lists as opened in the period, without addenda; none where there is no ledger."""
    if store.ledger_size(workspace=workspace) == 0:
        return None
    payloads = (leaf.payload for leaf in store.leaves(workspace=workspace) if leaf.kind == "opened")
    opened = (each.predicate for each in map(parse_leaf_statement, payloads) if isinstance(each, OpenedStatement))
    return frozenset(each.run_id for each in opened if each.amends is None and since <= each.opened_at[:10] <= until)


def _listed(
    store: Store, workspace: str, rows: Sequence[RunRow], addenda: Mapping[str | None, Sequence[RunRow]]
) -> Iterator[ListedRun]:
    run_ids = [row.run_id for row in rows]
    bundles = store.bundles(run_ids, workspace=workspace)
    receipts = store.receipts_of(run_ids, workspace=workspace)
    for row in rows:
        statement = None if (bundle := bundles.get(row.run_id)) is None else _statement(bundle)
        yield ListedRun(row, statement, tuple(addenda.get(row.run_id, ())), tuple(receipts.get(row.run_id, ())))


def _statement(bundle: bytes) -> str:
    try:
        return str(Digest.of(Bundle.parse(bundle).payload))
    except FormatError as error:
        return f"the seal does not read: {error}"


def _day(text: str, name: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text:
        raise ConfigurationError(f"--{name} takes a day as in 2026-01-31, and cannot take {text[:40]!r}")
    return day
