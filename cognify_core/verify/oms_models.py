"""The models of a sealed run of whose files OMS can speak, and what it would say of each: a function of the record."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import PurePosixPath

from cognify_core.capture.tree_manifest import TREE_FORMAT, parse_manifest
from cognify_core.errors import FormatError
from cognify_core.export.inputs import SealedRun
from cognify_core.model.digest import Digest
from cognify_core.model.events import Artifact, CheckpointSeen, ModelSeen
from cognify_core.model.lineage import node_ids
from cognify_core.seal.oms import oms_statement

SUFFIX = ".sigstore.json"
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}", re.ASCII)


@dataclass(frozen=True)
class Model:
    """A checkpoint, or final weights, whose every file was hashed."""

    node_id: str
    body: Artifact
    digest: Digest
    manifest: bytes | None
    """The tree's; none of a single file, and of a tree whose manifest is not there."""

    @property
    def file_name(self) -> str:
        """What its bundle is called: by its id, where that can be a file's name."""
        plain = _PLAIN.fullmatch(self.node_id)
        return (self.node_id if plain else f"node-{sha256(self.node_id.encode()).hexdigest()[:32]}") + SUFFIX

    @cached_property
    def statement(self) -> bytes:
        """What OMS says of it.

        Raises:
            FormatError: OMS cannot speak of it, or its manifest does not read.
        """
        name = PurePosixPath(self.body.location or "").name or self.node_id
        if self.body.manifest is None:
            return oms_statement(name, {name.encode(): self.digest.hex})
        if self.manifest is None or Digest.of(self.manifest) != self.digest:
            raise FormatError("its manifest is not here")
        return oms_statement(name, parse_manifest(self.manifest), symlinks=bool(self.body.facts.get("symlinks")))


def oms_folder(run_id: str) -> str:
    """The folder, beside a run's packages, in which its OMS bundles lie."""
    return f"{run_id}.oms"


def models_of(run: SealedRun) -> Iterator[Model]:
    """The models of a run whose files were hashed; of those that were hashed by tensor, no file is known.

    Raises:
        FormatError, RunStateError: its record does not read.
    """
    ids, told = node_ids(run.record.events), set[str]()
    for body in (event.body for event in run.record.events):
        if not isinstance(body, CheckpointSeen | ModelSeen) or body.assurance != "content" or body.hash is None:
            continue
        node_id = ids[body.ref]
        if body.manifest in (None, TREE_FORMAT) and node_id not in told:
            told.add(node_id)
            yield Model(node_id, body, body.hash, run.manifests.get(str(body.hash)) if body.manifest else None)
