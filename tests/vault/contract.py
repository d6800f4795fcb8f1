"""What every vault promises (`cognify_core.vault.protocol`). A new vault costs a fixture, not a copied file."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from cognify_core.errors import VaultConflictError, VaultError
from cognify_core.model.digest import Digest
from cognify_core.model.names import utc_now
from cognify_core.vault.keys import object_key
from cognify_core.vault.protocol import Lock, LockState, Mode, Vault

DATA, OTHER_DATA = b'{"a":1}' * 100, b"other bytes"
DIGEST = Digest.of(DATA)
RUN = "run_20250912_143022_a7f3c"
HOSTILE_KEYS = (
    "",
    "/etc/passwd",
    "../x",
    "a/../../x",
    "a//b",
    "a/./b",
    ".hidden",
    "a\\b",
    "a\0b",
    "a?x=y",
    "%2e%2e/x",
    "ü",
)


def lock(seconds: float = 86_400, *, mode: Mode = Mode.GOVERNANCE, held: bool = False) -> Lock:
    return Lock(mode, (utc_now() + timedelta(seconds=seconds)).replace(microsecond=0), held)


@pytest.fixture
def key(request: pytest.FixtureRequest) -> str:
    """A key of the test's own."""
    return object_key(RUN, Digest.of(request.node.nodeid.encode()), "package.json")


class VaultContract:
    """Subclasses give a `vault`, and say what can be read back there."""

    when_locked: LockState = LockState.LOCKED
    """What a lock reads back as."""

    def test_what_was_put_is_read_back_by_its_version(self, vault: Vault, key: str) -> None:
        put = vault.put_once(key, DATA, lock())
        assert (put.key, put.digest, put.size) == (key, DIGEST, len(DATA))
        assert vault.read(key, put.version) == DATA
        assert vault.look(key, put.version).digest == DIGEST

    def test_a_lock_is_what_was_read_back(self, vault: Vault, key: str) -> None:
        asked = lock()
        put = vault.put_once(key, DATA, asked)
        assert put.state(asked, DIGEST) is self.when_locked
        assert vault.look(key, put.version).state(asked, DIGEST) is self.when_locked

    def test_the_same_bytes_are_put_once(self, vault: Vault, key: str) -> None:
        first, again = vault.put_once(key, DATA, lock()), vault.put_once(key, DATA, lock())
        assert first.version == again.version
        assert list(vault.versions(key)) == [(key, first.version)]

    def test_other_bytes_are_refused_and_the_first_stay(self, vault: Vault, key: str) -> None:
        put = vault.put_once(key, DATA, lock())
        with pytest.raises(VaultConflictError, match="has other bytes already; they stay"):
            vault.put_once(key, OTHER_DATA, lock())
        assert vault.read(key, put.version) == DATA
        assert list(vault.versions(key)) == [(key, put.version)]

    def test_of_many_who_put_at_once_all_find_one_object(self, vault: Vault, key: str) -> None:
        asked = lock()
        with ThreadPoolExecutor(6) as threads:
            puts = list(threads.map(lambda _: vault.put_once(key, DATA, asked), range(6)))
        assert list(vault.versions(key)) == [(key, puts[0].version)]
        assert {put.version for put in puts} == {puts[0].version}

    def test_a_put_again_with_a_longer_lock_extends_it(self, vault: Vault, key: str) -> None:
        vault.put_once(key, DATA, lock(3600))
        longer = lock(7200)
        assert vault.put_once(key, DATA, longer).state(longer, DIGEST) is self.when_locked

    def test_a_lock_is_extended_and_never_shortened(self, vault: Vault, key: str) -> None:
        put = vault.put_once(key, DATA, lock(7200))
        longer = lock(10_000)
        assert vault.extend(key, put.version, longer).state(longer, DIGEST) is self.when_locked
        assert vault.extend(key, put.version, lock(60)).state(longer, DIGEST) is self.when_locked

    def test_a_version_that_is_not_there_is_missing(self, vault: Vault, key: str) -> None:
        put = vault.put_once(key, DATA, lock())
        elsewhere = object_key(RUN, DIGEST, "another.json")
        assert vault.look(elsewhere, put.version).state(lock(), DIGEST) is LockState.MISSING
        assert vault.look(key, put.version).state(lock(), Digest.of(OTHER_DATA)) is LockState.MISSING
        with pytest.raises(VaultError, match=r"another\.json|NoSuch|404|not there|not found"):
            vault.read(elsewhere, put.version)

    def test_removing_what_is_not_there_is_no_error(self, vault: Vault, key: str) -> None:
        put = vault.put_once(key, DATA, lock())
        vault.remove(object_key(RUN, DIGEST, "never.json"), put.version)

    @pytest.mark.parametrize("hostile", HOSTILE_KEYS)
    def test_a_key_that_could_be_another_path_is_refused(self, vault: Vault, hostile: str) -> None:
        with pytest.raises(VaultError, match="not a key of a vault"):
            vault.put_once(hostile, DATA, lock())
        with pytest.raises(VaultError, match="not a key of a vault"):
            vault.look(hostile, "1")

    def test_an_examination_finds_it_usable(self, vault: Vault) -> None:
        assert [finding for finding in vault.examine() if finding.ok is False] == []

    def test_archiving_says_what_was_done(self, vault: Vault, key: str) -> None:
        put = vault.put_once(key, DATA, lock())
        assert "90 days" in vault.archive(90)
        assert vault.read(key, put.version) == DATA


