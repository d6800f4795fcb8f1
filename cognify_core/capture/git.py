"""The git work tree around a folder, asked of `git` itself, which never waits, locks, pages or asks."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from cognify_core.capture.commitments import without_home
from cognify_core.capture.redaction import strip_credentials
from cognify_core.errors import CaptureError
from cognify_core.turns import let_others_run

_SECONDS = 20
_PAUSE_SECONDS = 0.01
_VARIABLES = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_ASKPASS": "true",
    "GIT_PAGER": "cat",
    "LC_ALL": "C",
}
_SETTINGS = ("core.fsmonitor=false", "core.hooksPath=/dev/null", "core.untrackedCache=false", "core.quotePath=true")
_NO_FILTERS = ("filter.lfs.clean=", "filter.lfs.process=", "filter.lfs.required=false")
_QUIET = tuple(part for setting in (*_SETTINGS, *_NO_FILTERS) for part in ("-c", setting))
_STATUS = ("status", "--porcelain=v2", "--branch", "-z", "--untracked-files=all", "--ignored=no", "--no-renames")
_CHANGED = (b"1 ", b"2 ", b"u ")
"""What lines of changed files begin with (git-status(1), Porcelain Format Version 2)."""
_DIFF = (
    *("diff", "HEAD", "--binary", "--full-index", "--no-color", "--no-ext-diff", "--no-textconv", "--no-renames"),
    *("--src-prefix=a/", "--dst-prefix=b/", "--submodule=short", "--diff-algorithm=myers", "--unified=3"),
)


@dataclass(frozen=True, slots=True)
class WorkTree:
    """A git work tree as it stands."""

    root: Path
    commit: str | None
    """None before the first commit."""
    branch: str | None
    """None where HEAD is detached."""
    remote: str | None
    """The URL of `origin`, without credentials, the home directory written `~`."""
    diff: bytes
    """All uncommitted changes of tracked files, as one configuration-independent patch; empty where there are none."""
    untracked: int
    """How many files git neither tracks nor ignores."""

    @property
    def diff_digest(self) -> str | None:
        """`sha256:<hex>` of the patch, where there is one."""
        return f"sha256:{sha256(self.diff).hexdigest()}" if self.diff else None


def find_work_tree(directory: Path) -> WorkTree | None:
    """The work tree that `directory` lies in; none where it lies in none.

    Raises:
        CaptureError: there is a repository, and git cannot or will not read it, or takes too long.
    """
    root = _ask(directory, "rev-parse", "--show-toplevel")
    if root is None:
        if any((folder / ".git").exists() for folder in (directory, *directory.absolute().parents)):
            raise CaptureError("the git repository could not be read")
        return None
    top = Path(os.fsdecode(root.rstrip(b"\n")))
    status = _ask(top, *_STATUS)
    if status is None:
        raise CaptureError("the state of the git work tree could not be read")
    lines = status.split(b"\0")
    headers = dict(line[2:].split(b" ", 1) for line in lines if line.startswith(b"# branch."))
    commit, branch = headers.get(b"branch.oid"), headers.get(b"branch.head")
    begun = commit is not None and commit != b"(initial)"
    changed = begun and any(line[:2] in _CHANGED for line in lines)
    diff = _ask(top, *_DIFF) if changed else b""
    if diff is None:
        raise CaptureError("the changes of the git work tree could not be read")
    return WorkTree(
        root=top,
        commit=_line(commit) if begun else None,
        branch=None if branch == b"(detached)" else _line(branch),
        remote=_remote(_line(_ask(top, "remote", "get-url", "origin"))),
        diff=diff,
        untracked=sum(line.startswith(b"? ") for line in lines),
    )


def _remote(url: str | None) -> str | None:
    return None if url is None else without_home(strip_credentials(url))


def _line(answer: bytes | None) -> str | None:
    return answer.decode("utf-8", "backslashreplace").strip() or None if answer is not None else None


def _ask(directory: Path, *arguments: str) -> bytes | None:
    """What git answers; none where it refuses or is not installed."""
    let_others_run(_PAUSE_SECONDS)  # to start a process and read from it takes half a millisecond of the interpreter's
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        answer = subprocess.run(
            ("git", *_QUIET, *arguments),
            cwd=directory,
            env=inherited | _VARIABLES,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise CaptureError(f"git {arguments[0]} took longer than {_SECONDS} seconds") from error
    except OSError:
        return None
    return answer.stdout if answer.returncode == 0 else None
