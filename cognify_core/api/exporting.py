"""A sealed run becomes a package file with a receipt beside it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from cognify_core.errors import ConfigurationError, RunStateError
from cognify_core.export.formats import file_extension, render_package
from cognify_core.export.inputs import SealedRun, from_store
from cognify_core.export.package_json import RENDERER
from cognify_core.model.digest import Digest
from cognify_core.model.record import Status
from cognify_core.seal.bundle import Bundle
from cognify_core.seal.sealing import seal_package
from cognify_core.seal.signing import PublicKey, Signer
from cognify_core.seal.statement import ReceiptPredicate, SealStatement
from cognify_core.store.protocol import Receipt, Store

RECEIPT_SUFFIX = ".sigstore.json"


@dataclass(frozen=True, slots=True)
class Package:
    """An exported file. `sha256sum PATH` prints `package_hash`."""

    package_hash: Digest
    path: Path
    receipt_path: Path
    run_id: str
    format: str
    template: str | None
    size: int
    """Bytes."""
    addenda: int
    """How many addenda it holds."""


def export_run(
    store: Store,
    signer: Signer,
    run_id: str,
    *,
    packages: Path,
    format: str = "json",  # noqa: A002 - the word that users know
    template: str | None = None,
    path: Path | None = None,
) -> Package:
    """Render a sealed run and its sealed addenda, write the file, and sign and keep its receipt.

    The same inputs give the same bytes, and so the same package hash; the receipt kept is the first one signed.

    Raises:
        UnsupportedExportError: the pair of format and template does not exist.
        RunStateError: the run is not sealed.
        ConfigurationError: `path` cannot be written.
    """
    run, addenda = sealed_inputs(store, run_id, signer.public_key)
    data = render_package(format, template, run, addenda)
    name = f"{run_id}{f'.a{len(addenda)}' if addenda else ''}{f'.{template}' if template else ''}"
    target = _target(packages / run_id if path is None else path, f"{name}.{file_extension(format)}", path)
    statements = [_statement(addendum).digest for addendum in addenda]
    seal = _statement(run)
    made_from = ReceiptPredicate(
        run_id=run_id,
        nonce=seal.predicate.nonce,
        seal=seal.digest,
        addenda=tuple(statements),
        format=format,
        template=template,
        renderer=RENDERER,
    )
    receipt = store.put_receipt(
        Receipt(
            package_hash=Digest.of(data),
            run_id=run_id,
            format=format,
            template=template,
            renderer=RENDERER,
            addenda=tuple(statements),
            path=str(target),
            bundle=seal_package(data, target.name, made_from, signer),
        )
    )
    receipt_path = target.with_name(target.name + RECEIPT_SUFFIX)
    _write(target, data)
    _write(receipt_path, receipt.bundle)
    return Package(receipt.package_hash, target, receipt_path, run_id, format, template, len(data), len(addenda))


def sealed_inputs(store: Store, run_id: str, key: PublicKey) -> tuple[SealedRun, list[SealedRun]]:
    """A sealed run and its sealed addenda, as packages are rendered from.

    Raises:
        RunStateError: the run is not sealed.
    """
    row = store.run(run_id)
    if row.status is not Status.AUDIT_SEALED:
        raise RunStateError(f"{run_id} is {row.status}, not sealed: seal it first with `cognify seal {run_id}`")
    sealed = [addendum for addendum in store.addenda(run_id) if addendum.status is Status.AUDIT_SEALED]
    return from_store(store, run_id, key.pem), [from_store(store, addendum.run_id, key.pem) for addendum in sealed]


def _statement(run: SealedRun) -> SealStatement:
    return SealStatement.parse(Bundle.parse(run.bundle).payload)


def _target(folder_or_file: Path, name: str, given: Path | None) -> Path:
    target = folder_or_file if given is not None and not given.is_dir() and given.suffix else folder_or_file / name
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"the folder {target.parent} cannot be made: {error.strerror}") from error
    return target.absolute()


def _write(path: Path, data: bytes) -> None:
    """Put `data` in place whole or not at all, and durably."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise ConfigurationError(f"{path} cannot be written: {error.strerror}") from error
