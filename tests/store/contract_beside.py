"""What every store promises of what it keeps beside its records: accesses and profiles."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from cognify_core.errors import RunNotFoundError
from cognify_core.model.digest import Digest
from cognify_core.model.events import Access
from cognify_core.store.protocol import Opening, ProfileVersion, Store
from tests import factories
from tests.store.contract_keeping import KeepingContract
from tests.store.values import BUNDLE, OTHER, RUN, begin, frozen

ACTOR = Opening(str(Digest.of(b"ada")), "actor", b"\x01" * 32, "ada \x1b[31m‮ 💊")
SOURCE = Opening(str(Digest.of(b"ip")), "source", b"\x02" * 32, "2001:db8::1")
FIRST, SECOND, THIRD = b'{"system_name":"Triage"}', b'{"system_name":"Triage 2"}', b"{}"


def access(action: str = "show", **fields: object) -> Access:
    known = {"at": factories.TIME, "action": action, "actor": Digest.parse(ACTOR.commitment), "observed_by": "machine"}
    return Access.model_validate(known | fields)


class AccessContract:
    """Who read or exported a run."""

    def test_accesses_are_kept_in_the_order_of_their_coming(self, store: Store) -> None:
        begin(store)
        said = [access("show"), access("export", subject="sha256:1"), access("show")]
        for each in said:
            store.put_access(RUN, each, [ACTOR])
        assert store.accesses(RUN) == said

    def test_an_access_says_all_that_it_can_say(self, store: Store) -> None:
        begin(store)
        whole = access(
            "verify", subject="\x00 =cmd", source=Digest.parse(SOURCE.commitment), auth="os_user", outcome="failed"
        )
        store.put_access(RUN, whole, [ACTOR, SOURCE])
        assert store.accesses(RUN) == [whole]

    def test_the_clear_values_of_an_access_are_among_the_openings(self, store: Store) -> None:
        begin(store)
        store.put_access(RUN, access(), [ACTOR, SOURCE])
        store.put_access(RUN, access(), [ACTOR])
        assert store.openings(RUN) == [ACTOR, SOURCE]

    def test_erasing_the_openings_leaves_the_accesses_without_a_name(self, store: Store) -> None:
        begin(store)
        store.put_access(RUN, access(), [ACTOR, SOURCE])
        assert store.erase_openings(RUN) == 2
        assert (store.accesses(RUN), store.openings(RUN)) == ([access()], [])

    def test_accesses_are_each_runs_own(self, store: Store) -> None:
        begin(store)
        begin(store, OTHER)
        store.put_access(RUN, access(), [ACTOR])
        assert store.accesses(OTHER) == []

    def test_a_sealed_run_is_still_read(self, store: Store) -> None:
        frozen(store)
        store.put_bundle(RUN, BUNDLE)
        store.put_access(RUN, access(), [ACTOR])
        assert store.accesses(RUN) == [access()]

    def test_a_discarded_run_takes_its_accesses_with_it(self, store: Store) -> None:
        begin(store)
        store.put_access(RUN, access(), [ACTOR])
        store.discard(RUN, "a typo", factories.TIME)
        with pytest.raises(RunNotFoundError, match="was discarded"):
            store.accesses(RUN)

    def test_a_run_that_is_not_there_is_not_accessed(self, store: Store) -> None:
        with pytest.raises(RunNotFoundError, match=f"there is no run {RUN}"):
            store.put_access(RUN, access(), [ACTOR])
        with pytest.raises(RunNotFoundError, match=f"there is no run {RUN}"):
            store.accesses(RUN)


class ProfileContract:
    """What organisations say of themselves and of their projects."""

    def test_nothing_is_said_before_somebody_says_it(self, store: Store) -> None:
        assert (store.profiles(), store.profiles(project="clinical-nlp")) == ([], [])

    def test_every_version_of_a_profile_stays(self, store: Store) -> None:
        for profile in (FIRST, SECOND, FIRST):
            store.put_profile(profile, factories.TIME)
        assert store.profiles() == [
            ProfileVersion(1, FIRST, factories.TIME),
            ProfileVersion(2, SECOND, factories.TIME),
            ProfileVersion(3, FIRST, factories.TIME),
        ]

    def test_saying_the_same_again_is_saying_it_once(self, store: Store) -> None:
        first = store.put_profile(FIRST, factories.TIME)
        assert store.put_profile(FIRST, factories.CLOSED_AT) == first
        assert store.profiles() == [first]

    def test_a_project_has_a_profile_of_its_own(self, store: Store) -> None:
        store.put_profile(FIRST, factories.TIME)
        store.put_profile(SECOND, factories.TIME, project="clinical-nlp")
        store.put_profile(THIRD, factories.TIME, project="clinical-nlp", workspace="other")
        assert [version.profile for version in store.profiles()] == [FIRST]
        assert [version.profile for version in store.profiles(project="clinical-nlp")] == [SECOND]
        assert [version.profile for version in store.profiles(project="clinical-nlp", workspace="other")] == [THIRD]
        assert store.profiles(workspace="other") == []

    def test_a_project_may_be_called_anything(self, store: Store) -> None:
        hostile = "'; DROP TABLE profiles; -- \x1b[31m‮💊" + "x" * 40_000
        store.put_profile(FIRST, factories.TIME, project=hostile)
        assert len(store.profiles(project=hostile)) == 1

    def test_several_threads_may_save_at_once(self, store: Store) -> None:
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(lambda n: store.put_profile(b'{"system_name":"%d"}' % n, factories.TIME), range(8)))
        assert [version.version for version in store.profiles()] == list(range(1, 9))


class BesideContract(AccessContract, ProfileContract, KeepingContract):
    """All of it."""
