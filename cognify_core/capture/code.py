"""The program that trains: its git commit, what was changed since, its entry script and its command line."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from cognify_core.canonical import Json
from cognify_core.capture.commitments import display_path, without_home
from cognify_core.capture.config import encode_config
from cognify_core.capture.environment import Collected
from cognify_core.capture.files import file_outcome
from cognify_core.capture.git import WorkTree, find_work_tree
from cognify_core.capture.outcome import Outcome
from cognify_core.capture.redaction import redact_arguments
from cognify_core.errors import CaptureError

MAX_DIFF = 1 << 20
"""Bytes of uncommitted changes that a record takes."""


def collect_code(
    argv: Sequence[str] | None = None, entry: Path | None = None, *, record_diff: bool = False
) -> Collected:
    """Describe the program.

    Args:
        argv: the command line; by default `sys.argv`.
        entry: the script that was started; by default the file of `__main__`, where it has one.
        record_diff: whether the uncommitted changes themselves are put into the manifest, not only their hash;
            where they hold something in the shape of a secret they are left out as a whole.
    """
    argv = list(sys.argv) if argv is None else list(argv)
    entry = _main_file() if entry is None else entry
    gaps: list[str] = []
    tree = _work_tree(Path.cwd() if entry is None else entry.absolute().parent, gaps)
    code: dict[str, Json] = {
        "argv": [_text(argument) for argument in redact_arguments(argv)],
        "entry": _entry(entry, tree, gaps),
        "git": _git(tree, gaps),
    }
    facts = encode_config(code).config
    if record_diff and tree is not None and tree.diff:
        code["diff"] = _diff(tree, gaps)
    encoded = encode_config(code)
    gaps += [f"left out because it looks like a secret: {place}" for place in encoded.redacted]
    return Collected(Outcome.of_manifest(encoded.manifest, "cognify.config/v1", facts=facts, gaps=tuple(gaps)))


def _main_file() -> Path | None:
    name = getattr(sys.modules.get("__main__"), "__file__", None)
    return Path(name) if isinstance(name, str) else None


def _work_tree(directory: Path, gaps: list[str]) -> WorkTree | None:
    try:
        tree = find_work_tree(directory)
    except CaptureError as error:
        gaps.append(error.reason)
        return None
    if tree is None:
        gaps.append("the code lies in no git repository")
    return tree


def _entry(entry: Path | None, tree: WorkTree | None, gaps: list[str]) -> Json:
    if entry is None:
        gaps.append("there is no entry script: the session is interactive")
        return None
    outcome = file_outcome(entry)
    if outcome.reason is not None:
        gaps.append(f"the entry script: {outcome.reason}")
    path = entry.absolute()
    inside = tree is not None and path.is_relative_to(tree.root)
    shown = str(path.relative_to(tree.root)) if tree is not None and inside else display_path(path)
    return {"path": _text(shown), "hash": None if outcome.hash is None else str(outcome.hash)}


def _git(tree: WorkTree | None, gaps: list[str]) -> Json:
    if tree is None:
        return None
    if tree.untracked:
        gaps.append(f"{tree.untracked} files that git does not track are not covered")
    return {
        "commit": tree.commit,
        "branch": tree.branch,
        "remote": tree.remote,
        "dirty": bool(tree.diff) or tree.commit is None,
        "diff": tree.diff_digest,
        "untracked": tree.untracked,
    }


def _diff(tree: WorkTree, gaps: list[str]) -> Json:
    if len(tree.diff) > MAX_DIFF:
        gaps.append(f"the uncommitted changes are longer than {MAX_DIFF} bytes; only their hash is recorded")
        return None
    try:
        return tree.diff.decode("utf-8")
    except UnicodeDecodeError:
        return tree.diff


def _text(text: str) -> str:
    """Text that JSON can hold, the home directory in it written `~`."""
    return without_home(os.fsencode(text).decode("utf-8", "backslashreplace"))
