"""The façade's functions. Each imports what it needs when it is called, so that `import cognify` stays quick."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

if TYPE_CHECKING:
    from cognify_core.api.checking import Progress
    from cognify_core.api.datasets import DatasetHandle
    from cognify_core.api.diffing import Diff
    from cognify_core.api.examining import Check
    from cognify_core.api.exporting import Package
    from cognify_core.api.live import ActiveRun
    from cognify_core.api.looking import As
    from cognify_core.api.off import InertRun
    from cognify_core.api.populating import PopulationPackage
    from cognify_core.api.previewing import Preview
    from cognify_core.api.sealing import Sealed
    from cognify_core.api.session import Session
    from cognify_core.api.vaulting import Confirm
    from cognify_core.api.views import RunView
    from cognify_core.capture.outcome import Outcome
    from cognify_core.export.watched import Watch
    from cognify_core.seal.keys import KeyRing
    from cognify_core.store.finding import Wanted
    from cognify_core.store.protocol import RunRow, Tombstone
    from cognify_core.verify.report import Report

StreamT = TypeVar("StreamT")
_sessions: dict[str, Session] = {}
"""The one that there is, once somebody has asked for it."""


def this_session() -> Session:
    """The state of this process, for integrations: the run that goes on, and the workspace."""
    if (session := _sessions.get("this")) is None:
        from cognify_core.api.session import Session

        session = _sessions.setdefault("this", Session())  # of threads that ask at once, all get the first one's
    return session


def init(
    *,
    project: str | None = None,
    run_tags: Mapping[str, str | float] | None = None,
    home: str | Path | None = None,
    store: str | None = None,
    mode: Literal["on", "dry", "off"] | None = None,
    quiet: bool | None = None,
) -> None:
    """Set what later runs use. Optional: every value has a `COGNIFY_*` variable and a default.

    Raises:
        ConfigurationError: a value is wrong, or a run is going on.
    """
    this_session().init(project=project, run_tags=run_tags, home=home, store=store, mode=mode, quiet=quiet)


@contextmanager
def run(
    name: str | None = None,
    *,
    project: str | None = None,
    tags: Mapping[str, str | float] | None = None,
    seal: Literal["block", "manual"] = "block",
    rank: int | None = None,
    world_size: int | None = None,
) -> Iterator[ActiveRun | InertRun]:
    """Record a training loop of one's own: sealed and exported when the block ends.

    Of several processes that train one model, each enters the block and does the same in it: they write one record, to
    which each adds the rows it was fed and the checkpoint files that it wrote. `rank` and `world_size` are found where
    `torchrun`, `srun` or `mpirun` started them; `world_size=1` says that this process records alone.

    A block inside another says what it says into the outer one's run.

    A block that an exception leaves is closed as FAILED (INTERRUPTED by Ctrl-C), not sealed, and can be sealed by
    `cognify seal`.

    Raises:
        ConfigurationError, StoreError: the run cannot begin. Once it has begun, nothing of ours raises.
    """
    from cognify_core.api.live import ActiveRun
    from cognify_core.api.off import InertRun
    from cognify_core.record.ranks import Rank

    session = this_session()
    if (outer := session.block) is not None:
        outer.say(f"{outer.id} goes on: what is said in this inner block goes into it, and the outer one ends it")
        yield ActiveRun(outer)
        return
    here = Rank() if world_size == 1 else Rank.here(rank, world_size)
    live = (
        None
        if session.is_off
        else session.begin(name=name, project=project, tags=dict(tags or {}), seal_when="block", rank=here)
    )
    if live is None:
        with session.unrecorded():
            yield InertRun()
        return
    live.tell_start()
    try:
        yield ActiveRun(live)
    except KeyboardInterrupt:
        session.end(live, "INTERRUPTED", seal=False, timeout=session.settings.exit_seconds)
        raise
    except BaseException:
        session.end(live, "FAILED", seal=False, timeout=session.settings.exit_seconds)
        raise
    session.end(live, "COMPLETED", seal=seal == "block")


def dataset(
    data: Any,
    *,
    name: str,
    schema_version: str | None = None,
    role: str = "train",
    source_category: str | None = None,
    run_id: str | None = None,
    **provenance: Any,
) -> DatasetHandle:
    """Name a dataset, a path or an object, and say where it comes from.

    Said before a run, it is matched with the rows that the run is fed, by identity or fingerprint, or else recorded as
    their source. Said in `with cognify.run()`, or of a run by its id, it is hashed and recorded there; after the seal,
    in an addendum.

    Args:
        data: a path, or an object that holds rows.
        name: what it is called.
        schema_version: the version of its schema.
        role: `train`, `eval`, `source` …
        source_category: one of the European Commission's: `public`, `private_licensed`, `private_third_party`,
            `crawled`, `user_data`, `synthetic`, `other`. Where none is said, documents show a gap.
        run_id: the run that it belongs to, where that has ended.
        provenance: what a datasheet asks (`cognify_core.model.words.DATASHEET` explains each): `licence`, `obtained`,
            `collected`, `selection`, `labelling`, `cleaning`, `personal_data`, `languages`, `tdm_opt_out`, `purpose`,
            `assumptions`, `representativeness`, `bias_examination`, `known_gaps`, `supplier`, `generator`, `url`,
            `retrieved`, `approved_by`; and anything else.

    Raises:
        ConfigurationError: no such file, no such source category, or a word that is almost one of those.
        RunNotFoundError, RunStateError: there is no such run to say it of.
    """
    from cognify_core.api.datasets import DeclaredDataset, say_dataset

    declared = DeclaredDataset.of(
        data, name=name, role=role, schema_version=schema_version, source_category=source_category, **provenance
    )
    return say_dataset(this_session(), declared, run_id)


def watch(
    stream: StreamT,
    *,
    name: str,
    schema_version: str | None = None,
    role: str = "train",
    source_category: str | None = None,
    **provenance: Any,
) -> StreamT:
    """Watch a stream: its rows are digested as they are read. Use what is returned in the stream's place.

    `stream` is a `datasets.IterableDataset`, a torch one, a generator, or anything that is iterated. The dataset is
    recorded in every run that reads it, with one digest for each rank, DataLoader worker and pass. What is digested are
    the rows that come out of what is returned; of what `map` makes of it, the rows that go in. `provenance` is as for
    `dataset`.

    Raises:
        ConfigurationError: it is no stream, or is watched already; no such source category.
    """
    from cognify_core.api.datasets import DeclaredDataset
    from cognify_core.api.watching import watch_stream

    declared = DeclaredDataset.of(
        None, name=name, role=role, schema_version=schema_version, source_category=source_category, **provenance
    )
    return watch_stream(this_session(), stream, declared)


def seal(run_id: str | None = None) -> Sealed:
    """Seal a run that has ended; of a sealed run, seal what was said of it since, and return its seal.

    Raises:
        RunNotFoundError, RunStateError: there is no such run, or it goes on.
    """
    from cognify_core.api.requests import seal_now

    return seal_now(this_session(), run_id)


def discard(run_id: str, *, reason: str) -> Tombstone:
    """Delete an unsealed run; its tombstone stays.

    Raises:
        RunNotFoundError, RunSealedError: there is no such run, or it is sealed.
    """
    from cognify_core.api.requests import discard_now

    return discard_now(this_session(), run_id, reason)


def export_audit(
    run_id: str | None = None,
    *,
    format: str = "json",  # noqa: A002 - the word that users know
    template: str | None = None,
    path: str | Path | None = None,
    wait: bool = True,  # noqa: ARG001 - promised; the embedded store has nothing to wait for
    refresh: bool = True,
    vault: str | None = None,
    confirm: Confirm | None = None,
    watch: Watch | None = None,
) -> Package:
    """Export a run's package; without a run id, of this process's last run. A run that has ended is sealed first.

    A document (any format but `json`, or with a template) shows the profile, and some show the access log. Where the
    record does not hold what is in force now, an addendum is made with it first, unless `refresh=False`.
    `package.refreshed` says so. `watch` is told what is being done now, and how far it has come.

    With `vault`, its URI or `default`, the package and its receipt are put into that vault as well, locked until the
    day that the workspace's retention and the law ask for; `package.kept` is what was read back. Where the lock cannot
    be undone (`mode=COMPLIANCE`), the day is told first, and `confirm`, if given, is asked.

    `package.package_hash` is the SHA-256 of the file at `package.path`. `wait` is for stores that deliver later; the
    embedded one always waits.

    Raises:
        UnsupportedExportError: no such format, or no such template for it; the message lists those that exist.
        RunNotFoundError, RunStateError: there is no such run, or it goes on.
    """
    from cognify_core.api.requests import export_now
    from cognify_core.export.watched import unwatched

    return export_now(
        this_session(),
        run_id,
        format=format,
        template=template,
        path=path,
        refresh_first=refresh,
        vault=vault,
        confirm=confirm,
        watch=watch or unwatched,
    )


def export_population(
    since: str,
    until: str,
    *,
    format: str = "xlsx",  # noqa: A002 - the word that users know
    path: str | Path | None = None,
    watch: Watch | None = None,
) -> PopulationPackage:
    """Export the list of every run that was opened from `since` to `until`, both days (UTC) included.

    Sealed or not, failed, discarded and purged ones too; the first sheet says where the rows come from. The list is
    signed for, and says what the store held now: the same call makes another one later. `watch` is told how many runs
    are read, and how many rows are written.

    Raises:
        ConfigurationError: a day is not written 2026-01-31, or the period ends before it begins.
        UnsupportedExportError: another format than xlsx, or its extra is not installed.
    """
    from cognify_core.api.populating import export_period
    from cognify_core.export.watched import unwatched

    return export_period(this_session().workspace, since, until, format=format, path=path, watch=watch or unwatched)


def preview(
    run_id: str | None = None,
    *,
    template: str | None = None,
    path: str | Path | None = None,
    watch: Watch | None = None,
) -> Preview:
    """Draw the document of a run that is not sealed yet, or does not verify, with a red banner on every page.

    It is no package: nothing is attached, no receipt is signed, and `verify` refuses it. `watch` is told how far it
    has come.

    Raises:
        ConfigurationError: the run is sealed and holds, so `export_audit` gives evidence.
        RunNotFoundError, RunStateError: there is no such run, or it goes on.
    """
    from cognify_core.api.previewing import preview_now
    from cognify_core.export.watched import unwatched

    return preview_now(this_session(), run_id, template=template, path=path, watch=watch or unwatched)


def verify(
    target: str | Path | Package,
    *,
    key: Path | None = None,
    receipt: Path | None = None,
    artifacts: bool = False,
    against: str | None = None,
    progress: Progress | None = None,
    head: str | Path | None = None,
    tiles: str | Path | None = None,
    require_timestamp: bool = False,
) -> Report:
    """Compute everything again, of a package file or of a run in the store; return where it holds.

    Args:
        target: a package, the path of one, or a run id.
        key: the signer's public key (PEM); else every key that is trusted here.
        receipt: the package's receipt; else the one beside it, if any.
        artifacts: also hash what lies at the recorded places, and compare.
        against: another system, as in `mlflow:sqlite:///mlflow.db`: also compare what it says now with what was
            recorded of it.
        progress: called with how many artifacts were looked at, and how many there are.
        head: a head of the ledger, or a `.tlog-proof`, that came from outside: the seal must be shown to be under it.
        tiles: a published ledger, by which one gets from the seal's head to that one; else the workspace's own.
        require_timestamp: each seal must have been there at a time that an authority, which is pinned here, signed.

    Raises:
        VerificationError: something contradicts what was signed; the error carries the report.
        CannotVerifyError: it could not be checked; the error carries the report where there is one.
        ConfigurationError: nothing knows how to compare with what `against` names.
    """
    from cognify_core.api.checking import verify_target

    return verify_target(
        this_session(),
        target,
        key=key,
        receipt=receipt,
        artifacts=artifacts,
        against=against,
        progress=progress,
        head=head,
        tiles=tiles,
        require_timestamp=require_timestamp,
    )


def show(run_id: str) -> RunView:
    """A run as people read it; `last` is the newest.

    Raises:
        RunNotFoundError: there is no such run, or more than one.
    """
    from cognify_core.api.accesses import note_access
    from cognify_core.api.views import view

    shown = view(this_session().workspace, run_id)
    note_access(this_session(), shown.row.run_id, "show")
    return shown


def diff(first: str | Path, second: str | Path) -> Diff:
    """Name what differs: rows of two datasets, files of two folders, nodes of two packages or runs.

    Raises:
        ConfigurationError: they are not of one kind, or there is nothing there.
        CaptureError: one of them cannot be read.
    """
    from cognify_core.api.diffing import diff_of

    return diff_of(this_session(), first, second)


def hash_path(path: str | Path, *, as_: As = "auto") -> Outcome:
    """Hash a file, a folder, rows, weights or a configuration, as records do.

    Raises:
        ConfigurationError: there is nothing at `path`.
    """
    from cognify_core.api.looking import hash_as

    return hash_as(Path(path), as_)


def doctor() -> list[Check]:
    """Look at everything that recording, sealing and verifying need."""
    from cognify_core.api.examining import examine

    return examine(this_session())


def runs(wanted: Wanted | None = None, *, limit: int | None = None) -> list[RunRow]:
    """The runs of the store, newest first: all of them, or those that are `wanted`, and no more than `limit`."""
    store = this_session().workspace.store
    return store.runs()[:limit] if wanted is None else store.find_runs(wanted, limit=2**31 if limit is None else limit)


def keys() -> KeyRing:
    """The key that signs here, and the public keys that are trusted here."""
    return this_session().workspace.ring
