"""How much is held open at once: at most two checkpoints and 256 files, none where the disk is nearly full."""

from __future__ import annotations

import os
import resource
import threading
import weakref
from collections.abc import Callable
from pathlib import Path

from cognify_core.capture.hold import HeldTree, hold_tree
from cognify_core.capture.hold_file import hold_file
from cognify_core.capture.mounts import free_bytes, is_network
from cognify_core.capture.scan import Mine, all_of_them

MAX_TREES = 2
MAX_DESCRIPTORS = 256


class Holder:
    """Holds the checkpoints that are waiting to be hashed, and lets the oldest go where there are too many.

    One that is let go is hashed by its path; if it is rotated away before, it is `unresolved(rotated before hashed)`.
    One that is being hashed is never let go.

    Args:
        trees: how many checkpoints are held at once; one is a folder, or two single files (a step's own, and `last`).
        descriptors: how many files; by default 256, or a quarter of what the process may open.
        free: tells the bytes that are free where a path lies.
        network: tells whether a path lies on a network file system, where nothing is held.
    """

    def __init__(
        self,
        *,
        trees: int = MAX_TREES,
        descriptors: int | None = None,
        free: Callable[[bytes], int] = free_bytes,
        network: Callable[[bytes], bool] = is_network,
    ) -> None:
        self._trees = trees
        self._descriptors = _descriptor_limit() if descriptors is None else descriptors
        self._free = free
        self._network = network
        self._held: list[HeldTree] = []
        self._lock = threading.Lock()
        self._on_network: dict[int, bool] = {}
        _forget_after_fork(weakref.ref(self))

    def hold(self, path: Path, mine: Mine = all_of_them) -> HeldTree:
        """Open the file at `path`, or those of a folder that are `mine`, if the bounds allow it.

        For the training thread: well under 5 ms.
        """
        limit = 0 if self._is_network(path) else self._descriptors
        held = hold_file(path, limit=limit) if path.is_file() else hold_tree(path, limit=limit, mine=mine)
        with self._lock:
            self._held = [tree for tree in self._held if tree.descriptors]
            if held.descriptors:
                self._held.append(held)
                self._make_room()
                self._spare_disk(path)
                self._held = [tree for tree in self._held if tree.descriptors]
        return held

    @property
    def held(self) -> tuple[HeldTree, ...]:
        """The checkpoints whose files are open now, oldest first."""
        with self._lock:
            return tuple(tree for tree in self._held if tree.descriptors)

    def close(self) -> None:
        """Let everything go that is not being hashed."""
        with self._lock:
            for tree in self._held:
                tree.let_go()

    def forget(self) -> None:
        """Close what a fork copied, in the child: a worker that lives on must not keep rotated files on the disk."""
        for tree in self._held:
            tree.forget()

    def _make_room(self) -> None:
        for tree in tuple(self._held):
            holding = [other for other in self._held if other.descriptors]
            files, shares = sum(other.descriptors for other in holding), sum(other.shares for other in holding)
            if shares <= 2 * self._trees and files <= self._descriptors:
                return
            tree.let_go()

    def _spare_disk(self, path: Path) -> None:
        try:
            free = self._free(os.fsencode(path))
        except OSError:
            free = 0
        if free < 2 * sum(tree.size for tree in self._held):
            for tree in self._held:
                tree.let_go()

    def _is_network(self, path: Path) -> bool:
        try:
            device = path.stat().st_dev
            if device not in self._on_network:
                self._on_network[device] = self._network(os.path.realpath(os.fsencode(path)))
        except OSError:
            return False
        return self._on_network[device]


def _descriptor_limit() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MAX_DESCRIPTORS if soft == resource.RLIM_INFINITY else min(MAX_DESCRIPTORS, soft // 4)


def _forget_after_fork(reference: weakref.ref[Holder]) -> None:
    def forget() -> None:
        if (holder := reference()) is not None:
            holder.forget()

    os.register_at_fork(after_in_child=forget)
