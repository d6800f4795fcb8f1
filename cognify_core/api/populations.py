"""Lists of the runs of a period that a server has made, each with its receipt in a folder of its own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cognify_core.api.exporting import RECEIPT_SUFFIX
from cognify_core.errors import CognifyError
from cognify_core.model.digest import Digest
from cognify_core.seal.bundle import Bundle
from cognify_core.seal.statement import PopulationPredicate, PopulationStatement

if TYPE_CHECKING:
    from cognify_core.api.populating import Listed, PopulationPackage
    from cognify_core.api.workspace import Workspace

FOLDER = "populations"
_HASH = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class KeptPopulation:
    """A list that was made, as its receipt has it."""

    package_hash: str
    path: Path
    said: PopulationPredicate

    @property
    def receipt_path(self) -> Path:
        """Where its receipt lies."""
        return self.path.with_name(self.path.name + RECEIPT_SUFFIX)

    def read(self) -> bytes | None:
        """The bytes, where they are still those that were signed for."""
        data = self.path.read_bytes() if self.path.is_file() else b""
        return data if str(Digest.of(data)) == self.package_hash else None


def keep_population(workspace: Workspace, listed: Listed) -> PopulationPackage:
    """Write a list where `find_population` finds it.

    Raises:
        ConfigurationError: it cannot be written.
    """
    return listed.written(_folder(workspace, str(Digest.of(listed.data))) / listed.name)


def populations(workspace: Workspace, limit: int = 1000) -> list[KeptPopulation]:
    """Up to `limit` of those that were made here and are still there, newest first."""
    folder = workspace.settings.packages_path / FOLDER
    folders = sorted(folder.iterdir(), key=lambda each: each.stat().st_mtime) if folder.is_dir() else []
    hashes = [f"sha256:{each.name}" for each in folders[: -limit - 1 : -1]]
    found = [kept for each in hashes if (kept := find_population(workspace, each)) is not None]
    return sorted(found, key=lambda kept: (kept.said.made_at, kept.package_hash), reverse=True)


def find_population(workspace: Workspace, package_hash: str) -> KeptPopulation | None:
    """The list of that hash; none where there is none, or its receipt does not read."""
    if not _HASH.fullmatch(package_hash):
        return None
    folder = _folder(workspace, package_hash)
    for receipt in folder.glob(f"*{RECEIPT_SUFFIX}"):
        try:
            statement = PopulationStatement.parse(Bundle.parse(receipt.read_bytes()).payload)
        except (CognifyError, OSError):
            continue
        return KeptPopulation(package_hash, folder / receipt.name.removesuffix(RECEIPT_SUFFIX), statement.predicate)
    return None


def _folder(workspace: Workspace, package_hash: str) -> Path:
    return workspace.settings.packages_path / FOLDER / package_hash.removeprefix("sha256:")
