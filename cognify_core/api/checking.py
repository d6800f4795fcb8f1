"""Verification, of a package file or of a run in the store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from cognify_core.api.exporting import Package
from cognify_core.errors import CannotVerifyError
from cognify_core.seal.signing import PublicKey
from cognify_core.verify.artifacts import check_artifacts
from cognify_core.verify.package import check_package_file
from cognify_core.verify.rehash import Rehash
from cognify_core.verify.report import Report
from cognify_core.verify.store_check import check_run

if TYPE_CHECKING:
    from cognify_core.api.session import Session

Progress: TypeAlias = Callable[[int, int], None]


def verify_target(
    session: Session,
    target: str | Path | Package,
    *,
    key: Path | None,
    receipt: Path | None,
    artifacts: bool,
    progress: Progress | None,
) -> Report:
    """Check a package file, or a run by its id; return the report where everything decisive holds.

    Raises:
        VerificationError: something contradicts what was signed; the error carries the report.
        CannotVerifyError: it could not be checked; the error carries the report where there is one.
    """
    path = target.path if isinstance(target, Package) else Path(target)
    trusted = [_read_key(key)] if key else session.ring.trusted()
    if isinstance(target, Package) or path.is_file():
        report = check_package_file(
            path, trusted=trusted, receipt=receipt, max_bytes=session.settings.max_package_bytes
        )
    elif path.suffix or len(path.parts) > 1:
        raise CannotVerifyError(f"there is no package at {path}")
    else:
        report = check_run(session.workspace.store, session.workspace.find(str(target)).run_id, trusted)
    if artifacts and report.exit_code != 1:
        with Rehash.rehashing(session.settings.rows_path) as rehash:
            found = check_artifacts(report.runs, rehash=rehash, progress=progress)
        report = report.with_findings(each.finding() for each in found)
    report.raise_for_status()
    return report


def _read_key(path: Path) -> PublicKey:
    try:
        return PublicKey.parse(path.read_bytes())
    except OSError as error:
        raise CannotVerifyError(f"the key {path} cannot be read: {error.strerror}") from error
