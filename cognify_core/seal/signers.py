"""Signers that are no files here: opened by the scheme of a URI.

`awskms` is ours. Others come with distributions of their own, by an entry point in the group `cognify.signers` whose
name is the scheme, and which is called with the URI and gives a `Signer`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from hashlib import sha256
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

from cognify_core.errors import CognifyError, ConfigurationError, SigningKeyError
from cognify_core.seal.key_files import explained, write_once
from cognify_core.seal.signing import PublicKey, Signer

GROUP = "cognify.signers"
OURS = {"awskms": "cognify_core.seal.awskms:open_signer"}
_URI = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://[!-~]+")


def open_signer(uri: str) -> Signer:
    """The signer of a URI.

    Raises:
        ConfigurationError: it is no URI of a signer that is known here.
        SigningKeyError: it is not there, or does not sign as seals are signed.
    """
    match = _URI.fullmatch(uri)
    if match is None:
        raise ConfigurationError(f"{uri[:80]!r} is no URI of a signer, as in awskms:///alias/NAME")
    if "@" in uri.partition("://")[2].partition("/")[0]:
        raise ConfigurationError("the URI of a signer holds no user and password: it is printed")
    opened = _opener(match["scheme"])
    try:
        return opened(uri)
    except (CognifyError, ModuleNotFoundError):
        raise
    except Exception as error:
        raise SigningKeyError(f"the signer {uri} cannot be opened: {type(error).__name__}: {error}") from error


def _opener(scheme: str) -> Callable[[str], Signer]:
    if scheme in OURS:
        module, _, name = OURS[scheme].partition(":")
        ours: Callable[[str], Signer] = getattr(import_module(module), name)
        return ours
    known = {point.name: point for point in entry_points(group=GROUP)}
    if scheme not in known:
        names = ", ".join(sorted({*OURS, *known}))
        raise ConfigurationError(f"no signer of the scheme {scheme!r} is installed; there are: {names}")
    try:
        found: Callable[[str], Signer] = known[scheme].load()
    except Exception as error:
        raise ConfigurationError(f"the signer {scheme!r} cannot be loaded: {error}") from error
    return found


def known_key_file(folder: Path, uri: str) -> Path:
    """Where the public key is kept that was seen first under a URI."""
    return folder / f"signer.{sha256(uri.encode()).hexdigest()[:16]}.pub"


def open_known(folder: Path, uri: str, pin: Callable[[PublicKey], object]) -> Signer:
    """The signer of a URI, whose public key is pinned the first time, and must be the same ever after.

    Raises:
        ConfigurationError: as `open_signer`.
        SigningKeyError: as there, or another key than before answers under the URI.
    """
    signer, file = open_signer(uri), known_key_file(folder, uri)
    with explained(f"cannot use {folder}"):
        if not file.exists():
            pin(signer.public_key)
            write_once(file, signer.public_key.pem, mode=0o644)
        elif file.read_bytes() != signer.public_key.pem:
            raise SigningKeyError(
                f"{uri} now names another key, {signer.public_key.key_id[:16]}…, than before: point it back, and name "
                "the new one by its own id with `cognify keys rotate --to URI`, so that the old one introduces it"
            )
    return signer
