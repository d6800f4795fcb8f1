"""Watching a stream: its rows are digested where and when they are delivered, and nothing else about it changes.

Life of a row: the watched object hands it to a `Tap` as it gives it to whoever iterates. The tap keeps a copy, digests
some rows at a time (so few that it takes about a millisecond), and says in a file how far it has come: for a DataLoader
reads in other processes, which may be killed, or still read ahead when the run ends. Nothing here raises into the
training: what cannot be digested has a reason instead of a digest.
"""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from cognify_core.capture.stream_parts import PartState, ask, part_names, read_parts, remove_parts
from cognify_core.capture.stream_tap import Tap

ANSWER_SECONDS = 2.0
"""How long the end of a run waits for a DataLoader worker to say how far it has come."""
_LOOK_SECONDS = 0.02


class Watch:
    """A stream that is watched, and where its parts go. It travels with the stream into other processes.

    Args:
        about: what is to be said of the stream; any value that can be pickled.
    """

    folder: Path | None
    """Where parts go; nowhere as long as no run watches."""
    _taps: weakref.WeakSet[Tap]
    _taken: set[str]
    _troubles: list[PartState]

    def __init__(self, about: object = None) -> None:
        self.about = about
        self.key = os.urandom(8).hex()
        self.folder = None
        self.rank = 0
        self._pid = os.getpid()
        self._here()

    @property
    def is_at_home(self) -> bool:
        """Whether this is the process that watches, and not one that it started to read for it."""
        return os.getpid() == self._pid

    @property
    def was_read(self) -> bool:
        """Whether there are parts that `settle` would give."""
        return self._troubles != [] or (
            self.folder is not None and not self._taken >= part_names(self.folder, self.rank)
        )

    def place(self, folder: Path, rank: int) -> None:
        """From now on keep parts in a folder of `folder`, and forget those that were read before."""
        for tap in list(self._taps):
            tap.settle()
        self.folder, self.rank, self._pid = folder / self.key, rank, os.getpid()
        self._taken, self._troubles = part_names(self.folder, rank), []
        self._forget_closed(self.folder)

    def tap(self, **known: Any) -> Tap:
        """What takes the rows of one pass; `known` is as for `Tap`."""
        tap = Tap(self, **known)
        self._taps.add(tap)
        return tap

    def trouble(self, error: Exception) -> None:
        """A pass cannot be digested at all."""
        self._troubles.append(PartState("", self.rank, 0, 0, os.getpid(), reason=f"{type(error).__name__}: {error}"))

    def settle(self, timeout: float = ANSWER_SECONDS) -> list[PartState]:
        """The parts that were read since the last time, each of them once.

        Who still reads is asked to digest what it has, and waited for, at most `timeout` seconds. A part that is behind
        all the same has fewer `rows` than were `delivered`.
        """
        if self.folder is None:
            return []
        for tap in list(self._taps):
            tap.settle()
        parts, self._troubles = [*self._answers(self.folder, timeout), *self._troubles], []
        self._taken |= {part.name for part in parts}
        self._forget_closed(self.folder)
        return parts

    def _forget_closed(self, folder: Path) -> None:
        closed = self._taken & {part.name for part in read_parts(folder, self.rank) if not part.is_open}
        remove_parts(folder, closed)
        self._taken -= closed  # their names are free again

    def _answers(self, folder: Path, timeout: float) -> list[PartState]:
        if not folder.is_dir():
            return []
        asked, deadline = os.urandom(8).hex(), time.monotonic() + timeout
        ask(folder, self.rank, asked)
        while True:
            parts = [part for part in read_parts(folder, self.rank) if part.name not in self._taken]
            waiting = any(part.is_open and part.answered != asked for part in parts)
            if not waiting or time.monotonic() > deadline:
                return [_in_time(part) if part.answered == asked else part for part in parts]
            time.sleep(_LOOK_SECONDS)

    def _here(self) -> None:
        """What only the process knows that this object lives in."""
        self._taps = weakref.WeakSet()
        self._taken, self._troubles = set(), []

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in ("_taps", "_taken", "_troubles")}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self._here()
        vars(self).update(state)

    def __deepcopy__(self, _memo: object) -> Watch:
        return self


def _in_time(part: PartState) -> PartState:
    """What was delivered after the answer is no longer of the run that asked."""
    return replace(part, delivered=part.rows) if part.reason is None else part
