"""Packages of sealed runs: made, listed, taken along; and what vaults said of them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Response

from cognify_core.api.refreshing import refresh
from cognify_core.api.vaulting import latest
from cognify_core.api.workspace import Workspace
from cognify_core.errors import RunStateError
from cognify_core.export.formats import export_format
from cognify_core.model.digest import Digest
from cognify_core.server.asking import Asked, asked
from cognify_core.server.attaching import attachment
from cognify_core.server.forms import NewExport, PackageShown
from cognify_core.server.problems import Problem
from cognify_core.server.roles import May
from cognify_core.server.seeing import did, handed, seen
from cognify_core.server.strict import StrictRoute
from cognify_core.store.protocol import Receipt

router = APIRouter(
    prefix="/v2/workspaces/{workspace_id}/runs/{run_id}/exports", tags=["exports"], route_class=StrictRoute
)
RECEIPT_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"


@router.post("", status_code=201)
def export_run(asked: Annotated[Asked, asked(May.EXPORT)], run_id: str, new: NewExport) -> PackageShown:
    """Make a package of a sealed run. The same run, addenda, format and template give the same bytes."""
    refresh(asked.room, run_id, export_format(new.format, new.template))
    package = asked.room.export(run_id, format=new.format, template=new.template)
    did(asked, run_id, "export", subject=str(package.package_hash))
    return _shown(_receipt(asked.room, run_id, str(package.package_hash)))


@router.get("")
def list_packages(asked: Annotated[Asked, asked(May.READ)], run_id: str) -> list[PackageShown]:
    """The packages that were made of a run."""
    receipts = asked.room.store.receipts(run_id)
    seen(asked, run_id, "packages")
    return [_shown(receipt) for receipt in receipts]


@router.get("/{package_hash}")
def download(asked: Annotated[Asked, asked(May.EXPORT)], run_id: str, package_hash: str) -> Response:
    """A package's bytes. Their SHA-256 is the hash in the path."""
    receipt = _receipt(asked.room, run_id, package_hash)
    data = _bytes_of(asked.room, receipt)
    handed(asked, run_id, "download", subject=package_hash)
    named = {"Content-Disposition": attachment(Path(receipt.path).name), "ETag": f'"{package_hash}"'}
    return Response(data, media_type="application/octet-stream", headers=named)


@router.get("/{package_hash}/receipt")
def download_receipt(asked: Annotated[Asked, asked(May.EXPORT)], run_id: str, package_hash: str) -> Response:
    """The signed statement over a package, a Sigstore bundle."""
    receipt = _receipt(asked.room, run_id, package_hash)
    seen(asked, run_id, "receipt", subject=package_hash)
    return Response(receipt.bundle, media_type=RECEIPT_TYPE)


@router.get("/{package_hash}/vaults")
def show_vaults(asked: Annotated[Asked, asked(May.READ)], run_id: str, package_hash: str) -> list[dict[str, Any]]:
    """What was read back last of a package in each vault that it was put into."""
    receipt = _receipt(asked.room, run_id, package_hash)
    seen(asked, run_id, "vaults", subject=package_hash)
    facts = [fact for fact in asked.room.store.facts(run_id) if fact.package_hash == receipt.package_hash]
    return [asdict(fact) | {"package_hash": package_hash, "digest": str(fact.digest)} for fact in latest(facts)]


def _receipt(room: Workspace, run_id: str, package_hash: str) -> Receipt:
    for receipt in room.store.receipts(run_id):
        if str(receipt.package_hash) == package_hash:
            return receipt
    raise Problem(404, f"{run_id} has no package of that hash")


def _bytes_of(room: Workspace, receipt: Receipt) -> bytes:
    """The bytes of a package: as they were written here, else rendered again.

    Raises:
        RunStateError: neither gives them.
    """
    path = room.settings.packages_path / receipt.run_id / Path(receipt.path).name
    if path.is_file() and Digest.of(data := path.read_bytes()) == receipt.package_hash:
        return data
    package = room.export(receipt.run_id, format=receipt.format, template=receipt.template)
    if package.package_hash != receipt.package_hash:
        raise RunStateError(
            f"the bytes of {receipt.package_hash} are not here any more, and what is rendered now is another package "
            f"({package.package_hash}): an addendum has come, or another renderer; a vault may still hold it"
        )
    return package.path.read_bytes()


def _shown(receipt: Receipt) -> PackageShown:
    return PackageShown(
        package_hash=str(receipt.package_hash),
        run_id=receipt.run_id,
        format=receipt.format,
        template=receipt.template,
        addenda=len(receipt.addenda),
        name=Path(receipt.path).name,
    )
