"""A store as one workspace sees it: what belongs to another one is not there.

Whatever works on a store works on this: the workspace is said here, once, and not by each caller. A method that is
named in no list below cannot be called, so that none can be forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from cognify_core.errors import RecordError, RunIdTakenError, RunNotFoundError, StoreError
from cognify_core.model.events import RunOpened
from cognify_core.store.protocol import OF_WHAT_IS_GONE

if TYPE_CHECKING:
    from cognify_core.model.digest import Digest
    from cognify_core.model.events import Access, Draft
    from cognify_core.store.access_log import Look, SignHead
    from cognify_core.store.keeping import Clocks, KeepUntil, Purge, VaultFact
    from cognify_core.store.protocol import RunRow, Store, Tombstone
    from cognify_core.store.tenancy import Token
    from cognify_core.store.working import Hook, Job

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
    *("put_openings", "openings", "erase_openings", "set_owner", "owners"),
    *("discard", "keep_until", "kept_until", "clocks", "purge", "put_secret", "secret", "put_arrival", "arrivals"),
)
"""Methods whose first argument names a run."""
OF_A_WORKSPACE = (
    *("runs", "bundles", "receipts_of", "find_runs", "count_runs", "glance", "projects", "releases"),
    *("holders", "datasets", "contents"),
    *("put_manifest", "put_profile", "profiles", "put_policy", "policies"),
    *("jobs", "claim_job", "tokens", "hooks", "ending", "facts", "count_kept", "count_made", "find_locks"),
    *("log", "ledger_size", "leaves", "find_leaf", "leaf_bodies", "node_row", "nodes"),
    *("access_size", "access_rows", "find_accesses", "count_clear", "erase_accesses"),
)
"""Methods that are told a workspace."""
OF_A_JOB = ("finish_job", "postpone_job", "renew_job", "fail_job", "repeat_job")
"""Methods whose first argument names a job, which only `claim_job` and `jobs` tell."""


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
        """What messages call it: where the store itself lies is for those who run the server."""
        return f"the workspace {self._workspace}"

    @property
    def is_owned(self) -> bool:
        """Whether this user owns the store."""
        return self._store.is_owned

    @property
    def notes(self) -> tuple[str, ...]:
        """What should be told about where the store lies."""
        return getattr(self._store, "notes", ())

    @property
    def lost(self) -> str | None:
        """Why what is written is found by nobody after this process; none where it is found."""
        return self._store.lost

    def create(self, run_id: str, opened: Draft, *rest: Any, meeting: str | None = None, **others: Any) -> None:
        """Begin a run of this workspace.

        Raises:
            RecordError: it says that it is another's, or its id is taken, by whomever.
        """
        body = opened.body
        if isinstance(body, RunOpened):
            if body.workspace != self._workspace:
                raise RecordError(f"{run_id} says that it belongs to another workspace than {self._workspace}")
            if body.amends is not None:
                self.run(body.amends.run_id)
        try:
            self._store.create(run_id, opened, *rest, meeting=self._meeting(meeting), **others)
        except RunIdTakenError as error:
            if self._had(run_id):
                raise
            raise RunIdTakenError(f"the id {run_id} is taken: draw another one") from error

    def met(self, meeting: str) -> str | None:
        """Look a meeting of this workspace up."""
        return self._store.met(str(self._meeting(meeting)))

    def meet(self, meeting: str, run_id: str) -> str:
        """Give a run another meeting of this workspace."""
        self.run(run_id)
        return self._store.meet(str(self._meeting(meeting)), run_id)

    def run(self, run_id: str) -> RunRow:
        """Look a run of this workspace up. One that it has discarded says why; of another's nothing is said."""
        try:
            row = self._store.run(run_id)
        except RunNotFoundError as error:
            if self._tells_of(run_id):
                raise
            raise self._not_found(run_id) from error
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

    def all_clocks(self, run_ids: Sequence[str] | None = None, *, workspace: str | None = None) -> list[Clocks]:
        """Tell what keeps the frozen runs of this workspace."""
        found: list[Clocks] = self._of_the_workspace(self._store.all_clocks)(run_ids, workspace=workspace)
        self._mine.update(clocks.run_id for clocks in found)
        return found

    def keep_all_until(self, entries: Mapping[str, KeepUntil]) -> int:
        """Keep runs of this workspace."""
        for run_id in entries:
            self._require(run_id)
        return self._store.keep_all_until(entries)

    def put_accesses(
        self, looks: Sequence[Look], sign: SignHead | None = None, *, workspace: str | None = None
    ) -> list[int]:
        """Append to the access log of this workspace, of its own runs."""
        for run_id in {look.run_id for look in looks if look.run_id is not None}:
            self._require_had(run_id)
        places: list[int] = self._of_the_workspace(self._store.put_accesses)(looks, sign, workspace=workspace)
        return places

    def accesses(self, run_id: str) -> list[Access]:
        """Who read a run of this workspace, also one that is gone."""
        self._require_had(run_id)
        return self._store.accesses(run_id)

    def put_job(self, job: Job) -> Job:
        """Keep a job of this workspace.

        Raises:
            RecordError: it is another one's.
        """
        if job.workspace != self._workspace:
            raise RecordError(f"a job kept in {self._workspace} is of that workspace")
        if job.run_id is not None:
            self._require(job.run_id)
        return self._store.put_job(job)

    def put_hook(self, hook: Hook) -> None:
        """Keep a webhook of this workspace.

        Raises:
            RecordError: it is another one's.
        """
        if hook.workspace != self._workspace:
            raise RecordError(f"a webhook kept in {self._workspace} is of that workspace")
        self._store.put_hook(hook)

    def hook(self, hook_id: str) -> Hook | None:
        """Look a webhook of this workspace up."""
        hook = self._store.hook(hook_id)
        return hook if hook is not None and hook.workspace == self._workspace else None

    def change_hook(self, hook_id: str, **said: Any) -> None:
        """Change a webhook of this workspace."""
        if self.hook(hook_id) is not None:
            self._store.change_hook(hook_id, **said)

    def drop_hook(self, hook_id: str) -> None:
        """Delete a webhook of this workspace."""
        if self.hook(hook_id) is not None:
            self._store.drop_hook(hook_id)

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

    def check_writable(self) -> None:
        """Ask the store."""
        self._store.check_writable()

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
            return self._tells_of(run_id)
        return True

    def _tells_of(self, run_id: str) -> bool:
        """Whether the workspace's ledger tells of a run that is gone."""
        return any(self._store.find_leaf(kind, run_id, workspace=self._workspace) for kind in OF_WHAT_IS_GONE)

    def _require_had(self, run_id: str) -> None:
        if run_id not in self._mine and not self._had(run_id):
            raise self._not_found(run_id)

    def _meeting(self, meeting: str | None) -> str | None:
        return None if meeting is None else f"{self._workspace}/{meeting}"

    def _not_found(self, run_id: str) -> RunNotFoundError:
        return RunNotFoundError(f"there is no run {run_id} in the workspace {self._workspace}")
