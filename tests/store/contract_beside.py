"""What every store promises of what it keeps beside its records: accesses and profiles."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from cognify_core.errors import PolicyChangedError
from cognify_core.store.protocol import ProfileVersion, Store
from tests import factories
from tests.store.contract_access_log import AccessLogContract
from tests.store.contract_keeping import KeepingContract
from tests.store.contract_working import WorkingContract

FIRST, SECOND, THIRD = b'{"system_name":"Triage"}', b'{"system_name":"Triage 2"}', b"{}"


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

    def test_a_profile_that_rests_on_an_older_version_is_not_kept(self, store: Store) -> None:
        store.put_profile(b"1", factories.TIME, project="p", after=0)
        with pytest.raises(PolicyChangedError, match="changed the profile of p"):
            store.put_profile(b"2", factories.TIME, project="p", after=0)
        store.put_profile(b"3", factories.TIME, project="p", after=1)
        assert [each.profile for each in store.profiles(project="p")] == [b"1", b"3"]

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


class BesideContract(AccessLogContract, ProfileContract, KeepingContract, WorkingContract):
    """All of it."""
