"""What this process is recording: at most one run, at most one addendum, and what was declared for the next."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Any, ClassVar

from cognify_core.api.arrivals import surround
from cognify_core.api.datasets import DeclaredDataset, record_fed
from cognify_core.api.exiting import ExitThread
from cognify_core.api.guests import Guests
from cognify_core.api.live import Ending, LiveRun, SealWhen
from cognify_core.api.meetings import MEND_MEETING, Meetings, check_meeting
from cognify_core.api.stream_sources import sources_seen
from cognify_core.api.watching import Watches
from cognify_core.capture.stream_kinds import MEND, is_stream
from cognify_core.errors import CognifyError, ConfigurationError, RunNotFoundError
from cognify_core.model.names import slug
from cognify_core.record.ranks import ALONE, Rank
from cognify_core.record.recorder import warn
from cognify_core.settings import Settings, load

if TYPE_CHECKING:
    from cognify_core.api.companion import Companion
    from cognify_core.api.exporting import Package
    from cognify_core.api.saying import Tags
    from cognify_core.api.workspace import Workspace
    from cognify_core.model.events import ClosedStatus
    from cognify_core.seal.keys import KeyRing
    from cognify_core.seal.passphrases import Ask


class Session:
    """The state behind the façade. A forked child begins with none of it."""

    companion: ClassVar[Companion | None] = None
    """What looks on from beside the code: set under `cognify run`."""
    ask: Ask | None
    """Asks a person for a passphrase: set where a person has called."""
    addendum: LiveRun | None
    last: str | None
    """The id of the last run that began here."""
    _current: LiveRun | None
    _expected: str | None
    declared: list[DeclaredDataset]
    watches: Watches
    """The streams that are watched here."""
    guests: Guests
    """The runs of another tracker that go into runs of this process."""
    _settings: Settings | None
    _workspace: Workspace | None
    _exit: ExitThread | None
    _rank: Rank
    _unrecorded: bool
    _meetings: Meetings

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self.ask = None
        self._forget()

    @property
    def current(self) -> LiveRun | None:
        """The run that goes on here; one that is on its way is waited for."""
        self.guests.arrivals.wait()
        return self._current

    def init(self, **given: object) -> None:
        """Set what later runs use.

        Raises:
            ConfigurationError: a value is wrong, or a run is going on.
        """
        with self._lock:
            if self.current is not None:
                raise ConfigurationError(f"{self.current.id} is going on: call cognify.init before it begins")
            settings = load(**given)
            self.settle()
            if self._workspace is not None:
                self._workspace.close()
            self._settings, self._workspace = settings, None

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        if self._settings is None:
            self._settings = load()
        return self._settings

    @property
    def is_off(self) -> bool:
        """Whether nothing is to be recorded (`COGNIFY_MODE=off`)."""
        return self.settings.mode == "off"

    @property
    def workspace(self) -> Workspace:
        """The workspace, opened now if it was not.

        Raises:
            ConfigurationError, StoreError: it cannot be opened.
        """
        with self._lock:
            if self._pid != os.getpid():
                self._forget()
            if self._workspace is None:
                self._workspace = self._open()
            return self._workspace

    def _open(self) -> Workspace:
        if self.settings.url is not None:
            from cognify_core.api.remote import RemoteWorkspace

            return RemoteWorkspace(self.settings, self.ask)
        from cognify_core.api.workspace import Workspace

        return Workspace(self.settings, self.ask)

    @property
    def ring(self) -> KeyRing:
        """The keys, which can be read where the store cannot."""
        from cognify_core.api.workspace import key_ring

        return key_ring(self.settings, self.ask) if self._workspace is None else self._workspace.ring

    def begin(
        self,
        *,
        name: str | None = None,
        project: str | None = None,
        tags: Tags | None = None,
        seal_when: SealWhen = "train_end",
        rank: Rank | None = None,
        run_id: str | None = None,
    ) -> LiveRun | None:
        """Begin a run, or join that of the other ranks, after bringing what came before it to its end.

        Args:
            name: for people.
            project: the AI system that the run serves.
            tags: short facts for people.
            seal_when: what decides about the seal.
            rank: which of the processes of a training this is, where a framework knows; else as the launcher says.
            run_id: an id that was drawn for this run before.

        Returns None on a rank other than the first that cannot join: the training goes on, and the first one names it.
        Likewise inside a block that could not.

        Raises:
            CognifyError: the run cannot begin.
        """
        with self._lock:
            if self._unrecorded:
                return None
            self._rank = self._numbered(Rank.here() if rank is None else rank, run_id)
            try:
                check_meeting(self._rank, dry=self.settings.mode == "dry")
                workspace = self.workspace
                if self.current is not None:
                    self.current.make_way()
                self.settle()
                self._watch_exit()
                live = workspace.open(
                    name=name,
                    project=project,
                    tags=tags or {},
                    seal_when=seal_when,
                    nonce=os.urandom(16),
                    rank=self._rank,
                    run_id=run_id,
                )
            except (CognifyError, OSError) as error:
                if self._rank.is_first:
                    raise
                warn(f"rank {self._rank.number} records nothing", error)
                return None
            self._go_on_in(live)
            if self._rank.is_first and self._rank.meeting is None and not self._rank.is_alone:
                live.gap("the other ranks", "nothing tells them which run is theirs", mend=MEND_MEETING)
            return live

    def host(
        self, guest: str, *, name: str | None, tags: dict[str, str], run_id: str, owned: bool = True
    ) -> Callable[[], LiveRun]:
        """Make ready for a run of another tracker, `guest`: what is returned begins one for it that ends with it.

        It may be left to `guests.arrivals`, and raises `CognifyError` where the run cannot begin. What trains in this
        process from then on goes into it, as into a block. One that is not `owned` is a server's: any process of it
        may write and end the run, and none of what happens here belongs to it.
        """
        with self._lock:
            workspace, rank = self.workspace, Rank.here()
            _ = workspace.hashing  # its threads are started here: a process that is at its exit can start none
            self._end_addendum()
            self._watch_exit()
            together = owned and rank.is_first and rank.meeting is not None and self.current is None
            self._rank = self._numbered(rank, None) if together else ALONE
            opening = partial(workspace.open_for, guest, name=name, tags=tags, rank=self._rank)
            opening = partial(opening, run_id=run_id, owned=owned)
            if (goes_on := owned and rank.is_first) and self.companion is not None:
                self.companion.awaits()
            return partial(self._receive, guest, opening, owned=owned, goes_on=goes_on)

    def _receive(self, guest: str, opening: Callable[[], LiveRun], *, owned: bool, goes_on: bool) -> LiveRun:
        live = opening()
        if owned:
            self.guests.add(live, guest, own=True)
            surround(live)
        else:
            self.guests.add_joined(live)
        if goes_on:
            self._go_on_in(live)
        return live

    def _go_on_in(self, live: LiveRun) -> None:
        """What happens in this process from now on goes into `live`."""
        self._current, self.last = live, live.id
        self.watches.begin(live)
        if self.companion is not None:
            live.guarded("what `cognify run` looks at", self.companion.began, live)

    def part(self, live: LiveRun, guest: str, status: ClosedStatus, *, own: bool) -> None:
        """A guest has ended so, and its `own` run with it; where a training goes on in that, the run ends with that."""
        with self._lock:
            if own and live.training and status == "COMPLETED":
                live.seal_when = "train_end"
                self.guests.release(live)
                return
            if own:
                live.ending = Ending(status, seal=status == "COMPLETED")
            self.guests.leave(live, guest)
            self._drop(live if own else None)

    def leave(self) -> None:
        """The very end of the process, after other trackers' own: end what is still open."""
        if self._pid == os.getpid() and self.guests.came(self.settings.exit_seconds):
            self.guests.settle(self.settings.exit_seconds, self._end_addendum)
            self.workspace.close()

    @property
    def leaving(self) -> bool:
        """Whether this process is at its exit."""
        return self._exit is not None and self._exit.asked

    @property
    def exit_by(self) -> float:
        """Until when, on the monotonic clock, what is under way may take; infinite before the exit of the process."""
        return inf if self._exit is None else self._exit.by

    def _drop(self, live: LiveRun | None) -> None:
        """`live` goes on no more: what trains now goes into the run that a guest began before it, if any."""
        if live is not None and live is self.current:
            self._current = self.guests.newest()

    @property
    def block(self) -> LiveRun | None:
        """The run of the `with cognify.run()` that this process is in: what it trains goes into that."""
        live = self.current
        return live if live is not None and live.seal_when == "block" and live.pid == os.getpid() else None

    @contextmanager
    def unrecorded(self) -> Iterator[None]:
        """A block whose run could not begin: nothing within it begins one either."""
        self._unrecorded = True
        try:
            yield
        finally:
            self._unrecorded = False

    @property
    def speaks(self) -> bool:
        """Whether what is said here is recorded: on other ranks than the first it is what that one says too."""
        return not self.is_off and self._rank.is_first

    @property
    def rank(self) -> Rank:
        """Which of the processes of the last training here this is."""
        return self._rank

    def expect(self, run_id: str) -> None:
        """Processes started from here will record this run: once they have, it is the last one of this process."""
        self._look_for_expected()
        self._expected = run_id

    def _look_for_expected(self) -> None:
        if self._expected is not None:
            with suppress(RunNotFoundError):
                self.last = self.workspace.store.run(self._expected).run_id
                self._expected = None

    def _numbered(self, rank: Rank, run_id: str | None) -> Rank:
        return self._meetings.numbered(rank, drawn=run_id is not None, dry=self.settings.mode == "dry")

    def end(self, live: LiveRun, status: ClosedStatus, *, seal: bool, timeout: float | None = None) -> Package | None:
        """End a run, or let it end with the last guest in it; after that, what is said goes into an addendum."""
        if os.getpid() != live.pid:
            return None
        with self._lock:
            if live.guests:
                live.ending = Ending(status, seal)
                self._drop(live)
                return None
            package = live.finish(status, seal=seal, timeout=timeout)
            self._drop(live)
            return package

    def writing_to(self, run_id: str | None) -> LiveRun:
        """Where something said of a run goes: into the run while it goes on here, else into an addendum.

        Raises:
            RunNotFoundError: no run is named, and this process has none.
            RunStateError: the run is neither going on here nor sealed.
        """
        with self._lock:
            wanted = self.wanted(run_id)
            if self.current is not None and self.current.id == wanted:
                return self.current
            if (live := self.guests.find(wanted)) is not None:
                return live
            self.guests.wait(wanted)
            if self.addendum is not None and self.addendum.amends != wanted:
                self._end_addendum()
            if self.addendum is None:
                self._watch_exit()
                self.addendum = self.workspace.open_addendum(wanted, os.urandom(16))
            return self.addendum

    def goes_on(self, run_id: str) -> bool:
        """Whether that run cannot be ended now, because something here has still to say how it ends."""
        current = self.current
        trains = current is not None and current.id == run_id and not current.trained
        return trains or self.guests.find(run_id) is not None

    def observe(self, run_id: str, where: str, what: Callable[[LiveRun], object]) -> None:
        """Let `what` record something of a run; nothing that goes wrong with it reaches the training."""
        if not self.speaks:
            return
        try:
            live = self.writing_to(run_id)
        except (CognifyError, OSError) as error:
            warn(where, error)
        else:
            live.guarded(where, what, live)

    def settle(self, *, timeout: float | None = None) -> None:
        """Bring to its end whatever is still open: a run that ended training, one that was left, an addendum."""
        with self._lock:
            if (live := self.current) is not None and not self.guests.began(live):
                status: ClosedStatus = "COMPLETED" if live.trained else "INTERRUPTED"
                self.end(live, status, seal=live.trained and live.seal_when != "manual", timeout=timeout)
            self._end_addendum(timeout)

    def record_fed(self, live: LiveRun, dataset: Any, *, name: str, role: str) -> tuple[str, bool]:
        """Record the rows that a model is fed or evaluated on, with what was declared of them."""
        if (ref := self.watches.record(live, dataset, role=role, declared=self.declared)) is not None:
            return ref, True
        if is_stream(dataset) and live.rank.is_first:
            live.gap(f"ds_{slug(name)}_v1", "stream", mend=MEND)
        found = partial(sources_seen, live, self.companion, dataset, name)
        return record_fed(live.run, dataset, name=name, role=role, declared=self.declared, found=found)

    def wanted(self, run_id: str | None) -> str:
        """The id of the run that is meant: the one named, else the one going on, else this process's last.

        Raises:
            RunNotFoundError: none of these is there; the message lists candidates.
        """
        current = self.current
        if run_id is not None:
            return self.workspace.find(run_id).run_id
        if current is not None:
            return current.id
        self._look_for_expected()
        if self.last:
            return self.last
        candidates = ", ".join(row.run_id for row in self.workspace.store.runs()[:5]) or "none yet"
        raise RunNotFoundError(f"this process has no run: name one with run_id=…; candidates: {candidates}")

    def _end_addendum(self, timeout: float | None = None) -> None:
        if (addendum := self.addendum) is not None:
            self.addendum = None
            addendum.finish("COMPLETED", seal=True, timeout=timeout)

    def _forget(self) -> None:
        self._pid = os.getpid()
        self._settings = self._workspace = self._exit = None
        self._current = self.addendum = self.last = self._expected = None
        self._rank, self._unrecorded, self._meetings = ALONE, False, Meetings()
        self.declared = []
        self.watches = Watches()
        self.guests = Guests()

    def _watch_exit(self) -> None:
        if self._exit is None:
            self._exit = ExitThread(self)
