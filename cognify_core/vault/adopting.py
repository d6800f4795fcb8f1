"""What became of a put that found its key taken."""

from __future__ import annotations

from cognify_core.errors import VaultConflictError
from cognify_core.model.digest import Digest
from cognify_core.vault.protocol import Lock, Reading, Vault


def adopt(vault: Vault, key: str, digest: Digest, lock: Lock) -> Reading:
    """The version that is there already, of a put whose answer was lost, with at least `lock` on it.

    Raises:
        VaultConflictError: the bytes under that key are somebody else's.
    """
    for found, version in vault.versions(key):
        if found == key and vault.look(key, version).digest == digest:
            return vault.extend(key, version, lock)
    raise VaultConflictError(f"{vault.uri}/{key} has other bytes already; they stay")
