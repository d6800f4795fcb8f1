"""What the source of one of MLflow's datasets names: files that lie here, something to be fetched, or nothing to hash.

MLflow keeps a source as JSON under the name of its type; whoever logs a dataset through a client may write there what
it likes, so nothing but text is taken from it.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import unquote, urlsplit

from cognify_core.canonical import Json
from cognify_core.capture.redaction import strip_credentials
from cognify_integrations.mlflow_hub import Named, hub_files

_SHOWN = 200
_NO_FILES = {
    "code": "its source is the script, which names no data",
    "delta_table": "a Delta table: which files make up its version, only Delta tells",
    "spark": "rows that Spark reads: which files they come from, only Spark tells",
}
IN_SERVER = "it lies with the client, and a server fetches nothing that its clients name"


@dataclass(frozen=True, slots=True)
class Here:
    """Files of this machine: a file, a folder, or some of the files in a folder."""

    path: Path
    only: tuple[Path, ...] = ()
    """These alone of the folder."""
    facts: dict[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Far:
    """Something to be fetched, by this process and with its credentials, for its own code has named it."""

    uri: str


@dataclass(frozen=True, slots=True)
class Unseen:
    """Nothing that can be hashed, and why."""

    reason: str


Source: TypeAlias = Here | Far | Unseen


def source_of(source_type: str, told: str | None, *, in_server: bool) -> Source:
    """What a dataset's source names, as seen from this process.

    Args:
        source_type: MLflow's name for the kind of source.
        told: the source as MLflow keeps it: a JSON object, or the place itself.
        in_server: whether this is a server, where neither paths nor URIs of clients are followed.
    """
    if source_type in _NO_FILES:
        return Unseen(_NO_FILES[source_type])
    if in_server:
        return Unseen(IN_SERVER)
    named = _named(told)
    if source_type == "hugging_face":
        return _of_hub(hub_files(named))
    place = next((named[key] for key in ("uri", "url", "path") if isinstance(named.get(key), str)), None)
    if place is None:
        return Unseen(f"its source is not a file: {source_type}")
    return place_of(place)


def place_of(place: str) -> Source:
    """What a path or URI names."""
    parts, shown = urlsplit(place), strip_credentials(place)[:_SHOWN]
    if parts.scheme == "file":
        if parts.netloc not in ("", "localhost"):
            return Unseen(f"it lies on another machine: {shown}")
        path = unquote(parts.path)
    else:
        path = os.path.expanduser(place)  # noqa: PTH111 - any text may stand there
        if parts.scheme and not _is_there(path):
            return Far(place)
    return Here(Path(path)) if _is_there(path) else Unseen(f"there is nothing at its source, {shown}")


def shown_source(told: str | None) -> str:
    """A source as records have it: without user, password and query of any URL in it."""
    try:
        found = json.loads(told or "")
    except ValueError:
        return strip_credentials(told or "")
    return json.dumps(_stripped(found), ensure_ascii=False)


def _named(told: str | None) -> dict[str, Any]:
    try:
        found = json.loads(told or "")
    except ValueError:
        return {"uri": told} if told else {}
    return found if isinstance(found, dict) else {}


def _is_there(path: str) -> bool:
    return os.path.exists(path)  # noqa: PTH110 - of a text that no file system takes, it is not


def _stripped(value: Any) -> Any:
    if isinstance(value, str):
        return strip_credentials(value)
    if isinstance(value, list):
        return [_stripped(each) for each in value]
    return {key: _stripped(each) for key, each in value.items()} if isinstance(value, dict) else value


def _of_hub(found: Named) -> Source:
    if found.reason is not None:
        return Unseen(found.reason)
    return Far(found.url) if found.url is not None else Here(found.folder, found.only, found.facts)
