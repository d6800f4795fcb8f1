"""Who is told how far a long export has come."""

from __future__ import annotations

from typing import Protocol


class Watch(Protocol):
    """Is told what is being done now; of what can be counted, also how much is done, of how much in all."""

    def __call__(self, what: str, done: int = 0, total: int = 0) -> object:
        """As in `watch("writing rows", 512, 4_096)`; a total of 0 is not known."""


def unwatched(what: str, done: int = 0, total: int = 0) -> None:
    """Tell nobody."""
