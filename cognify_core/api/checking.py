"""Verification, of a package file or of a run in the store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from cognify_core.api.accesses import note_access
from cognify_core.api.comparing import comparison
from cognify_core.api.evidence_file import SUFFIX, read_evidence
from cognify_core.api.exporting import Package
from cognify_core.api.ledgers import WorkspaceLedger, known_logs
from cognify_core.api.rerendering import rendered_again
from cognify_core.api.vaulting import latest
from cognify_core.errors import CannotVerifyError, FormatError, SigningKeyError
from cognify_core.model.digest import Digest
from cognify_core.model.names import is_run_id, utc_now
from cognify_core.model.shown import plain
from cognify_core.seal.signing import PublicKey
from cognify_core.verify.artifacts import check_artifacts
from cognify_core.verify.files import KEY_BYTES, read_file
from cognify_core.verify.package import check_package_file
from cognify_core.verify.rehash import Rehash
from cognify_core.verify.report import Finding, Report, unchecked
from cognify_core.verify.store_check import check_run
from cognify_core.verify.timestamp_check import Clocks, check_late

if TYPE_CHECKING:
    from cognify_core.api.session import Session
    from cognify_core.store.protocol import Store

_NO_ARTIFACTS = unchecked(
    "artifact_none", "the record gives no place for any artifact, so none was looked at", "artifacts"
)
Progress: TypeAlias = Callable[[int, int], None]


def verify_target(
    session: Session,
    target: str | Path | Package,
    *,
    key: Path | None,
    receipt: Path | None,
    artifacts: bool,
    against: str | None,
    progress: Progress | None,
    head: str | Path | None = None,
    tiles: str | Path | None = None,
    require_timestamp: bool = False,
) -> Report:
    """Check a package file, or a run by its id; return the report where everything decisive holds.

    Raises:
        ConfigurationError: nothing knows how to compare with what `against` names.
        VerificationError: something contradicts what was signed; the error carries the report.
        CannotVerifyError: it could not be checked; the error carries the report where there is one.
    """
    compare = None if against is None else comparison(against)
    trusted = [_read_key(key)] if key else session.ring.trusted()
    most = session.settings.max_package_bytes
    again = partial(rendered_again, session.workspace)
    clocks = Clocks(session.ring.authorities.trusted(), required=require_timestamp, now=utc_now())
    logs = known_logs(session.ring, head, tiles, lambda: WorkspaceLedger(session.workspace))
    logs = replace(logs, clocks=clocks, elsewhere=session.workspace.is_remote)
    check = partial(check_package_file, trusted=trusted, max_bytes=most, again=again, logs=logs)
    if isinstance(target, Package):
        receipt = receipt or target.receipt_path
        report = check(target.path, receipt=receipt, expected=target.package_hash)
        report = report.with_findings(_beside(target.path, clocks, most))
    elif _is_package(target):
        report = check(Path(target), receipt=receipt).with_findings(_beside(Path(target), clocks, most))
    elif receipt is not None:
        raise CannotVerifyError(f"a receipt speaks of a package: give the file, and not the run {str(target)[:60]!r}")
    else:
        wanted = str(target)
        run_id = wanted if is_run_id(wanted) else session.workspace.find(wanted).run_id
        report = check_run(session.workspace.store, run_id, trusted, logs)
        report = report.with_findings(_copies(session.workspace.store, run_id))
        note_access(session, run_id, "verify", outcome="failed" if report.contradictions else "allowed")
    if artifacts and report.exit_code != 1:
        with Rehash.rehashing(session.settings.rows_path) as rehash:
            found = check_artifacts(report.runs, rehash=rehash, progress=progress)
        report = report.with_findings([each.finding() for each in found] or [_NO_ARTIFACTS])
    if compare is not None and report.exit_code != 1:
        report = report.with_findings(compare(report.runs, session.settings))
    report = report.demanding_timestamp(require_timestamp)
    report.raise_for_status()
    return report


def _beside(package: Path, clocks: Clocks, most: int) -> list[Finding]:
    """The timestamps in the evidence file that lies beside a package, if one does; of one that is too large, none."""
    try:
        data = read_file(package, most + 1)
        if len(data) > most:
            return []
        return check_late(data, read_evidence(package.with_name(package.name + SUFFIX), Digest.of(data)), clocks)
    except (FormatError, OSError) as error:
        return [unchecked("evidence", f"the evidence beside the package does not count: {error}", "anchor")]


def _copies(store: Store, run_id: str) -> list[Finding]:
    """What vaults said last of the run's packages: the store's word, so nothing that holds by itself."""
    return [
        unchecked(
            "vault_copy",
            f"a copy of {fact.package_hash} in {fact.vault} was {fact.state}"
            f"{f' ({fact.mode} until {fact.until})' if fact.mode else ''} when it was read at {fact.read_at}; "
            f"`cognify vault list {run_id} --check` asks again",
            "anchor",
        )
        for fact in latest(store.facts(run_id))
        if fact.part == "package"
    ]


def _is_package(target: str | Path) -> bool:
    """Whether a target is a file; what is written as a run id is the run, whatever lies in this folder.

    Raises:
        CannotVerifyError: it is written as a path, and nothing is there.
    """
    if isinstance(target, str) and is_run_id(target):
        return False
    path = Path(target)
    try:
        if path.is_file():
            return True
        if path.is_dir():
            raise CannotVerifyError(f"{plain(path)[:200]} is a folder: give the package file")
    except OSError as error:
        raise CannotVerifyError(f"{plain(path)[:200]} cannot be read: {error.strerror}") from error
    if path.suffix or len(path.parts) > 1:
        raise CannotVerifyError(f"there is no package at {path}")
    return False


def _read_key(path: Path) -> PublicKey:
    try:
        return PublicKey.parse(read_file(path, KEY_BYTES))
    except OSError as error:
        raise CannotVerifyError(f"the key {path} cannot be read: {error.strerror}") from error
    except SigningKeyError as error:
        raise CannotVerifyError(f"{path} holds no key that seals are checked with: {error}") from error
