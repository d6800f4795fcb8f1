"""What every run of this process shares: settings, store, keys, threads; opened when first needed."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from cognify_core.api.console import Say, say, say_nothing
from cognify_core.api.exporting import Package, export_run
from cognify_core.api.keeping import keep
from cognify_core.api.live import LiveRun, SealWhen
from cognify_core.api.outbox import Outbox
from cognify_core.api.saying import Tags, checked, tags_of
from cognify_core.api.timestamping import clock_in_force
from cognify_core.errors import (
    AddendumGoesOnError,
    AddendumTakenError,
    CognifyError,
    RunNotFoundError,
    RunStateError,
    StoreError,
)
from cognify_core.export.watched import Watch, unwatched
from cognify_core.model.digest import Digest
from cognify_core.model.events import Amends, RunOpened
from cognify_core.model.names import is_run_id, utc_now
from cognify_core.model.record import Status
from cognify_core.record.hashing import Hashing
from cognify_core.record.opening import open_run
from cognify_core.record.ranks import ALONE, Rank
from cognify_core.record.recover import recover
from cognify_core.record.run import Run
from cognify_core.record.surroundings import record_surroundings
from cognify_core.seal.access_tree import AccessTree
from cognify_core.seal.bundle import Bundle
from cognify_core.seal.keys import KeyRing
from cognify_core.seal.ledger import Ledger, opened_leaf
from cognify_core.seal.ledger_beginning import open_ledger
from cognify_core.seal.passphrases import Passphrase
from cognify_core.seal.sealing import LEDGER_FAILED, seal_run
from cognify_core.store.sql import open_store
from cognify_core.version import RECORDER

if TYPE_CHECKING:
    from cognify_core.record.reads import Reads
    from cognify_core.seal.notes import LogSigner
    from cognify_core.seal.passphrases import Ask
    from cognify_core.seal.signing import Signer
    from cognify_core.seal.timestamping import Clock
    from cognify_core.seal.timestamps import Timestamp
    from cognify_core.settings import Settings
    from cognify_core.store.protocol import Leaf, RunRow, Store


class Begun(NamedTuple):
    """A run that was begun, and why the ledger does not list it."""

    run_id: str
    failures: tuple[CognifyError, ...]


EMBEDDED = "default"
_RUNS_REMEMBERED = 4
_OUTBOX_SECONDS = 10.0
"""How long closing waits, at most, for a package on its way into a vault."""


def key_ring(settings: Settings, ask: Ask | None = None) -> KeyRing:
    """The keys that the settings name."""
    told = settings.key_passphrase
    passphrase = Passphrase(None if told is None else told.get_secret_value(), settings.key_passphrase_file, ask)
    return KeyRing(settings.keys_path, signer=settings.signer, passphrase=passphrase)


class Workspace:
    """A workspace: a store, a key ring and a folder for packages. The embedded one lies under `COGNIFY_HOME`."""

    def __init__(
        self, settings: Settings, ask: Ask | None = None, *, name: str = EMBEDDED, store: Store | None = None
    ) -> None:
        """Open nothing yet.

        Args:
            settings: what is in force.
            ask: asks a person for the passphrase of a private key.
            name: under which a shared store keeps it.
            store: the shared store, as this workspace sees it; none: the embedded one, which is opened here.
        """
        self.name = name
        self._shared = store
        self._dry = tempfile.TemporaryDirectory(prefix="cognify-dry-") if settings.mode == "dry" else None
        here = {"home": Path(self._dry.name), "store": None} if self._dry else {}
        self.settings = settings.model_copy(update=here)
        self.say: Say = say_nothing if settings.quiet else say
        self.ring = key_ring(self.settings, ask)
        self._reads: dict[str, Reads] = {}

    @property
    def is_dry(self) -> bool:
        """Whether everything is done and nothing kept."""
        return self._dry is not None

    @property
    def is_remote(self) -> bool:
        """Whether it lies on a server, which seals and keeps the ledger."""
        return False

    @property
    def place(self) -> str:
        """Where runs are recorded to, for people."""
        return "nowhere (a dry run)" if self.is_dry else self.store.place

    @property
    def has_store(self) -> bool:
        """Whether there is a store already: one is made when it is first asked for."""
        return self._shared is not None or self.settings.has_store

    @cached_property
    def store(self) -> Store:
        """The store; in the embedded one, runs whose process died are marked INTERRUPTED first."""
        if self._shared is not None:
            return self._shared
        store = self._open_store()
        recover(store, self.settings.spool_path)
        return store

    def _open_store(self) -> Store:
        store = open_store(self.settings.store_place)
        for note in store.notes:
            self.say(note)
        return store

    @property
    def signer(self) -> Signer:
        """The key that signs here, as of now: another process may have rotated it."""
        return self.ring.signer()

    @property
    def ledger(self) -> Ledger:
        """The workspace's ledger; where it begins, it takes in what the store held before.

        Raises:
            SigningKeyError: there is no key for it.
            StoreError: it cannot be written.
        """
        return open_ledger(self.store, self.ring)

    @cached_property
    def log(self) -> LogSigner:
        """The key of the ledger's heads, which never changes."""
        return self.ring.log()

    @cached_property
    def access_tree(self) -> AccessTree:
        """The tree over who looked; its heads are signed with the key of the ledger's, which begins first.

        Raises:
            SigningKeyError, StoreError: the ledger cannot begin.
        """
        return AccessTree(self.store, self.ledger.log)

    @property
    def clock(self) -> Clock:
        """The authorities that are asked for timestamps."""
        return clock_in_force(self.settings, self.store, self.ring)

    def seal(self, run_id: str) -> bytes:
        """Seal a closed run: sign, ask for timestamps, log; return the bundle that is kept.

        Raises:
            CognifyError: as `seal_run`.
        """
        return seal_run(
            self.store, run_id, self.signer, now=utc_now(), ledger=self.ledger, stamp=partial(self._stamp, run_id)
        )

    def _stamp(self, run_id: str, signature: bytes) -> tuple[Timestamp, ...]:
        stamped = self.clock.stamp(signature)
        for failure in stamped.failures:
            self.say(f"no timestamp of {failure}")
        if stamped.failures and not stamped.timestamps:
            self.say(f"{run_id}: time claimed, sealed all the same; `cognify timestamp renew {run_id}` dates it later")
        return stamped.timestamps

    @cached_property
    def outbox(self) -> Outbox:
        """What waits to be put into the vault."""
        return Outbox(self)

    @cached_property
    def hashing(self) -> Hashing:
        """The threads and the worker process."""
        hashing = Hashing(self.settings.rows_path)
        hashing.start()
        return hashing

    def open(
        self,
        *,
        name: str | None,
        project: str | None,
        tags: Tags,
        seal_when: SealWhen,
        nonce: bytes,
        rank: Rank = ALONE,
        run_id: str | None = None,
    ) -> LiveRun:
        """Begin a run, or join the one that another rank of this training has begun."""
        live = self._live(self._opened(name, project, tags, nonce), seal_when, rank, run_id)
        if rank.is_first:
            self.surround(live)
        return live

    def open_for(
        self,
        guest: str,
        *,
        name: str | None,
        tags: Tags,
        rank: Rank,
        run_id: str,
        owned: bool,
    ) -> LiveRun:
        """Begin a run that can be met under `guest`, or join the one that was begun for it."""
        opened = self._opened(name, None, tags, os.urandom(16))
        if not rank.is_alone:
            live = self._live(opened, "block", rank, run_id)
            self.store.meet(guest, live.id)
            return live
        begun = self._begin(opened, rank=Rank(meeting=guest), run_id=run_id, owned=owned)
        return self._noting(begun, self.join(begun.run_id))

    def join(self, run_id: str) -> LiveRun:
        """Write a run that has begun, beside whoever else does."""
        run = self._remember(Run(self.store, self.hashing, run_id, self.settings.spool_path))
        return LiveRun(run, self, "block")

    def surround(self, live: LiveRun) -> None:
        """Record the environment and the code of this process as what checkpoints come from."""
        record_surroundings(live.run, self.store, self.hashing, record_diff=self.settings.record_diff)

    def _opened(self, name: str | None, project: str | None, tags: Tags, nonce: bytes) -> RunOpened:
        return checked(
            lambda: RunOpened(
                nonce=nonce.hex(),
                workspace=self.name,
                project=project or self.settings.project,
                name=name or self.settings.run_name,
                tags={**self.settings.run_tags, **tags_of(tags)},
                recorder=RECORDER,
            )
        )

    def open_addendum(self, run_id: str, nonce: bytes, *, after: int | None = None) -> LiveRun:
        """Begin an addendum to a sealed run: the next one, where `after` says how many are known of.

        Raises:
            RunStateError: the run is not sealed.
            AddendumGoesOnError: its last addendum is not.
            AddendumTakenError: there are more than `after`.
        """
        row = self.store.run(run_id)
        before = self.store.addenda(run_id)
        if row.status is not Status.AUDIT_SEALED:
            raise RunStateError(f"{run_id} is {row.status}: seal it first with `cognify seal {run_id}`")
        for addendum in before:
            if addendum.status is not Status.AUDIT_SEALED:
                told = f"{addendum.run_id}, an addendum to {run_id}, is {addendum.status}: seal it first"
                raise AddendumGoesOnError(told)
        if after not in (None, len(before)):
            raise AddendumTakenError(f"{run_id} has an addendum {len(before)} by now")
        last = self.store.bundle(before[-1].run_id if before else run_id)
        if last is None:
            raise RunStateError(f"{run_id} has no seal")
        amends = Amends(
            run_id=run_id,
            nonce=row.nonce,
            ordinal=len(before) + 1,
            previous=Digest.of(Bundle.parse(last).payload),
        )
        opened = RunOpened(
            nonce=nonce.hex(),
            workspace=self.name,
            project=row.project,
            name=row.name,
            recorder=RECORDER,
            amends=amends,
        )
        live = self._live(opened, "train_end")
        live.amends = run_id
        return live

    def export(
        self,
        run_id: str,
        *,
        format: str = "json",  # noqa: A002 - the word that users know
        template: str | None = None,
        path: str | os.PathLike[str] | None = None,
        watch: Watch = unwatched,
    ) -> Package:
        """Write a package of a sealed run; `watch` is told how far it has come. A law that it is for keeps the run."""
        package = export_run(
            self.store,
            self.ring,
            run_id,
            ledger=self.ledger,
            packages=self.settings.packages_path,
            format=format,
            template=template,
            path=None if path is None else Path(path).expanduser(),
            watch=watch,
        )
        if template is not None:
            keep(self.store, run_id)
        return package

    def find(self, wanted: str) -> RunRow:
        """The run of an id, of an id's unique beginning, or the `last` one.

        Raises:
            RunNotFoundError: there is none, or more than one.
        """
        if not wanted:
            raise RunNotFoundError("no run is named: give its id, the beginning of one, or 'last'")
        if is_run_id(wanted):
            with suppress(RunNotFoundError):
                return self.store.run(wanted)
        rows = self.store.runs()
        if wanted == "last" and rows:
            return rows[0]
        found = [row for row in self.store.runs(addenda=True) if row.run_id.startswith(wanted)]
        if len(found) == 1:
            return found[0]
        names = ", ".join(row.run_id for row in (found or rows)[:5]) or "none; this store has no runs yet"
        what = "more than one run begins with" if found else "no run answers to"
        raise RunNotFoundError(f"{what} {wanted[:60]!r} in {self.store.place}; candidates: {names}")

    def reads(self, run_id: str) -> Reads | None:
        """What that run read in this process; None of a run that is none of its last few."""
        return self._reads.get(run_id)

    def _remember(self, run: Run) -> Run:
        self._reads[run.id] = run.reads
        for forgotten in list(self._reads)[:-_RUNS_REMEMBERED]:
            del self._reads[forgotten]
        return run

    def close(self) -> None:
        """Let go of threads and files."""
        if "outbox" in self.__dict__:
            self.outbox.settle(min(_OUTBOX_SECONDS, self.settings.exit_seconds / 4))
        if "hashing" in self.__dict__:
            self.hashing.close()
        if "store" in self.__dict__ and self._shared is None:
            self.store.close()
        if self._dry:
            self._dry.cleanup()

    def _live(self, opened: RunOpened, seal_when: SealWhen, rank: Rank = ALONE, run_id: str | None = None) -> LiveRun:
        begun = self._begin(opened, rank=rank, run_id=run_id)
        patience = self.settings.rank_seconds
        run = Run(self.store, self.hashing, begun.run_id, self.settings.spool_path, rank=rank, rank_seconds=patience)
        return self._noting(begun, LiveRun(run if opened.amends else self._remember(run), self, seal_when))

    def _begin(self, opened: RunOpened, **how: Any) -> Begun:
        """Begin a record together with its leaf; where the ledger cannot take one, without, and say why."""
        failures: list[CognifyError] = []

        def log(first: bytes) -> Leaf | None:
            try:
                self.ledger  # noqa: B018 - one that begins now takes in first what was there before
                return opened_leaf(first, self.signer)
            except CognifyError as error:
                failures.append(error)
                return None

        try:
            run_id = open_run(self.store, opened, log=log, **how)
        except StoreError as error:
            failures.append(error)
            run_id = open_run(self.store, opened, **how)
        return Begun(run_id, tuple(failures))

    def _noting(self, begun: Begun, live: LiveRun) -> LiveRun:
        for error in begun.failures:
            live.run.fail(LEDGER_FAILED, error)
        return live
