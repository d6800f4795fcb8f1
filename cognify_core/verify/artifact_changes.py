"""What changed between a recorded artifact and what lies there now: files, rows or tensors, by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from cognify_core.canonical import parse
from cognify_core.capture.outcome import Outcome
from cognify_core.capture.row_index import index_path
from cognify_core.capture.tree import diff_trees, parse_manifest
from cognify_core.capture.weights_manifest import parse_weights
from cognify_core.errors import CaptureError, FormatError, VerificationError
from cognify_core.model.digest import Digest

MOST_NAMED = 10


def changes(path: Path, was: Digest, manifest: bytes | None, now: Outcome, kept_indexes: Path | None) -> Iterator[str]:
    """Name what differs, a phrase for each difference; nothing where only the digests tell.

    Args:
        path: where the artifact lies now.
        was: the recorded digest.
        manifest: the recorded manifest; none for a plain file.
        now: the outcome of hashing again.
        kept_indexes: the folder of the row indexes that the capture kept; none where there is none.
    """
    if manifest is None or now.manifest is None:
        return
    try:
        match now.format:
            case "cognify.tree/v1":
                diff = diff_trees(parse_manifest(manifest), parse_manifest(now.manifest))
                yield from _listed(changed=diff.changed, missing=diff.missing, added=diff.added)
            case "cognify.weights/v1":
                yield from _tensors(manifest, now.manifest)
            case "cognify.rows/v1":
                yield from _rows(path, was, manifest, now.manifest, kept_indexes)
    except FormatError:
        return  # a manifest that does not read is a finding of the record's own check


def _tensors(before: bytes, after: bytes) -> Iterator[str]:
    old, new = parse_weights(before), parse_weights(after)
    yield from _listed(
        changed=sorted(name for name in old.keys() & new.keys() if old[name] != new[name]),
        missing=sorted(old.keys() - new.keys()),
        added=sorted(new.keys() - old.keys()),
    )


def _rows(path: Path, was: Digest, before: bytes, after: bytes, kept_indexes: Path | None) -> Iterator[str]:
    match parse(before), parse(after):
        case (
            {"columns": dict(old), "rows": int(count), "root": str(root)},
            {"columns": dict(new), "rows": int(counted)},
        ):
            yield from _listed(
                columns=sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
            )
            if count != counted:
                yield f"{count} rows became {counted}"
            if kept_indexes is not None:
                yield from _located(index_path(kept_indexes, was), root, path)


def _located(index: Path, root: str, path: Path) -> Iterator[str]:
    """The rows that differ from the index kept since the capture, which the recorded root proves."""
    from cognify_core.capture.row_diff import locate_changes

    try:
        found = locate_changes(index, path, root=root)
    except (OSError, FormatError, VerificationError, CaptureError):
        return  # without the index the digests still tell that rows changed, only not which
    yield from (str(change) for change in found[:MOST_NAMED])
    if len(found) > MOST_NAMED:
        yield f"and {len(found) - MOST_NAMED} more places"


def _listed(**kinds: Sequence[str]) -> Iterator[str]:
    for kind, names in kinds.items():
        if names:
            more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
            yield f"{kind}: {', '.join(names[:MOST_NAMED])}{more}"
