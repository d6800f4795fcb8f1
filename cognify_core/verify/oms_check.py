"""OMS bundles that lie beside a package: are they of its models, over the very digests that its record holds?"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from cognify_core.errors import CognifyError, FormatError
from cognify_core.export.inputs import SealedRun
from cognify_core.seal.bundle import Bundle
from cognify_core.seal.signing import PublicKey
from cognify_core.verify.files import read_file
from cognify_core.verify.oms_models import SUFFIX, Model, models_of, oms_folder
from cognify_core.verify.receipt_check import same_key
from cognify_core.verify.record_check import capped_each
from cognify_core.verify.report import Finding, contradicts, holds, unchecked
from cognify_core.verify.seal_check import check_signature

MAX_BYTES = 1 << 26


def check_oms_beside(package: Path, runs: Sequence[SealedRun], trusted: Sequence[PublicKey]) -> list[Finding]:
    """Check each OMS bundle in the folders beside a package; of one that is not there, nothing is said."""
    return [finding for run in runs for finding in _check_folder(package.parent / oms_folder(run.run_id), run, trusted)]


def _check_folder(folder: Path, run: SealedRun, trusted: Sequence[PublicKey]) -> list[Finding]:
    try:
        names = {name for name in os.listdir(folder) if name.endswith(SUFFIX)}  # noqa: PTH208 - names are compared
    except FileNotFoundError:
        return []
    except OSError as error:
        return [unchecked("oms_unreadable", f"{folder.name} cannot be read: {error.strerror}")]
    try:
        models = {model.file_name: model for model in models_of(run)}
    except CognifyError:
        return []  # the record does not read, which has been reported
    found = [
        finding
        for name in sorted(names & models.keys())
        for finding in _check(folder / name, models[name], run, trusted)
    ]
    found += [
        contradicts("oms_stray", f"{folder.name}/{name} is of no model of {run.run_id}")
        for name in sorted(names - models.keys())
    ]
    if not found and names:
        left = len(models) - len(names)
        beside = f"; of {left} more of its models there is none here" if left else ""
        count = f"{len(names)} OMS bundle{'' if len(names) == 1 else 's'}"
        found = [holds("oms", f"{count} of {run.run_id}, each over the files that its record holds{beside}")]
    return capped_each(found)


def _check(path: Path, model: Model, run: SealedRun, trusted: Sequence[PublicKey]) -> Iterator[Finding]:
    """What is wrong with a bundle; nothing, if nothing is."""
    what = f"the OMS bundle of {model.node_id}"
    try:
        bundle, statement = Bundle.parse(read_file(path, MAX_BYTES)), model.statement
    except OSError as error:
        yield unchecked("oms_unreadable", f"{what} cannot be read: {error.strerror}")
        return
    except FormatError as error:
        yield contradicts("oms_form", f"{what}: {error}")
        return
    for finding in check_signature(bundle, same_key(bundle, run.public_key), trusted, what):
        if finding.verdict != "ok":
            yield Finding(f"oms_{finding.code}", finding.section, finding.verdict, finding.message)
    if bundle.payload != statement:
        yield contradicts("oms_statement", f"{what} says something else of its files than the record")
