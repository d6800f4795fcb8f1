"""A closed record, read whole: what seals are made over, and packages rendered from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

from cognify_core.errors import FormatError, RunStateError
from cognify_core.merkle import leaf_hash, root_hash
from cognify_core.model.digest import Digest
from cognify_core.model.events import Event, RunClosed, RunOpened, parse_event
from cognify_core.model.lineage import Lineage, fold
from cognify_core.model.record import Freeze, RecordManifest, Status, counts_by_kind


@dataclass(frozen=True)
class ClosedRecord:
    """A record from its `run_opened` to its `run_closed`, parsed; what follows from it is computed once."""

    manifest: RecordManifest
    events: tuple[Event, ...]
    opened: RunOpened
    closed: RunClosed

    @classmethod
    def read(cls, data: Sequence[bytes]) -> Self:
        """Read event bytes in their order.

        Raises:
            FormatError: one is not an event, stands in another's place, or belongs to another run.
            RunStateError: the record is not closed.
        """
        return cls.of(data, tuple(parse_event(event) for event in data))

    @classmethod
    def of(cls, data: Sequence[bytes], events: tuple[Event, ...]) -> Self:
        """The record of event bytes that have been parsed already.

        Raises:
            FormatError: an event stands in another's place, or belongs to another run.
            RunStateError: the record is not closed.
        """
        for place, event in enumerate(events):
            if event.seq != place or event.run_id != events[0].run_id:
                raise FormatError(f"not a record: event {place} is event {event.seq} of {event.run_id}")
        if not events or not isinstance(opened := events[0].body, RunOpened):
            raise FormatError("not a record: it does not begin with run_opened")
        if not isinstance(closed := events[-1].body, RunClosed):
            raise RunStateError(
                f"{events[0].run_id} is not closed: finish it, or let the next start mark it interrupted"
            )
        return cls(manifest_of(events[0].run_id, data), events, opened, closed)

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self.manifest.run_id

    @property
    def miscounted(self) -> str | None:
        """Where the closing event counts other events than there are; none, where it counts what is there."""
        found, told = counts_by_kind(event.body.kind for event in self.events[:-1]), self.closed.counts
        for kind in sorted(told.keys() | found.keys()):
            if told.get(kind) != found.get(kind):
                return f"run_closed counted {told.get(kind, 0)} {kind} events, and there are {found.get(kind, 0)}"
        return None

    @cached_property
    def lineage(self) -> Lineage:
        """The graph, folded from the events.

        Raises:
            FormatError: they do not fold into one.
        """
        return fold(self.events)

    @property
    def manifest_digests(self) -> dict[Digest, str]:
        """The digests that are of manifests, and the format of each, as the record names them."""
        return {digest: name for event in self.events for digest, name in event.body.manifests().items()}

    def freeze(self, sealed_at: str) -> Freeze:
        """What a store fixes when the run is frozen at `sealed_at` (whole seconds, UTC)."""
        lineage = self.lineage.digest(self.run_id, Status.AUDIT_SEALED, sealed_at)
        return Freeze(self.manifest.size, self.manifest.root, lineage, sealed_at)


def manifest_of(run_id: str, data: Sequence[bytes]) -> RecordManifest:
    """The manifest of a record, from its events' bytes."""
    root = root_hash(leaf_hash(event) for event in data)
    return RecordManifest(run_id, len(data), root.hex())
