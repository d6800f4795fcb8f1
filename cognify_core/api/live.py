"""A run that is being written in this process, and what becomes of it when it ends."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from cognify_core.api.console import Say, plural, say_nothing
from cognify_core.api.datasets import DeclaredDataset, record_declared
from cognify_core.api.sealing import Sealed
from cognify_core.capture.weights import weights_from_files
from cognify_core.errors import ServerUnavailableError, SigningKeyError
from cognify_core.model.events import ClosedStatus, Failure, Gap
from cognify_core.record.ranks import Rank
from cognify_core.record.run import Run

if TYPE_CHECKING:
    from cognify_core.api.exporting import Package
    from cognify_core.api.watching import LiveStreams
    from cognify_core.api.workspace import Workspace

SealWhen: TypeAlias = Literal["train_end", "exit", "manual", "block"]
_PATIENCE_SECONDS = 3.0
_LATER = (
    (SigningKeyError, "; nothing is lost: `cognify seal {run_id}` seals it later"),
    (ServerUnavailableError, "; nothing is lost: it stands on this machine, and `cognify sync` goes on from there"),
)
"""What to do about a seal that did not come, by why it did not."""

# A log, not warnings.warn: under `python -W error` a warning would stop the program.
_log = logging.getLogger("cognify")


class Ending(NamedTuple):
    """How a run is to end."""

    status: ClosedStatus
    seal: bool


@dataclass
class LiveRun:
    """One run of this process: its writing end, and when it is to be sealed."""

    run: Run
    workspace: Workspace
    seal_when: SealWhen = "train_end"
    amends: str | None = None
    """The run to which this is an addendum."""
    trained: bool = False
    """Whether a training ended in it."""
    gaps: list[Gap] = field(default_factory=list)
    pid: int = field(default_factory=os.getpid)
    """The process whose run it is: a forked child runs the same code with the same objects, and must leave it alone."""
    thread: threading.Thread = field(default_factory=threading.current_thread)
    """The thread that began it, and trains."""
    fed: tuple[str, ...] = ()
    """The refs that the training going on comes from."""
    streams: LiveStreams | None = None
    """The streams that are watched while it goes on."""
    closing: list[Callable[[], object]] = field(default_factory=list)
    """What else is to be recorded before its record closes."""
    guests: set[str] = field(default_factory=set)
    """The runs of another tracker that go into it and have not ended: it does not end before them."""
    ending: Ending | None = None
    """How it is to end once the last guest has left; none while its own end has not come."""
    _told: int | None = None
    """How many gaps there were when its beginning was told last; none where it was not."""

    @property
    def training(self) -> bool:
        """Whether a training goes on in it."""
        return bool(self.fed) and not self.trained

    @property
    def id(self) -> str:
        """The run's id."""
        return self.run.id

    @property
    def rank(self) -> Rank:
        """Which of the processes of this training this is."""
        return self.run.rank

    @property
    def say(self) -> Say:
        """The console, for the first rank alone."""
        return self.workspace.say if self.rank.is_first else say_nothing

    def make_way(self) -> None:
        """Another run begins here and ends this one: where its own thread still trains, the record lacks the rest."""
        goes_on = self.thread.is_alive() and self.thread is not threading.current_thread()
        if goes_on and not self.trained and self.pid == os.getpid():
            self.run.fail("a second run", f"it began in this process while {self.id} went on: the rest is not recorded")

    def feed(self, refs: Iterable[str]) -> None:
        """From now on checkpoints come from these, and no longer from what an earlier training came from."""
        self.run.drop_inputs(*self.fed)
        self.fed = tuple(refs)
        self.run.add_inputs(*self.fed)

    def gap(self, subject: str, reason: str, *, mend: str | None = None) -> None:
        """Record a gap, and remember it for the line at the end."""
        self.gaps.append(Gap(subject=subject, reason=reason, mend=mend))
        self.run.gap(subject, reason, mend=mend)

    def guarded(self, where: str, observe: Callable[..., object], *args: Any, **kwargs: Any) -> None:
        """Call `observe`; what it raises becomes part of the record and never reaches the training.

        Ctrl-C, and whatever else is to end the program, does; that `observe` was cut short is recorded all the same.
        """
        if os.getpid() != self.pid:
            return
        try:
            observe(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - the failure policy of design §5, in its one place
            self.run.fail(where, error)
        except BaseException as error:
            self.run.say(Failure(where=where, error=f"cut short by {type(error).__name__}"))
            raise

    def close(self, status: ClosedStatus, *, timeout: float | None = None) -> None:
        """Wait for what is still being hashed, saying so when it takes long, and close the record."""
        if self.streams is not None:
            self.guarded("the streams", self.streams.settle)
        if self.rank.is_first and self.amends is None:
            self.guarded("the profile", self._record_profile)
        while self.closing:
            self.guarded("what was seen at the end", self.closing.pop())
        began = time.monotonic()
        told = False
        while timeout is None or time.monotonic() - began < timeout:
            if self.run.wait(_PATIENCE_SECONDS if timeout is None else min(timeout, _PATIENCE_SECONDS)):
                break
            if not told:
                self.say(f"{self.id} still hashing: {', '.join(self.run.hashing())}")
                told = True
        left = None if timeout is None else max(0.0, timeout - (time.monotonic() - began))
        self.run.close(status, timeout=0.0 if left is not None and left <= 0 else left)

    def _record_profile(self) -> None:
        """Take a snapshot of what the organisation says of itself and of the project, where it ever said anything."""
        from cognify_core.api.refreshing import profile_now

        store = self.workspace.store
        if (seen := profile_now(store, store.run(self.id).project)) is not None:
            self.run.say(seen)

    def seal(self) -> Sealed:
        """Seal the closed record."""
        return Sealed.read(self.workspace.seal(self.id))

    def finish(self, status: ClosedStatus, *, seal: bool, timeout: float | None = None) -> Package | None:
        """Close; seal and export where asked for; tell the console. Never raises: nothing here may stop a training."""
        if os.getpid() != self.pid:
            return None
        say = self.say
        try:
            self.close(status, timeout=timeout)
            if not self.rank.is_first:
                return None
            if not seal:
                say(f"{self.id} {status}, not sealed; seal it with `cognify seal {self.id}`")
                return None
            sealed = self.seal()
            package = self.workspace.export(self.amends or self.id)
        except Exception as error:  # noqa: BLE001 - as `guarded`: the training's own result must not be lost
            later = next((told for kind, told in _LATER if isinstance(error, kind)), "").format(run_id=self.id)
            say(f"{self.id} {status}, but not sealed: {error}{later}")
            return None
        self._tell(sealed, package)
        self.workspace.outbox.sealed(self.amends or self.id)
        return package

    def tell_start(self) -> None:
        """The line at the start: the run, the store, what cannot be seen so far. Once told, only what is new of it."""
        told, self._told = self._told, len(self.gaps)
        unseen = "; ".join(f"{gap.subject}: {gap.reason}" for gap in self.gaps[told or 0 :])
        if told is None:
            self.say(f"{self.id} recording to {self.workspace.place}{f' (cannot see: {unseen})' if unseen else ''}")
        elif unseen:
            self.say(f"{self.id} cannot see: {unseen}")

    def _tell(self, sealed: Sealed, package: Package) -> None:
        say = self.say
        told = f"{sealed.size} events, {'complete' if sealed.complete else 'INCOMPLETE: ' + '; '.join(sealed.reasons)}"
        say(f"{self.amends or self.id} AUDIT_SEALED{' with an addendum' if self.amends else ''} ({told})")
        if self.gaps:
            first = self.gaps[0]
            mend = f"; mend: {first.mend}" if first.mend else ""
            say(f"{plural(len(self.gaps), 'gap')}, the first: {first.subject}: {first.reason}{mend}")
        if self.workspace.is_dry:
            say("a dry run: the package was made and checked, and nothing is kept")
            return
        say(f"package {package.path}")
        say(f"package_hash {package.package_hash}")


class ActiveRun:
    """What `with cognify.run() as run:` gives to a loop of one's own.

    After the block it takes nothing any more, and says so.
    """

    def __init__(self, live: LiveRun) -> None:
        self._live = live
        self._run = live.run
        self._refused: set[str] = set()

    @property
    def id(self) -> str:
        """The run's id, as in `run_20250912_143022_a7f3c`."""
        return self._run.id

    def log(self, values: Mapping[str, float], *, step: int) -> None:
        """Record metrics of a step. Returns at once."""
        if self._goes_on("metrics"):
            self._live.guarded("metrics", self._log, values, step)

    def _log(self, values: Mapping[str, float], step: int) -> None:
        self._run.log(step, dict(values))

    def checkpoint(self, path: str | Path, *, step: int) -> None:
        """Record a checkpoint, a file or a folder: its files are opened now and hashed in the background."""
        if not self._goes_on("the checkpoint of step", step):
            return
        if self._live.streams is not None:
            self._live.guarded("the streams", self._live.streams.look)
        self._live.guarded("checkpoint", lambda: self._run.checkpoint(Path(path), step=step))

    def final_weights(self, path: str | Path, *, step: int) -> None:
        """Record the weights that the loop ended with, as they were saved: safetensors or GGUF, a file or a folder.

        They are hashed by tensor, in the background. Of several ranks the first says it.
        """
        if self._goes_on("final weights") and self._live.rank.is_first:
            self._live.guarded("final weights", self._final_weights, path, step)

    def _final_weights(self, path: str | Path, step: int) -> None:
        saved = Path(path)
        self._run.final_weights(lambda: weights_from_files(saved), step=step, saved_at=step, why="step", location=saved)

    def config(self, value: Any, *, name: str = "run") -> None:
        """Record a configuration (a dict, a dataclass …), which checkpoints from now on come from."""
        if self._goes_on("the configuration", name):
            self._live.guarded("config", lambda: self._run.add_inputs(self._run.config(value, node_id=f"cfg_{name}")))

    def dataset(self, data: Any, *, name: str, role: str = "train", **declared: Any) -> None:
        """Record a dataset, as `cognify.dataset` does; checkpoints from now on come from it."""
        if self._goes_on("the dataset", name):
            self._live.guarded("dataset", self._dataset, data, name=name, role=role, **declared)

    def _dataset(self, data: Any, **declared: Any) -> None:
        self._run.add_inputs(record_declared(self._run, DeclaredDataset.of(data, **declared)))

    def _goes_on(self, what: str, *which: object) -> bool:
        """Whether the run takes `what`; where it has ended, say once that it does not, and what would."""
        if self._run.closed:
            self._live.guarded("after the end", self._refuse, what, *which)
        return not self._run.closed

    def _refuse(self, what: str, *which: object) -> None:
        said = " ".join([what, *(repr(each)[:100] for each in which)])
        if said in self._refused:
            return
        self._refused.add(said)
        _log.warning(
            "Cognify: %s has ended, and %s came after it: not recorded; say it within the block, or of the ended "
            "run by cognify.note, cognify.eval or cognify.dataset(…, run_id=%r), which go into an addendum",
            self.id,
            said,
            self.id,
        )

    def __repr__(self) -> str:
        return f"<cognify run {self.id}>"
