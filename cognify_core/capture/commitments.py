"""Personal data as commitments (`docs/formats.md`, Events): the record holds a hash, a side table the clear value.

SHA-256("cognify.commit/v1" ‖ 0x00 ‖ 32 random bytes ‖ value). Once the opening is erased nobody can say what the value
was; with a salt that the record shows, every IPv4 address would be tried in half an hour.
"""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path

from cognify_core.model.digest import Digest
from cognify_core.store.protocol import Opening

_DOMAIN = b"cognify.commit/v1\x00"
_RANDOM_SIZE = 32


def commit(label: str, value: str) -> Opening:
    """Commit to `value` with fresh random bytes; `label` says what kind of value it is, and is not hashed."""
    random = secrets.token_bytes(_RANDOM_SIZE)
    return Opening(commitment=str(_commitment(random, value)), label=label, random=random, value=value)


def opens(opening: Opening) -> bool:
    """Whether an opening's random bytes and clear value are those behind its commitment."""
    return opening.commitment == str(_commitment(opening.random, opening.value))


def display_path(path: Path, home: Path | None = None) -> str:
    """An absolute path as records show it: the home directory, which names a person, is written `~`."""
    return without_home(os.fspath(path.absolute()), home)


def without_home(text: str, home: Path | None = None) -> str:
    """Any text in which paths below the home directory begin with `~`; `home` is by default this user's own."""
    directory = str(home_directory() if home is None else home).rstrip("/")
    if not directory:
        return text
    return re.sub(rf"(?<![\w./~-]){re.escape(directory)}(?![\w.-])", "~", text)


def home_directory() -> Path:
    """The user's home directory; `/` where none can be told."""
    try:
        return Path.home()
    except RuntimeError:
        return Path("/")


def _commitment(random: bytes, value: str) -> Digest:
    return Digest.of(_DOMAIN + random + value.encode("utf-8", "surrogateescape"))
