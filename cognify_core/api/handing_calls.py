"""What is asked for an auditor. As in `functions`, what it needs is imported when it is called."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cognify_core.api.functions import this_session

if TYPE_CHECKING:
    from cognify_core.api.handing import Handed
    from cognify_core.export.watched import Watch


def export_folder(run_id: str | None, path: str | Path, *, watch: Watch | None = None) -> Handed:
    """Export a run's JSON package into a new folder, with its parts beside it as files that common programs take.

    `docs/verify-without-cognify.md` goes through them; `SHA256SUMS` lists all others. `watch` as in `export_audit`.

    Raises:
        ConfigurationError: the folder holds something already.
        RunNotFoundError, RunStateError: there is no such run, or it goes on.
    """
    from cognify_core.api.handing import hand_over
    from cognify_core.export.watched import unwatched

    return hand_over(this_session(), run_id, Path(path).expanduser(), watch or unwatched)
