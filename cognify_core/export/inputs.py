"""What packages are rendered from: sealed runs, as bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from cognify_core.canonical import Json, encode
from cognify_core.errors import FormatError
from cognify_core.model.digest import Digest
from cognify_core.model.events import Event, parse_event
from cognify_core.seal.bundle import Bundle
from cognify_core.seal.closed import ClosedRecord
from cognify_core.seal.signing import PublicKey
from cognify_core.seal.statement import ReceiptPredicate, SealStatement
from cognify_core.seal.timestamps import Timestamp, read_timestamps
from cognify_core.store.protocol import Opening


@dataclass(frozen=True)
class SealedRun:
    """A sealed run, or a sealed addendum, as the bytes that were kept. What follows from them is computed once."""

    run_id: str
    events: tuple[bytes, ...]
    bundle: bytes
    """The seal's bundle, as first stored."""
    public_key: bytes
    """PEM of the key that signed."""
    manifests: Mapping[str, bytes]
    """The manifests that the record names, by `sha256:<hex>`."""

    @cached_property
    def parsed(self) -> tuple[Event | FormatError, ...]:
        """Each event, or why it is none."""
        return tuple(map(_parsed, self.events))

    @cached_property
    def record(self) -> ClosedRecord:
        """The record as a whole.

        Raises:
            FormatError: the events are no record.
            RunStateError: the record is not closed.
        """
        events = tuple(event for event in self.parsed if isinstance(event, Event))
        if len(events) < len(self.parsed):
            raise next(event for event in self.parsed if isinstance(event, FormatError))
        return ClosedRecord.of(self.events, events)

    @cached_property
    def envelope(self) -> Bundle:
        """The bundle, opened; its signature is not checked here.

        Raises:
            FormatError: it is no bundle.
        """
        return Bundle.parse(self.bundle)

    @cached_property
    def timestamps(self) -> tuple[Timestamp, ...]:
        """What authorities said of the seal's signature, as the bundle has it; not checked here.

        Raises:
            FormatError: they do not read.
        """
        return read_timestamps(self.envelope.timestamps)

    @property
    def time(self) -> str:
        """What the time of the seal is: `claimed` by the signer alone, or `timestamped` as well.

        Raises:
            FormatError: as `statement` and `timestamps`.
        """
        return "timestamped" if self.timestamps else self.statement.predicate.time

    @cached_property
    def statement(self) -> SealStatement:
        """The statement that was signed.

        Raises:
            FormatError: the bundle holds none.
        """
        return SealStatement.parse(self.envelope.payload)

    @cached_property
    def key(self) -> PublicKey:
        """The key that is said to have signed.

        Raises:
            SigningKeyError: it is no P-256 public key in its one PEM spelling.
        """
        return PublicKey(self.public_key)


def _parsed(data: bytes) -> Event | FormatError:
    try:
        return parse_event(data)
    except FormatError as error:
        return error


def made_from(
    run: SealedRun,
    addenda: Sequence[SealedRun],
    format: str,  # noqa: A002
    template: str | None,
    renderer: str,
    openings: Sequence[Opening] | None = None,
) -> ReceiptPredicate:
    """What the receipt of a package says that it was rendered from; `openings` are those that its template was given.

    Raises:
        FormatError: a bundle holds no seal.
    """
    return ReceiptPredicate(
        run_id=run.run_id,
        nonce=run.statement.predicate.nonce,
        seal=Digest.of(run.envelope.payload),
        addenda=tuple(Digest.of(addendum.envelope.payload) for addendum in addenda),
        format=format,
        template=template,
        renderer=renderer,
        openings=None if openings is None else Digest.of(openings_file(openings)),
    )


def openings_file(openings: Sequence[Opening]) -> bytes:
    """`cognify.openings/v1`: clear values and the random bytes that open their commitments, in the order given."""
    listed: list[Json] = [
        {"commitment": each.commitment, "label": each.label, "random": each.random.hex(), "value": each.value}
        for each in openings
    ]
    return encode({"format": "cognify.openings/v1", "openings": listed})
