"""The workspaces of a server: each sees its own part of the store, and has keys and a ledger of its own."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from cognify_core.api.outbox import Outbox
from cognify_core.api.workspace import EMBEDDED, Workspace
from cognify_core.errors import ConfigurationError
from cognify_core.model.names import stamp_time, utc_now
from cognify_core.server.seeing import Seen
from cognify_core.store.confined import confined
from cognify_core.store.tenancy import WorkspaceRow

if TYPE_CHECKING:
    from cognify_core.settings import Settings
    from cognify_core.store.protocol import Store

_TRIALS = 2
"""How many webhooks may be tried at once: each holds a thread that could answer requests."""
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
"""Names stand in paths, in object keys and in URLs."""


class Room(Workspace):
    """A workspace of a server, and who looks into it."""

    def __init__(self, settings: Settings, name: str, store: Store) -> None:
        super().__init__(settings, name=name, store=store)
        self.seen = Seen(lambda looks: store.put_accesses(looks, self.access_tree.sign))


class Rooms:
    """The workspaces of one store, opened when they are asked for. Any thread may ask."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self.settings, self.store = settings, store
        self._open: dict[str, Room] = {}
        self.wake: Callable[[], None] | None = None
        self.trials = threading.BoundedSemaphore(_TRIALS)
        self._lock = threading.Lock()
        store.put_workspace(WorkspaceRow(EMBEDDED, EMBEDDED, stamp_time(utc_now())))

    def add(self, name: str, label: str) -> WorkspaceRow:
        """Make a workspace; one of that name stays as it is.

        Raises:
            ConfigurationError: no workspace can be called so.
        """
        if not NAME.fullmatch(name):
            raise ConfigurationError(
                f"a workspace cannot be called {name[:80]!r}: up to 63 of a-z, 0-9, - and _, a letter or digit first"
            )
        return self.store.put_workspace(WorkspaceRow(name, label or name, stamp_time(utc_now())))

    def names(self) -> list[WorkspaceRow]:
        """All of them."""
        return self.store.workspaces()

    def find(self, name: str) -> Room | None:
        """The workspace of that name."""
        with self._lock:
            if name not in self._open:
                if name not in {row.workspace for row in self.store.workspaces()}:
                    return None
                self._open[name] = self._opened(name)
            return self._open[name]

    def close(self) -> None:
        """Let go of threads."""
        for room in self._open.values():
            room.close()

    def _opened(self, name: str) -> Room:
        home = self.settings.home if name == EMBEDDED else self.settings.home / "workspaces" / name
        settings = self.settings.model_copy(update={"home": home, "quiet": True})
        room = Room(settings, name, confined(self.store, name))
        room.outbox = Outbox(room, self._call)
        return room

    def _call(self) -> None:
        """There is work: where no server has begun to, it waits for one."""
        if self.wake is not None:
            self.wake()
