"""A folder for an auditor: a package, its receipt, and their parts as files that common programs take."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from cognify_core.api.exporting import Package
from cognify_core.api.requests import export_now
from cognify_core.api.targets import write_whole
from cognify_core.canonical import encode
from cognify_core.errors import ConfigurationError
from cognify_core.export.inputs import SealedRun
from cognify_core.model.record import Status
from cognify_core.seal.bundle import Bundle
from cognify_core.seal.notes import LogKey
from cognify_core.seal.timestamps import read_timestamps
from cognify_core.seal.trusted_root import trusted_root_of
from cognify_core.store.places import make_directory
from cognify_core.verify.package_form import read_package

if TYPE_CHECKING:
    from cognify_core.api.session import Session
    from cognify_core.export.watched import Watch

SUMS = "SHA256SUMS"


@dataclass(frozen=True, slots=True)
class Handed:
    """What was written."""

    package: Package
    folder: Path
    files: tuple[str, ...]
    """Paths within the folder, sorted; `SHA256SUMS` lists all others."""


def hand_over(session: Session, run_id: str | None, folder: Path, watch: Watch) -> Handed:
    """Export a run's JSON package into a new or empty folder, with its parts beside it.

    Raises:
        ConfigurationError: the folder holds something, or cannot be written.
        RunNotFoundError, RunStateError, VerificationError: as `export_now`.
    """
    _make(folder)
    package = export_now(session, run_id, format="json", template=None, path=folder, watch=watch)
    watch("taking it apart")
    files = {package.path.name: package.path.read_bytes(), package.receipt_path.name: package.receipt_path.read_bytes()}
    files |= {f"{path.parent.name}/{path.name}": path.read_bytes() for path in package.oms.paths}
    files |= dict(_parts(files[package.path.name], Bundle.parse(files[package.receipt_path.name])))
    sums = "".join(f"{sha256(data).hexdigest()}  {name}\n" for name, data in sorted(files.items()))
    for name, data in (*files.items(), (SUMS, sums.encode())):
        write_whole(folder / name, data)
    return Handed(package, folder, tuple(sorted((*files, SUMS))))


def _make(folder: Path) -> None:
    try:
        make_directory(folder)
        filled = any(folder.iterdir())
    except OSError as error:
        raise ConfigurationError(f"the folder {folder} cannot be made: {error.strerror}") from error
    if filled:
        raise ConfigurationError(f"{folder} is not empty; name a new folder, so that what is handed over is all of it")


def _parts(data: bytes, receipt: Bundle) -> Iterator[tuple[str, bytes]]:
    package = read_package(data)
    yield "keys/signer.pub", package.run.public_key
    if (log := package.run.statement.predicate.log) is not None:
        yield "keys/log.vkey", f"{log}\n".encode()
        yield "keys/trusted_root.json", trusted_root_of(LogKey.parse(log))
    yield from _signed("receipt", receipt)
    for number, run in enumerate((package.run, *package.addenda)):
        where = f"addendum-{number}" if number else "seal"
        if run.public_key != package.run.public_key:
            yield f"keys/{where}.pub", run.public_key
        yield f"{where}/bundle.sigstore.json", run.bundle
        yield from _signed(where, run.envelope)
        yield from _record(where, run)


def _signed(where: str, bundle: Bundle) -> Iterator[tuple[str, bytes]]:
    """What was signed, and the signature, each as its bytes; timestamps where there are any."""
    yield f"{where}/statement.json", bundle.payload
    yield f"{where}/signature.der", bundle.signature
    for number, stamp in enumerate(read_timestamps(bundle.timestamps), start=1):
        yield f"{where}/timestamp-{number}.tsr", stamp.data


def _record(where: str, run: SealedRun) -> Iterator[tuple[str, bytes]]:
    """The two subjects of the statement that are no artifacts, the events, and the manifests by their digests."""
    record, sealed_at = run.record, run.statement.predicate.sealed_at
    lineage = record.lineage.document(run.run_id, Status.AUDIT_SEALED, sealed_at)
    yield f"{where}/record.json", record.manifest.encode()
    yield f"{where}/lineage.json", encode(lineage)
    yield f"{where}/events.jsonl", b"".join(event + b"\n" for event in run.events)
    for name, manifest in run.manifests.items():
        yield f"{where}/manifests/{name.removeprefix('sha256:')}", manifest
