"""Whether the server can do its work: not only answer, but write."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cognify_core.store.protocol import Store

_SECONDS = 1.0
"""How long an answer holds: whoever asks needs no key, and to try it takes a disk."""


class Health:
    """What is asked by whoever sends requests here or stops doing so: a proxy, systemd, Kubernetes, Prometheus."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._passed = float("-inf")

    def show(self) -> dict[str, str]:
        """Whether the store can be written, and is of the schema that this server works on; else 503."""
        with self._lock:
            if time.monotonic() - self._passed > _SECONDS:
                self._store.check_writable()
                self._passed = time.monotonic()
        return {"status": "ok"}
