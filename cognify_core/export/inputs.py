"""What packages are rendered from: sealed runs, as bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile

from cognify_core.errors import FormatError, RunStateError
from cognify_core.model.digest import Digest
from cognify_core.model.events import Event, parse_event
from cognify_core.model.record import Status
from cognify_core.seal.bundle import Bundle
from cognify_core.seal.closed import ClosedRecord
from cognify_core.seal.signing import PublicKey
from cognify_core.seal.statement import ReceiptPredicate, SealStatement
from cognify_core.store.protocol import Store


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


def from_store(store: Store, run_id: str, *public_keys: bytes) -> SealedRun:
    """Read one sealed run, or addendum, out of a store; of the keys given (PEM), the bundle names the one that signed.

    Raises:
        RunNotFoundError: there is no such run.
        RunStateError: it is not sealed, or sealed with none of these keys.
        SigningKeyError: a key is no P-256 public key.
        StoreError: a manifest is not there any more, or has other bytes.
    """
    if (bundle := store.bundle(run_id)) is None:
        status = store.run(run_id).status
        first = "let it end, then seal it" if status is Status.RUNNING else "seal it"
        raise RunStateError(
            f"{run_id} is {status}, and only sealed runs are exported: {first} with `cognify seal {run_id}`"
        )
    keys = {key.key_id: key.pem for key in map(PublicKey.parse, public_keys)}
    hint = Bundle.parse(bundle).key_id
    if hint not in keys:
        raise RunStateError(
            f"{run_id} was sealed with the key {hint[:16]}…, which is not known here: "
            "pin its public key with `cognify keys trust FILE`"
        )
    manifests: dict[str, bytes] = {}
    run = SealedRun(run_id, tuple(store.events(run_id)), bundle, keys[hint], manifests)
    manifests.update((str(digest), store.manifest(digest)) for digest in run.record.manifest_digests)
    return run


def addenda_from_store(store: Store, run_id: str, *public_keys: bytes) -> tuple[SealedRun, ...]:
    """Read the sealed addenda of a run, by ordinal, up to the first one that is not sealed yet.

    Raises:
        RunNotFoundError: there is no such run.
        RunStateError: one is sealed with none of these keys (PEM).
        StoreError: a manifest is not there any more, or has other bytes.
    """
    sealed = takewhile(lambda row: row.status is Status.AUDIT_SEALED, store.addenda(run_id))
    return tuple(from_store(store, row.run_id, *public_keys) for row in sealed)


def made_from(
    run: SealedRun,
    addenda: Sequence[SealedRun],
    format: str,  # noqa: A002
    template: str | None,
    renderer: str,
) -> ReceiptPredicate:
    """What the receipt of a package says that it was rendered from.

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
    )
