"""Whether this machine can record, seal and verify."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from shutil import disk_usage, which
from typing import TYPE_CHECKING

from cognify_core.api.console import plural
from cognify_core.errors import CognifyError, SigningKeyError
from cognify_core.version import RECORDER

if TYPE_CHECKING:
    from cognify_core.api.session import Session

_GIB = 1 << 30
_EXTRAS = {"huggingface": "transformers", "rows of datasets": "pyarrow"}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at: fine, not fine, or merely not there (none)."""

    name: str
    ok: bool | None
    detail: str
    mend: str | None = None


def examine(session: Session) -> list[Check]:
    """Look at everything that recording, sealing and verifying need."""
    return [Check("version", True, f"{RECORDER}, Python {sys.version.split()[0]}"), *_workspace(session), *_tools()]


def _workspace(session: Session) -> Iterator[Check]:
    try:
        settings = session.settings
        yield Check("mode", None if settings.mode == "off" else True, settings.mode)
        workspace = session.workspace
        yield Check("store", True, f"{workspace.store.place}, {plural(len(workspace.store.runs()), 'run')}")
        key = workspace.signer.public_key
        yield Check("signing key", True, f"{key.key_id[:16]}… in {settings.keys_path}")
        pinned = key in workspace.ring.trusted()
        yield Check("own key pinned", pinned, "yes" if pinned else "no", "cognify keys trust signing.pub")
        free = disk_usage(settings.home).free
        yield Check("free space", free > _GIB, f"{free / _GIB:.1f} GiB at {settings.home}", "free some, or move it")
    except SigningKeyError as error:  # its message says what mends it
        yield Check("signing key", False, str(error))
    except (CognifyError, OSError) as error:
        told = str(error)
        mend = None if "set COGNIFY_HOME" in told else "set COGNIFY_HOME to a folder that can be written"
        yield Check("COGNIFY_HOME", False, told, mend)


def _tools() -> Iterator[Check]:
    for what, module in _EXTRAS.items():
        there = find_spec(module) is not None
        yield Check(what, True if there else None, f"{module} {'is' if there else 'is not'} installed")
    for tool in ("git", "openssl", "sha256sum"):
        found = which(tool)
        yield Check(tool, True if found else None, found or "not found; only some checks by hand need it")
