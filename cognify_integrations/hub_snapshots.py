"""Of which commit of a repository a base model is, and under which licence: as others say it, verified by nobody."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from cognify_core.canonical import Json
from cognify_integrations.describing_models import active_peft_config

MOST_READ = 1 << 18
"""The bytes of a README.md within which its front matter has to end."""
MOST_SAID = 200
"""The characters of a licence's name."""
MOST_DEEP = 20
"""The levels of its front matter."""

_COMMIT = re.compile(r"[0-9a-f]{40}")
_REVISION = re.compile(r"(?!.*\.\.)\w[\w./-]{0,199}", re.ASCII)
_FRONT_MATTER = re.compile(rb"(?:\xef\xbb\xbf)?---[ \t]*\r?\n(.*?\n)---[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Revision(NamedTuple):
    """A revision of a repository, and whose word it is."""

    name: str
    """A commit's hash, a branch or a tag."""
    by: str


def told_revision(model: Any) -> Revision | None:
    """What the framework says of a model: transformers the commit that it loaded (before 5), PEFT what it was given."""
    commit = getattr(getattr(model, "config", None), "_commit_hash", None)
    if isinstance(commit, str) and _COMMIT.fullmatch(commit):
        return Revision(commit, "transformers")
    given = getattr(active_peft_config(model), "revision", None)
    return Revision(given, "PEFT") if isinstance(given, str) and _REVISION.fullmatch(given) else None


def find_files(path: str | None, told: Revision | None) -> Path | None:
    """The folder with the files that weights are said to come from: a local one, or a snapshot in the Hub's cache.

    Of the snapshots it is the told revision's, where that lies there, else that of `main`. Nothing is downloaded.
    """
    if path is None:
        return None
    if Path(path).is_dir():
        return Path(path)
    from huggingface_hub import try_to_load_from_cache

    for revision in (*((told.name,) if told else ()), None):
        for name in ("model.safetensors", "model.safetensors.index.json"):
            found = try_to_load_from_cache(path, name, revision=revision)
            if isinstance(found, str):
                return Path(found).parent
    return None


def origin_facts(told: Revision | None, folder: Path | None, matched: object) -> dict[str, Json]:
    """`revision` with `revision_by`, and `license`, each where it is known.

    Args:
        told: what the framework says.
        folder: where files of the weights lie.
        matched: how many tensors in memory are those of these files; None where nothing was compared.
    """
    if matched == 0:  # whatever is said of those files, these weights are not theirs
        return {}
    here = folder if matched else None
    lies_in = snapshot_of(here)
    commit = told if told is not None and _COMMIT.fullmatch(told.name) else None
    if lies_in is not None and (commit is None or commit.by == "PEFT"):  # these very tensors outweigh an argument
        commit = Revision(lies_in, "the Hub's cache")
    facts: dict[str, Json] = {} if commit is None else {"revision": commit.name, "revision_by": commit.by}
    if here is not None and (commit is None or lies_in in (None, commit.name)):
        licence = licence_in(here)
        facts |= {} if licence is None else {"license": licence}
    return facts


def snapshot_of(folder: Path | None) -> str | None:
    """The commit whose snapshot in a Hub's cache a folder is; none where it is no such folder."""
    if folder is None:
        return None
    place = Path(os.path.realpath(folder))
    in_cache = place.parent.name == "snapshots" and place.parent.parent.name.startswith("models--")
    return place.name if in_cache and _COMMIT.fullmatch(place.name) else None


def licence_in(folder: Path) -> str | None:
    """The licence that the front matter of a folder's README.md names; none where it names none in one short line."""
    front_matter = _FRONT_MATTER.match(_beginning(folder / "README.md"))
    if front_matter is None:
        return None
    try:
        nodes = list(_nodes(front_matter[1].decode()))
    except (UnicodeDecodeError, yaml.YAMLError):
        return None
    said = {_text(key): _text(value) for key, value in zip(nodes[::2], nodes[1::2], strict=False)}
    licence, name = said.get("license", ""), said.get("license_name", "")
    text = f"other ({name})" if licence == "other" and name else licence
    return text if text.isprintable() and 0 < len(text) <= MOST_SAID else None


def _beginning(path: Path) -> bytes:
    """The first bytes of a regular file; empty where there is none that can be read."""
    try:
        descriptor = os.open(path, _FLAGS)
    except OSError:
        return b""
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return b""
    with suppress(OSError), os.fdopen(descriptor, "rb") as file:
        return file.read(MOST_READ)
    return b""


def _nodes(text: str) -> Iterator[list[yaml.Event]]:
    """The keys and values, by turns, of a document's outermost map, as events: nothing in it is ever constructed.

    Raises:
        yaml.YAMLError: it is no YAML, or nested too deep.
    """
    every = yaml.parse(text, _Loader)
    events = (each for each in every if isinstance(each, (yaml.NodeEvent, yaml.CollectionEndEvent)))
    if not isinstance(next(events, None), yaml.MappingStartEvent):
        return
    depth, node = 0, list[yaml.Event]()
    for event in events:
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth < 0:  # the map's own end
            return
        if depth > MOST_DEEP:  # a parser takes time that grows with the square of the depth
            raise yaml.YAMLError(f"nested deeper than {MOST_DEEP} levels")
        node.append(event)
        if depth == 0:
            yield node
            node = []


def _text(node: list[yaml.Event]) -> str:
    """A text, or the texts of a list, one after the other; empty where it is neither."""
    inside = node[1:-1] if isinstance(node[0], yaml.SequenceStartEvent) else node
    texts = [each.value for each in inside if isinstance(each, yaml.ScalarEvent) and not _is_null(each)]
    return ", ".join(texts) if len(texts) == len(inside) else ""


def _is_null(event: yaml.ScalarEvent) -> bool:
    return event.implicit[0] and event.value in _NULL
