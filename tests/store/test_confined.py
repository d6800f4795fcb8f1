"""A store as a workspace sees it keeps the promises of a store, and shows nothing of another workspace."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cognify_core.errors import RecordError, RunIdTakenError, RunNotFoundError, StoreError
from cognify_core.model.digest import Digest
from cognify_core.model.events import Draft, RunOpened
from cognify_core.store import confined as module
from cognify_core.store.access_log import AccessLog
from cognify_core.store.confined import Confined, confined
from cognify_core.store.keeping import Keeping, KeepUntil
from cognify_core.store.mentions import Mentions
from cognify_core.store.protocol import Leaf, Store
from cognify_core.store.sql import open_store
from cognify_core.store.tenancy import Tenancy
from cognify_core.store.visitors import Visitors
from cognify_core.store.working import Job, Working
from tests import factories
from tests.store.contract import StoreContract
from tests.store.contract_beside import BesideContract
from tests.store.contract_finding import FindingContract
from tests.store.contract_keeping import PURGE, fact
from tests.store.contract_ledger import LedgerContract
from tests.store.contract_working import hook
from tests.store.values import closed, freeze_of

RUN = "run_20250912_143022_a7f3c"
OF_ALL = {name for name in vars(Visitors) if not name.startswith("_")} | {
    *("workspaces", "put_workspace", "given"),
    *("waiting", "forget_jobs", "tell_hook", "facts_after", "count_facts"),
}
"""What is of no workspace, and so not of one."""


class TestConfinedToTheEmbeddedWorkspace(StoreContract, BesideContract, FindingContract, LedgerContract):
    test_runs_are_listed_by_workspace = None  # type: ignore[assignment]  # one workspace sees no other
    test_each_workspace_has_a_ledger_of_its_own = None  # type: ignore[assignment]
    test_a_policy_is_kept_version_by_version = None  # type: ignore[assignment]
    test_a_project_has_a_profile_of_its_own = None  # type: ignore[assignment]
    test_a_meeting_is_one_runs = None  # type: ignore[assignment]  # its message names the workspace too
    test_facts_are_kept_in_the_order_of_their_coming = None  # type: ignore[assignment]  # they are of runs that were never there
    test_discarding_leaves_a_tombstone_and_nothing_else = None  # type: ignore[assignment]  # a tombstone is seen where the ledger tells of it
    test_the_id_of_a_discarded_run_is_not_given_again = None  # type: ignore[assignment]  # below, with a ledger
    test_tombstones_are_listed_in_the_order_of_discarding = None  # type: ignore[assignment]
    test_a_purge_takes_the_run_and_its_addenda_and_leaves_tombstones = None  # type: ignore[assignment]
    test_work_is_taken_by_its_kind_and_workspace = None  # type: ignore[assignment]
    test_work_is_counted_by_its_kind_and_forgotten_when_it_is_over = None  # type: ignore[assignment]  # of all workspaces
    test_a_webhook_is_kept_changed_and_dropped_with_what_it_was_to_be_told = None  # type: ignore[assignment]
    test_what_a_webhook_is_told_is_kept_once_together_with_how_far_it_goes = None  # type: ignore[assignment]  # the server's own
    test_runs_are_found_by_the_day_until_which_they_are_kept = None  # type: ignore[assignment]  # names another workspace

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[Store]:
        inner = open_store(tmp_path / "store.db")
        yield confined(inner, "default")
        inner.close()


@pytest.fixture
def both(tmp_path: Path) -> Iterator[tuple[Store, Store]]:
    inner = open_store(tmp_path / "store.db")
    yield confined(inner, "ours"), confined(inner, "theirs")
    inner.close()


def opened(workspace: str) -> Draft:
    body = RunOpened(nonce="0" * 32, workspace=workspace, project="p", recorder="a test")
    return Draft("2025-09-12T14:30:22.000000Z", body, "open", 0)


def logged(workspace: str) -> Leaf:
    return Leaf("opened", RUN, workspace.encode(), b"body")


def promised() -> set[str]:
    parts = (Store, AccessLog, Keeping, Mentions, Tenancy, Visitors, Working)
    return {name for part in parts for name in vars(part) if not name.startswith("_")}


def test_every_method_of_a_store_is_confined_or_not_there() -> None:
    named = {*module.OF_A_RUN, *module.OF_A_WORKSPACE, *module.OF_A_JOB, *vars(Confined)}
    assert promised() - named == OF_ALL


def test_a_run_is_begun_in_its_own_workspace_alone(both: tuple[Store, Store]) -> None:
    ours, theirs = both
    with pytest.raises(RecordError, match="another workspace"):
        theirs.create(RUN, opened("ours"))
    ours.create(RUN, opened("ours"))
    assert ours.run(RUN).workspace == "ours"


@pytest.mark.parametrize("name", sorted({"run", *module.OF_A_RUN}))
def test_a_run_of_another_workspace_is_not_there_for_any_method(both: tuple[Store, Store], name: str) -> None:
    ours, theirs = both
    ours.create(RUN, opened("ours"))
    with pytest.raises(RunNotFoundError, match=r"no run .* in the workspace theirs"):
        getattr(theirs, name)(RUN)


def test_of_what_another_workspace_has_discarded_nothing_is_told(both: tuple[Store, Store]) -> None:
    ours, theirs = both
    ours.create(RUN, opened("ours"), leaf=logged("ours"))
    ours.discard(RUN, "a merger nobody knows of", factories.CLOSED_AT, lambda _: Leaf("tombstone", RUN, b"gone", b"b"))
    with pytest.raises(RunNotFoundError, match=r"was discarded at .*: a merger nobody knows of"):
        ours.run(RUN)
    with pytest.raises(RunNotFoundError) as told:
        theirs.run(RUN)
    assert str(told.value) == f"there is no run {RUN} in the workspace theirs"


def test_a_run_that_never_was_is_told_of_as_one_of_another_workspace(both: tuple[Store, Store]) -> None:
    _, theirs = both
    with pytest.raises(RunNotFoundError) as told:
        theirs.run(RUN)
    assert str(told.value) == f"there is no run {RUN} in the workspace theirs"


@pytest.mark.parametrize("discarded", [False, True])
def test_an_id_that_another_workspace_has_or_had_is_only_taken(both: tuple[Store, Store], discarded: bool) -> None:
    ours, theirs = both
    ours.create(RUN, opened("ours"), leaf=logged("ours"))
    if discarded:
        ours.discard(RUN, "a typo", factories.CLOSED_AT, lambda _: Leaf("tombstone", RUN, b"gone", b"body"))
    with pytest.raises(RunIdTakenError) as told:
        theirs.create(RUN, opened("theirs"))
    assert str(told.value) == f"the id {RUN} is taken: draw another one"
    with pytest.raises(RunIdTakenError, match="discarded" if discarded else "already"):
        ours.create(RUN, opened("ours"))


def test_what_is_said_of_a_confined_store_tells_no_path(both: tuple[Store, Store]) -> None:
    assert [store.place for store in both] == ["the workspace ours", "the workspace theirs"]


def test_a_manifest_is_read_by_those_who_have_put_it(both: tuple[Store, Store]) -> None:
    ours, theirs = both
    digest = ours.put_manifest(b"mine")
    assert ours.manifest(digest) == b"mine"
    with pytest.raises(StoreError, match="of the workspace theirs"):
        theirs.manifest(digest)
    assert theirs.manifests([digest]) == {}
    theirs.put_manifest(b"mine")
    assert theirs.manifests([digest, Digest.of(b"other")]) == {digest: b"mine"}


def test_a_meeting_of_one_name_is_another_in_each_workspace(both: tuple[Store, Store]) -> None:
    ours, theirs = both
    ours.create(RUN, opened("ours"), meeting="job 1")
    assert (ours.met("job 1"), theirs.met("job 1")) == (RUN, None)


def test_tombstones_stay_with_the_workspace_whose_ledger_tells_of_them(both: tuple[Store, Store]) -> None:
    ours, theirs = both
    ours.create(RUN, opened("ours"), leaf=logged("ours"))
    stone = ours.discard(RUN, "a typo", factories.CLOSED_AT, lambda _: Leaf("tombstone", RUN, b"gone", b"body"))
    assert (ours.tombstones(), theirs.tombstones()) == ([stone], [])
    assert theirs.runs(addenda=True) == []


def test_what_vaults_said_is_of_the_workspace_whose_run_it_was(both: tuple[Store, Store]) -> None:
    ours, theirs = both
    ours.create(RUN, opened("ours"), leaf=logged("ours"))
    ours.append(RUN, [closed()])
    ours.freeze(RUN, freeze_of(ours, RUN))
    ours.put_fact(fact(run_id=RUN))
    assert (ours.facts(), theirs.facts(), theirs.facts(RUN)) == ([fact(run_id=RUN)], [], [])
    assert ([each for _, each in ours.find_locks()], theirs.find_locks()) == ([fact(run_id=RUN)], [])
    assert ([each.run_id for each in ours.all_clocks()], theirs.all_clocks()) == ([RUN], [])
    ours.keep_until(RUN, KeepUntil("2020-01-01", "a law", factories.TIME))
    ours.purge(RUN, PURGE, lambda _: Leaf("tombstone", RUN, b"gone", b"body"))
    assert (ours.facts(), theirs.facts(), ours.find_locks()) == ([fact(run_id=RUN)], [], [])


def test_another_workspace_is_not_asked_for_by_name(both: tuple[Store, Store]) -> None:
    with pytest.raises(StoreError, match="another workspace"):
        both[0].runs(workspace="theirs")


def test_a_job_and_a_webhook_are_kept_in_their_own_workspace_alone(both: tuple[Store, Store]) -> None:
    ours, theirs = both
    with pytest.raises(RecordError, match="is of that workspace"):
        theirs.put_job(Job("1", "notify", None, factories.TIME, factories.TIME, workspace="ours"))
    with pytest.raises(RecordError, match="is of that workspace"):
        theirs.put_hook(hook(workspace="ours"))
    ours.put_hook(hook(workspace="ours"))
    theirs.change_hook("one", label="theirs", events=(), enabled=False)
    theirs.drop_hook("one")
    assert (ours.hook("one"), theirs.hook("one"), theirs.hooks()) == (hook(workspace="ours"), None, [])
    ours.drop_hook("one")
    assert ours.hooks() == []