class LockingContract(VaultContract):
    """What a vault promises that enforces its locks."""

    def test_a_hold_without_a_date_comes_and_goes(self, vault: Vault, key: str) -> None:
        put = vault.put_once(key, DATA, lock(held=True))
        assert put.held
        assert not vault.hold(key, put.version, on=False).held
        assert vault.hold(key, put.version, on=True).held
        assert not vault.hold(key, put.version, on=False).held

    def test_a_hold_that_was_asked_for_and_is_not_there_is_less_than_locked(self, vault: Vault, key: str) -> None:
        asked = lock(held=True)
        put = vault.put_once(key, DATA, asked)
        assert put.state(asked, DIGEST) is LockState.LOCKED
        assert vault.hold(key, put.version, on=False).state(asked, DIGEST) is LockState.RETAINED

    def test_what_is_locked_is_not_removed(self, vault: Vault, key: str) -> None:
        asked = lock()
        put = vault.put_once(key, DATA, asked)
        with pytest.raises(VaultError, match=r"kept until|AccessDenied"):
            vault.remove(key, put.version)
        assert vault.look(key, put.version).state(asked, DIGEST) is LockState.LOCKED

    def test_what_is_held_is_not_removed(self, vault: Vault, key: str) -> None:
        put = vault.put_once(key, DATA, lock(2, held=True))
        _wait_until(vault, key, put.version)
        with pytest.raises(VaultError, match=r"kept by a hold|AccessDenied"):
            vault.remove(key, put.version)
        vault.hold(key, put.version, on=False)
        vault.remove(key, put.version)
        assert vault.look(key, put.version).digest is None

    def test_a_lock_expires(self, vault: Vault, key: str) -> None:
        asked = lock(2)
        put = vault.put_once(key, DATA, asked)
        assert put.state(asked, DIGEST) is LockState.LOCKED
        _wait_until(vault, key, put.version)
        assert vault.look(key, put.version).state(asked, DIGEST) is LockState.EXPIRED
        vault.remove(key, put.version)
        assert vault.look(key, put.version).state(asked, DIGEST) is LockState.MISSING
        assert list(vault.versions(key)) == []


def _wait_until(vault: Vault, key: str, version: str) -> None:
    until = vault.look(key, version).until
    assert until is not None
    time.sleep(max(0.0, (until - utc_now()).total_seconds()) + 0.2)
