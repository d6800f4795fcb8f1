"""Events as they arrive: lines of drafts and manifests, each appended once, and the root over what stands there."""

from __future__ import annotations

import threading
from collections import OrderedDict
from itertools import islice
from typing import TYPE_CHECKING

from cognify_core.errors import FormatError
from cognify_core.merkle import Frontier, leaf_hash
from cognify_core.model.events import Access, Draft
from cognify_core.model.names import is_time
from cognify_core.record.spool import read_line

if TYPE_CHECKING:
    from cognify_core.store.protocol import Store

MAX_LINES = 20_000
"""Of one request."""
_RUNS_REMEMBERED = 1000


def read_lines(body: bytes) -> tuple[list[Draft], list[bytes]]:
    """The drafts and the manifests of a request.

    Raises:
        FormatError: a line is neither; the message has its number.
    """
    drafts: list[Draft] = []
    manifests: list[bytes] = []
    lines = body.removesuffix(b"\n").split(b"\n") if body else []
    if len(lines) > MAX_LINES:
        raise FormatError(f"{len(lines)} lines in one request; at most {MAX_LINES} are taken")
    for number, line in enumerate(lines, 1):
        try:
            read = read_line(line)
            if isinstance(read, bytes):
                manifests.append(read)
            else:
                drafts.append(_checked(read))
        except FormatError as error:
            raise FormatError(f"line {number}: {error}") from error
    return drafts, manifests


def _checked(draft: Draft) -> Draft:
    writer: object = draft.writer
    if not isinstance(writer, str) or not 0 < len(writer) <= 200:
        raise FormatError("a writer is named in 1 to 200 characters")
    if type(draft.counter) is not int or not 0 <= draft.counter < 2**53:
        raise FormatError("a counter is a whole number from 0 on")
    if isinstance(draft.body, Access) and draft.body.observed_by == "server":
        raise FormatError("what this server has seen, it writes down itself: an access is observed by the machine here")
    if not is_time(draft.time):
        raise FormatError(f"{str(draft.time)[:60]!r} is no time of a record")
    return draft


class Roots:
    """The root of each record that is being written; remembered, so that an append reads only what it has added."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, Frontier] = OrderedDict()
        self._lock = threading.Lock()

    def root(self, store: Store, run_id: str, size: int) -> bytes:
        """The RFC 6962 root over the first `size` events."""
        with self._lock:
            tree = self._known.pop(run_id, None)
            if tree is None or tree.size > size:
                tree = Frontier()
            for event in islice(store.events(run_id, tree.size), size - tree.size):
                tree.append(leaf_hash(event))
            self._known[run_id] = tree
            if len(self._known) > _RUNS_REMEMBERED:
                self._known.popitem(last=False)
            return tree.root()
