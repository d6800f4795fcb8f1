"""A document of what is no evidence yet, or no more: a run without a seal, or one that does not verify.

It has a red banner on every page, carries nothing, has no receipt, and `verify` refuses it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cognify_core.api.requests import ended
from cognify_core.api.session import Session
from cognify_core.api.targets import target_of, write_whole
from cognify_core.api.telling import as_recorded
from cognify_core.errors import ConfigurationError
from cognify_core.export.dossier import Dossier
from cognify_core.export.formats import export_format
from cognify_core.export.inputs import SealedRun
from cognify_core.export.watched import Watch, unwatched
from cognify_core.seal.signing import PublicKey
from cognify_core.store.protocol import Store
from cognify_core.verify.store_check import check_run

UNSEALED = "NOT SEALED: nothing here is signed. A preview, and no evidence."
_LONGEST = 160


@dataclass(frozen=True, slots=True)
class Preview:
    """A file to look at. It is no package."""

    path: Path
    run_id: str
    template: str | None
    size: int
    """Bytes."""
    banner: str
    """What stands on every page."""


def preview_now(
    session: Session, run_id: str | None, *, template: str | None, path: str | Path | None, watch: Watch = unwatched
) -> Preview:
    """Draw the document of a run that has ended, as far as it can be, and write it where `path` says.

    Raises:
        UnsupportedExportError: no such template; or what draws PDF is not installed.
        RunNotFoundError, RunStateError: there is no such run, or it goes on.
        ConfigurationError: it is sealed and holds, and so has a package; or `path` cannot be written.
        FormatError: what the store holds is no record at all.
    """
    kind = export_format("pdf", template)
    wanted, workspace = ended(session, run_id), session.workspace
    data, banner = _drawn_from(workspace.store, wanted, [workspace.signer.public_key, *workspace.ring.trusted()])
    rendered = kind.render(Dossier.of(data[0], data[1:], banner=banner), watch)
    name = f"{wanted}{f'.{template}' if template else ''}.preview.{kind.extension}"
    given = None if path is None else Path(path).expanduser()
    target = target_of(given, workspace.settings.packages_path / wanted, name)
    write_whole(target, rendered)
    return Preview(target, wanted, template, len(rendered), banner)


def _drawn_from(store: Store, run_id: str, keys: list[PublicKey]) -> tuple[tuple[SealedRun, ...], str]:
    """What there is of a run, and what is wrong with it."""
    report = check_run(store, run_id, keys)
    if report.contradictions:
        told = report.contradictions[0].message
        banner = f"DOES NOT VERIFY: {told if len(told) <= _LONGEST else f'{told[:_LONGEST]}…'}. No evidence."
        return tuple(_as_unsealed(run) for run in report.runs[:1]) or (as_recorded(store, run_id),), banner
    if report.runs:
        raise ConfigurationError(f"{run_id} is sealed: export it without a preview, and it is evidence")
    return (as_recorded(store, run_id),), UNSEALED


def _as_unsealed(run: SealedRun) -> SealedRun:
    """The run without a seal that does not hold, which would look as if it did."""
    return SealedRun(run.run_id, run.events, b"", run.public_key, run.manifests)
