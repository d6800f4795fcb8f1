"""A store as one workspace sees it: what belongs to another one is not there.

Whatever works on a store works on this: the workspace is said here, once, and not by each caller. A method that is
named in no list below cannot be called, so that none can be forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

from cognify_core.errors import RecordError, RunNotFoundError, StoreError
from cognify_core.model.events import RunOpened

if TYPE_CHECKING:
    from cognify_core.model.digest import Digest
    from cognify_core.model.events import Draft
    from cognify_core.store.keeping import Job, Purge, VaultFact
    from cognify_core.store.protocol import LeafKind, RunRow, Store, Tombstone
    from cognify_core.store.tenancy import Token

OF_A_RUN = (
    *(
        "append",
        "events",
        "written",
        "addenda",
        "freeze",
        "put_envelope",
        "envelope",
        "put_bundle",
        "bundle",
        "receipts",
    ),
    *("put_openings", "openings", "erase_openings", "put_access", "accesses", "set_owner", "owners"),
    *("discard", "keep_until", "kept_until", "purge", "put_secret", "secret", "put_arrival", "arrivals"),
)
"""Methods whose first argument names a run."""
OF_A_WORKSPACE = (
    *("runs", "find_runs", "put_manifest", "put_profile", "profiles", "put_policy", "policies"),
    *("jobs", "claim_job", "tokens"),
    *("log", "ledger_size", "leaves", "find_leaf", "leaf_bodies", "node_row", "nodes"),
)
"""Methods that are told a workspace."""
OF_A_JOB = ("finish_job", "postpone_job")
"""Methods whose first argument names a job, which only `claim_job` and `jobs` tell."""
_OF_WHAT_IS_GONE: tuple[LeafKind, ...] = ("opened", "tombstone")


def confined(store: Store, workspace: str) -> Store:
    """`store`, as `workspace` sees it."""
    return cast("Store", Confined(store, workspace))


class Confined:
    """See `confined`."""

    def __init__(self, store: Store, workspace: str) -> None:
        self._store, self._workspace = store, workspace
        self._mine: set[str] = set()
        for name in OF_A_RUN:
            setattr(self, name, self._of_a_run(getattr(store, name)))
        for name in OF_A_WORKSPACE:
            setattr(self, name, self._of_the_workspace(getattr(store, name)))
        for name in OF_A_JOB:
            setattr(self, name, getattr(store, name))

    @property
    def place(self) -> str:
        """Where the store is, for messages."""
        return self._store.place

    @property
    def is_owned(self) -> bool:
        """Whether this user owns the store."""
        return self._store.is_owned

    @property
    def notes(self) -> tuple[str, ...]:
        """What should be told about where the store lies."""
        return getattr(self._store, "notes", ())

    def create(self, run_id: str, opened: Draft, *rest: Any, meeting: str | None = None, **others: Any) -> None:
        """Begin a run of this workspace.

        Raises:
            RecordError: it says that it is another's.
        """
        body = opened.body
        if isinstance(body, RunOpened):
            if body.workspace != self._workspace:
                raise RecordError(f"{run_id} says that it belongs to another workspace than {self._workspace}")
            if body.amends is not None:
                self.run(body.amends.run_id)
        self._store.create(run_id, opened, *rest, meeting=self._meeting(meeting), **others)

    def met(self, meeting: str) -> str | None:
        """Look a meeting of this workspace up."""
        return self._store.met(str(self._meeting(meeting)))

    def meet(self, meeting: str, run_id: str) -> str:
        """Give a run another meeting of this workspace."""
        self.run(run_id)
        return self._store.meet(str(self._meeting(meeting)), run_id)

    def run(self, run_id: str) -> RunRow:
        """Look a run of this workspace up."""
        row = self._store.run(run_id)
        if row.workspace != self._workspace:
            raise self._not_found(run_id)
        self._mine.add(run_id)
        return row

    def manifest(self, digest: Digest) -> bytes:
        """Read a manifest that the workspace has."""
        if not self._store.given([digest], workspace=self._workspace):
            raise StoreError(f"the store holds no manifest {digest} of the workspace {self._workspace}")
        return self._store.manifest(digest)

    def manifests(self, digests: Sequence[Digest]) -> dict[Digest, bytes]:
        """Read those that the workspace has."""
        given = self._store.given(digests, workspace=self._workspace)
        return self._store.manifests([digest for digest in digests if digest in given])

    def put_receipt(self, receipt: Any, entry: Any = None) -> Any:
        """Keep a receipt of a run of this workspace."""
        self._require(receipt.run_id)
        return self._store.put_receipt(receipt, entry)

    def put_fact(self, fact: VaultFact) -> None:
        """Keep a fact of a run of this workspace."""
        self._require(fact.run_id)
        self._store.put_fact(fact)

    def facts(self, run_id: str | None = None) -> list[VaultFact]:
        """List facts, also of runs that are gone."""
        return [fact for fact in self._store.facts(run_id) if self._had(fact.run_id)]

    def put_job(self, job: Job) -> Job:
        """Keep a job of a run of this workspace."""
        self._require(job.run_id)
        return self._store.put_job(job)

    def tombstones(self) -> list[Tombstone]:
        """List what is left of runs that the workspace's ledger tells of."""
        return [stone for stone in self._store.tombstones() if self._had(stone.run_id)]

    def purges(self) -> Sequence[tuple[str, Purge]]:
        """List purges."""
        return [(run_id, purge) for run_id, purge in self._store.purges() if self._had(run_id)]

    def put_token(self, token: Token) -> None:
        """Keep a token of this workspace.

        Raises:
            RecordError: it is for another one, or for all.
        """
        if token.workspace != self._workspace:
            raise RecordError(f"a token given in {self._workspace} is for that workspace")
        self._store.put_token(token)

    def token(self, token_id: str) -> Token | None:
        """Look a token of this workspace up."""
        token = self._store.token(token_id)
        return token if token is not None and token.workspace == self._workspace else None

    def revoke_token(self, token_id: str, revoked_at: str) -> bool:
        """End a token of this workspace."""
        return self.token(token_id) is not None and self._store.revoke_token(token_id, revoked_at)

    def close(self) -> None:
        """Let go of nothing: others use the store too."""

    def _of_a_run(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(run_id: str, *rest: Any, **named: Any) -> Any:
            self._require(run_id)
            return method(run_id, *rest, **named)

        return call

    def _of_the_workspace(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, workspace: str | None = None, **named: Any) -> Any:
            if workspace not in (None, "default", self._workspace):
                raise StoreError(f"{workspace} is another workspace than {self._workspace}")
            return method(*given, workspace=self._workspace, **named)

        return call

    def _require(self, run_id: str) -> None:
        if run_id not in self._mine:  # a run never changes its workspace
            self.run(run_id)

    def _had(self, run_id: str) -> bool:
        try:
            self.run(run_id)
        except RunNotFoundError:
            found = (self._store.find_leaf(kind, run_id, workspace=self._workspace) for kind in _OF_WHAT_IS_GONE)
            return any(found)
        return True

    def _meeting(self, meeting: str | None) -> str | None:
        return None if meeting is None else f"{self._workspace}/{meeting}"

    def _not_found(self, run_id: str) -> RunNotFoundError:
        return RunNotFoundError(f"there is no run {run_id} in the workspace {self._workspace}")
