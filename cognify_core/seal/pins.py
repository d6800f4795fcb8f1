"""What somebody here decided to trust, under names that they gave: one file each, `<name>.<id>.<suffix>`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from cognify_core.errors import SigningKeyError
from cognify_core.seal.key_files import explained, write_once

KeyT = TypeVar("KeyT")


@dataclass(frozen=True, slots=True)
class Pin(Generic[KeyT]):
    """What is trusted, and its name here."""

    name: str
    key: KeyT


@dataclass(frozen=True, slots=True)
class Form(Generic[KeyT]):
    """How one kind of key is told from others, and written."""

    suffix: str
    parse: Callable[[bytes], KeyT]
    """Raises `SigningKeyError` where the bytes are no such key."""
    encode: Callable[[KeyT], bytes]
    id_of: Callable[[KeyT], str]
    """64 hex digits."""


class Pins(Generic[KeyT]):
    """The trusted keys of one kind, in a folder. Several processes may use it at once; nothing is overwritten."""

    def __init__(self, folder: Path, form: Form[KeyT]) -> None:
        self._folder, self._form = folder, form
        self._file = re.compile(
            rf"(?P<name>[A-Za-z0-9][A-Za-z0-9_.@-]{{0,63}})\.(?P<id>[0-9a-f]{{64}})\.{re.escape(form.suffix)}"
        )

    def pinned(self) -> list[Pin[KeyT]]:
        """The trusted ones with their names, by name.

        Raises:
            SigningKeyError: a file among them does not hold what it is named for.
        """
        with explained(f"cannot read the trusted keys in {self._folder}"):
            paths = sorted(self._folder.iterdir()) if self._folder.is_dir() else []
            found = [(path, match) for path in paths if (match := self._file.fullmatch(path.name))]
            return [Pin(match["name"], self._read(path, match["id"])) for path, match in found]

    def trusted(self) -> tuple[KeyT, ...]:
        """The trusted ones."""
        return tuple(pin.key for pin in self.pinned())

    def trust(self, data: bytes, name: str) -> KeyT:
        """Pin one under a name of letters, digits, `_`, `.`, `@` and `-`; pinning it twice changes nothing.

        Raises:
            SigningKeyError: `data` is no such key, or the name cannot be a file name.
        """
        key = self._form.parse(data)
        if not self._file.fullmatch(file_name := self._file_name(name, key)):
            raise SigningKeyError(f"{name[:80]!r} cannot name a key: use up to 64 letters, digits, _ . @ and -")
        if key not in self.trusted():
            with explained(f"cannot write to {self._folder}"):
                write_once(self._folder / file_name, self._form.encode(key), mode=0o644)
        return key

    def distrust(self, which: str) -> list[KeyT]:
        """Unpin those of a name, or the one whose id begins with `which` (at least 8 digits); return them."""
        gone = [pin for pin in self.pinned() if pin.name == which or self._begins(pin.key, which)]
        with explained(f"cannot remove a key from {self._folder}"):
            for pin in gone:
                (self._folder / self._file_name(pin.name, pin.key)).unlink(missing_ok=True)
        return [pin.key for pin in gone]

    def _begins(self, key: KeyT, digits: str) -> bool:
        return len(digits) >= 8 and self._form.id_of(key).startswith(digits)

    def _file_name(self, name: str, key: KeyT) -> str:
        return f"{name}.{self._form.id_of(key)}.{self._form.suffix}"

    def _read(self, path: Path, key_id: str) -> KeyT:
        key = self._form.parse(path.read_bytes())
        if self._form.id_of(key) != key_id:
            raise SigningKeyError(f"{path} does not hold the key that its name says; remove it and pin the key again")
        return key
