"""`<package>.evidence.json`: what came to be known of a package after it was made, beside it; only ever added to.

It is no part of what was signed. Each fact in it can be asked for again, of the vault, authority or log that it names.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cognify_core.canonical import Json, encode, parse
from cognify_core.errors import ConfigurationError, FormatError
from cognify_core.model.digest import Digest
from cognify_core.store.places import locked, put_in_place

if TYPE_CHECKING:
    from cognify_core.store.keeping import VaultFact

SUFFIX = ".evidence.json"
FORMAT = "cognify.evidence/v1"
_LOCK_SECONDS = 30.0


def add_evidence(package: Path, package_hash: Digest, facts: Sequence[dict[str, Json]]) -> Path:
    """Add facts behind those that are there; the file is whole at all times. Returns where it is.

    Raises:
        FormatError: what is there is damaged, or is of another package; it stays as it is.
        ConfigurationError: it cannot be written.
    """
    path = package.with_name(package.name + SUFFIX)
    try:
        with locked(path.parent, _LOCK_SECONDS):
            every = [*read_evidence(path, package_hash), *facts]
            put_in_place(
                path, encode({"format": FORMAT, "package_hash": str(package_hash), "facts": list(every)}) + b"\n"
            )
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror}") from error
    return path


def read_evidence(path: Path, package_hash: Digest) -> list[dict[str, Json]]:
    """The facts in a file, oldest first; none where there is no file.

    Raises:
        FormatError: it is damaged, or is of another package.
    """
    if not path.is_file():
        return []
    said = parse(path.read_bytes().removesuffix(b"\n"))
    well = isinstance(said, dict) and said.keys() == {"facts", "format", "package_hash"} and said["format"] == FORMAT
    facts = said["facts"] if well and isinstance(said, dict) else None
    if not isinstance(said, dict) or not isinstance(facts, list) or not all(isinstance(fact, dict) for fact in facts):
        raise FormatError(f"{path} is no {FORMAT}; move it away, and what is known now is written anew")
    if said.get("package_hash") != str(package_hash):
        raise FormatError(f"{path} is of another package; move it away, and what is known now is written anew")
    return [fact for fact in facts if isinstance(fact, dict)]


def vault_fact(fact: VaultFact) -> dict[str, Json]:
    """A fact about a vault, as the file has it."""
    return {
        "kind": "vault",
        "part": fact.part,
        "vault": fact.vault,
        "key": fact.key,
        "version": fact.version,
        "digest": str(fact.digest),
        "state": fact.state,
        "mode": fact.mode,
        "until": fact.until,
        "held": fact.held,
        "asked": {"mode": fact.asked_mode, "until": fact.asked_until, "held": fact.asked_held},
        "read_at": fact.read_at,
    }
