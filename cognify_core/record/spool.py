"""Events that the store could not take yet, kept on disk until it can."""

from __future__ import annotations

import os
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from cognify_core.canonical import Json, encode, parse
from cognify_core.errors import FormatError, RecordError, RunNotFoundError
from cognify_core.model.events import Draft, parse_body
from cognify_core.model.metric_events import read_metric_draft
from cognify_core.store.protocol import Store

SUFFIX = ".spool"


class Spool:
    """A file of drafts and manifests, one canonical JSON line each.

    To take one of them twice is harmless: stores pass over what they hold.
    """

    def __init__(self, folder: Path, run_id: str, writer: str) -> None:
        self.writer = writer
        self.path = folder / f"{run_id}.{writer}{SUFFIX}"

    def put(self, waiting: Iterable[tuple[Draft, bytes | None]]) -> None:
        """Durably add drafts, each with the manifest that it names. Raises OSError where the disk takes no more."""
        lines = b"".join(encode(value) + b"\n" for pair in waiting for value in _values(*pair))
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, lines)
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)

    def read(self) -> tuple[list[Draft], list[bytes]]:
        """The drafts and the manifests that are spooled, oldest first; a line cut off by a crash is left out."""
        try:
            lines = self.path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return [], []
        drafts, manifests = [], []
        for line in lines:
            match _parsed(line):
                case Draft() as draft:
                    drafts.append(draft)
                case bytes() as manifest:
                    manifests.append(manifest)
        return drafts, manifests

    def clear(self) -> None:
        """Forget what is spooled."""
        self.path.unlink(missing_ok=True)


def spools(folder: Path) -> list[tuple[str, Spool]]:
    """All spools of a folder, each with the id of its run."""
    found = []
    for path in sorted(folder.glob(f"run_*{SUFFIX}")):
        run_id, _, writer = path.name.removesuffix(SUFFIX).partition(".")
        found.append((run_id, Spool(folder, run_id, writer)))
    return found


def _values(draft: Draft, manifest: bytes | None) -> Iterator[Json]:
    if manifest is not None:
        yield {"manifest": b64encode(manifest).decode()}
    body = draft.body.model_dump(mode="json", exclude_none=True)
    yield {"time": draft.time, "writer": draft.writer, "counter": draft.counter, "body": body}


def read_line(line: bytes) -> Draft | bytes:
    """The draft, or the manifest, that a line holds.

    Raises:
        FormatError: it holds neither.
    """
    if (found := read_metric_draft(line)) is not None:
        return Draft(*found)
    value = parse(line)
    try:
        if "manifest" in value:
            return b64decode(value["manifest"], validate=True)
        return Draft(value["time"], parse_body(value["body"]), value["writer"], value["counter"])
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError(f"neither a draft nor a manifest: {type(error).__name__}: {error}") from error


def _parsed(line: bytes) -> Draft | bytes | None:
    try:
        return read_line(line)
    except FormatError:
        return None


def deliver_spools(store: Store, folder: Path, wanted: Callable[[str, str], bool]) -> None:
    """Append what is spooled to the records that it belongs to, of the runs and writers that are `wanted`.

    Raises:
        StoreError: the store cannot be written to.
    """
    for run_id, spool in spools(folder):
        if not wanted(run_id, spool.writer):
            continue
        drafts, manifests = spool.read()
        try:
            for manifest in manifests:
                store.put_manifest(manifest)
            store.append(run_id, drafts)
        except (RecordError, RunNotFoundError):
            spool.path.rename(spool.path.with_suffix(".undeliverable"))
        else:
            spool.clear()
