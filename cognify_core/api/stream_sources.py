"""The files that a stream reads, and others that rows were seen to be read from, as the sources of these rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cognify_core.capture.outcome import Outcome
from cognify_core.capture.redaction import strip_credentials
from cognify_core.capture.stream_files import StreamFiles, files_of_stream
from cognify_core.capture.stream_kinds import is_stream
from cognify_core.model.events import DatasetSeen
from cognify_core.model.names import slug

if TYPE_CHECKING:
    from cognify_core.api.companion import Companion
    from cognify_core.api.live import LiveRun

MOST_FILES = 100
MOST_BYTES = 32 << 30
"""More is not hashed in passing: the end of the run would wait for it."""
_MEND = 'cognify.dataset("<the files>", name="…") before the training'


def sources_seen(live: LiveRun, companion: Companion | None, dataset: Any, name: str) -> list[str]:
    """The refs of the files that rows were seen to be read from, or that a stream names, which are recorded now."""
    refs: list[str] = []
    if companion is not None:
        live.guarded("source files", lambda: refs.extend(companion.sources_of(live, dataset)))
    if is_stream(dataset) and live.rank.is_first and not refs:
        live.guarded("source files", lambda: refs.extend(record_sources(live, name, files_of_stream(dataset))))
    return refs


def record_sources(live: LiveRun, name: str, files: StreamFiles) -> list[str]:
    """Record each file as it lies, and each URL as declared; return their refs."""
    size = sum(path.stat().st_size for path in files.local)
    if len(files.local) + len(files.remote) > MOST_FILES or size > MOST_BYTES:
        told = f"{len(files.local) + len(files.remote)} files, {size} bytes of them here: too many to hash in passing"
        live.gap(f"ds_{slug(name)}_source_v1", told, mend=_MEND)
        return [_declared(live, name, None, {"files": len(files.local), "urls": len(files.remote), "bytes": size})]
    hashed = [live.run.file(path, name=f"{name}_{path.stem}", role="source") for path in files.local]
    return hashed + [_declared(live, name, strip_credentials(url), {}) for url in files.remote]


def _declared(live: LiveRun, name: str, location: str | None, facts: dict[str, int]) -> str:
    """A source that nobody has looked at."""
    called = f"{name}_source"
    return live.run.artifact(
        DatasetSeen,
        f"ds_{slug(called)}_v1",
        Outcome("declared"),
        fields=lambda _: {"name": called, "role": "source", "schema_version_defaulted": True},
        location=location,
        facts=facts,
    )
