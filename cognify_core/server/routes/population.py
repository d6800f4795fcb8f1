"""Every run of a period as one signed workbook: the population that auditors sample from."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import StringConstraints

from cognify_core.api.populating import FORMAT, list_period
from cognify_core.api.populations import KeptPopulation, find_population, keep_population, populations
from cognify_core.server.asking import Asked, asked
from cognify_core.server.attaching import attachment
from cognify_core.server.forms import Form, Shown
from cognify_core.server.problems import Problem
from cognify_core.server.roles import May
from cognify_core.server.routes.exports import RECEIPT_TYPE
from cognify_core.server.seeing import did, handed, seen
from cognify_core.server.strict import StrictRoute

router = APIRouter(prefix="/v2/workspaces/{workspace_id}/populations", tags=["exports"], route_class=StrictRoute)
Day = Annotated[str, StringConstraints(max_length=10)]


class NewPopulation(Form):
    """A list to be made."""

    since: Day
    """The first day of the period, UTC, as in `2026-01-01`."""
    until: Day
    """The last day."""
    format: Annotated[str, StringConstraints(max_length=40)] = FORMAT


class PopulationShown(Shown):
    """A list of the runs of a period, as its receipt has it."""

    package_hash: str
    since: str
    until: str
    made_at: str
    runs: int
    """Rows: runs, and tombstones of those that are gone."""
    format: str
    name: str

    @classmethod
    def of(cls, kept: KeptPopulation) -> PopulationShown:
        """Show a list."""
        said = kept.said.model_dump(include={"since", "until", "made_at", "runs", "format"})
        return cls(package_hash=kept.package_hash, name=kept.path.name, **said)


@router.post("", status_code=201)
def make_population(asked: Annotated[Asked, asked(May.EXPORT)], new: NewPopulation) -> PopulationShown:
    """List every run that was opened in the period, whatever became of it, in a workbook with a receipt.

    It says what the store holds now, so the same call makes another list later.
    """
    package = keep_population(asked.room, list_period(asked.room, new.since, new.until, format=new.format))
    did(asked, None, "population", subject=str(package.package_hash))
    return PopulationShown.of(_kept(asked, str(package.package_hash)))


@router.get("")
def list_populations(asked: Annotated[Asked, asked(May.EXPORT)]) -> list[PopulationShown]:
    """The last thousand lists that were made by this server and are still there, newest first."""
    return [PopulationShown.of(kept) for kept in populations(asked.room)]


@router.get("/{package_hash}")
def download_population(asked: Annotated[Asked, asked(May.EXPORT)], package_hash: str) -> Response:
    """A list's bytes. Their SHA-256 is the hash in the path."""
    kept = _kept(asked, package_hash)
    if (data := kept.read()) is None:
        raise Problem(409, f"the bytes of {package_hash} are not here any more, or are others: make the list anew")
    handed(asked, None, "download", subject=package_hash)
    named = {"Content-Disposition": attachment(kept.path.name), "ETag": f'"{package_hash}"'}
    return Response(data, media_type="application/octet-stream", headers=named)


@router.get("/{package_hash}/receipt")
def download_population_receipt(asked: Annotated[Asked, asked(May.EXPORT)], package_hash: str) -> Response:
    """The signed statement over a list, a Sigstore bundle."""
    kept = _kept(asked, package_hash)
    seen(asked, None, "receipt", subject=package_hash)
    named = {"Content-Disposition": attachment(kept.receipt_path.name)}
    return Response(kept.receipt_path.read_bytes(), media_type=RECEIPT_TYPE, headers=named)


def _kept(asked: Asked, package_hash: str) -> KeptPopulation:
    kept = find_population(asked.room, package_hash)
    if kept is None:
        raise Problem(404, "no list of that hash was made here")
    return kept
