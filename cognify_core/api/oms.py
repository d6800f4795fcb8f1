"""OMS bundles are written beside a run's packages, never into the folders that they are of.

ECDSA makes another signature each time, so the first bundle is kept: where one lies there that speaks of the same files
and was signed with a key that is known here, it stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cognify_core.api.targets import write_all
from cognify_core.errors import CognifyError, FormatError
from cognify_core.export.inputs import SealedRun
from cognify_core.seal.bundle import Bundle
from cognify_core.seal.signing import PublicKey, Signer
from cognify_core.verify.files import read_file
from cognify_core.verify.oms_check import MAX_BYTES
from cognify_core.verify.oms_models import models_of, oms_folder


@dataclass(frozen=True, slots=True)
class OmsBundles:
    """What was written of a run and its addenda."""

    paths: tuple[Path, ...] = ()
    without: dict[str, str] = field(default_factory=dict)
    """Models, by their id, of which OMS cannot speak, and why."""


def write_oms(runs: Sequence[SealedRun], folder: Path, signer: Signer, trusted: Sequence[PublicKey] = ()) -> OmsBundles:
    """Write the bundle of every model of the runs whose files were hashed, below `folder`.

    Raises:
        ConfigurationError: they cannot be written.
        SigningKeyError: the signer cannot sign.
    """
    paths: list[Path] = []
    without: dict[str, str] = {}
    known = (signer.public_key, *trusted)
    for run in runs:
        below = folder / oms_folder(run.run_id)
        missing: dict[str, bytes] = {}
        for model in models_of(run):
            try:
                statement = model.statement
            except FormatError as error:
                without[model.node_id] = str(error)
                continue
            paths.append(below / model.file_name)
            if not _is_kept(paths[-1], statement, known):
                missing[model.file_name] = Bundle.signed(statement, signer).encode()
        if missing:
            write_all(below, missing)
    return OmsBundles(tuple(paths), without)


def _is_kept(path: Path, statement: bytes, known: Sequence[PublicKey]) -> bool:
    try:
        bundle = Bundle.parse(read_file(path, MAX_BYTES))
        key = next(key for key in known if key.key_id == bundle.key_id)
        bundle.verify(key)
    except (OSError, CognifyError, StopIteration):
        return False
    return bundle.payload == statement
