"""The keys of objects: derived from ids that are checked first, for a key is a path."""

from __future__ import annotations

import re

from cognify_core.errors import VaultError
from cognify_core.model.digest import Digest
from cognify_core.model.names import is_run_id

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}", re.ASCII)
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}(/[A-Za-z0-9][A-Za-z0-9._-]{0,199})*", re.ASCII)


def object_key(run_id: str, package_hash: Digest, name: str) -> str:
    """The key of a file that belongs to a package: `<run id>/<package hash>/<name>`.

    The hash is in it, so that a newer package of the same run never meets an older one.

    Raises:
        VaultError: an id or a name is none, and would be another path.
    """
    if not is_run_id(run_id):
        raise VaultError(f"not a run id: {run_id[:80]!r}")
    if not _NAME.fullmatch(name):
        raise VaultError(f"{name[:80]!r} cannot be a name in a vault: letters, digits, '.', '_' and '-' only")
    return f"{run_id}/{package_hash.hex}/{name}"


def check_key(key: str) -> str:
    """The key, if it can only be one.

    Raises:
        VaultError: it is absolute, climbs, or holds what a path or URL could read otherwise.
    """
    if not _KEY.fullmatch(key):
        raise VaultError(f"not a key of a vault: {key[:80]!r}")
    return key
