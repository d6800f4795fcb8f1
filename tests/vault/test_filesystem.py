from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cognify_core.errors import VaultConflictError, VaultError, VaultRefusedError
from cognify_core.vault.filesystem import FolderVault
from cognify_core.vault.flags import APPEND_ONLY, IMMUTABLE, set_flag
from cognify_core.vault.protocol import LockState
from cognify_core.vault.uri import VaultUri
from tests.vault.contract import DATA, DIGEST, OTHER_DATA, LockingContract, VaultContract, key, lock

__all__ = ["key"]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder for a vault; whatever was made immutable in it can be deleted afterwards."""
    yield tmp_path / "vault"
    for path in tmp_path.rglob("*"):
        if path.is_file() and not path.is_symlink():
            set_flag(path, IMMUTABLE, on=False)
            set_flag(path, APPEND_ONLY, on=False)


def vault_in(folder: Path, options: str = "") -> FolderVault:
    return FolderVault(VaultUri.parse(f"file://{folder}{options}"))


class TestReadOnly(VaultContract):
    """Where nothing can be made immutable: read-only files, which are not called locked."""

    when_locked = LockState.UNLOCKED

    @pytest.fixture
    def vault(self, folder: Path) -> FolderVault:
        return vault_in(folder, "?immutable=no")

    def test_its_files_are_read_only(self, vault: FolderVault, folder: Path, key: str) -> None:
        vault.put_once(key, DATA, lock())
        assert (folder / key).stat().st_mode & 0o777 == 0o400

    def test_what_its_lock_still_names_is_not_removed(self, vault: FolderVault, key: str) -> None:
        put = vault.put_once(key, DATA, lock())
        with pytest.raises(VaultRefusedError, match="is kept until"):
            vault.remove(key, put.version)


class TestImmutable(LockingContract):
    """Where files can be made immutable."""

    @pytest.fixture
    def vault(self, folder: Path) -> FolderVault:
        probe = folder.parent / "probe"
        probe.touch()
        if not set_flag(probe, IMMUTABLE, on=True):
            pytest.skip("this user or file system may not make files immutable")
        return vault_in(folder)

    def test_nobody_can_write_rename_or_delete_what_is_locked(self, vault: FolderVault, folder: Path, key: str) -> None:
        vault.put_once(key, DATA, lock())
        path = folder / key
        for attack in (
            path.unlink,
            lambda: path.rename(folder / "x"),
            lambda: path.write_bytes(b""),
            lambda: path.chmod(0o666),
        ):
            with pytest.raises(OSError, match="not permitted") as refusal:
                attack()
            assert refusal.value.errno == errno.EPERM
        assert path.read_bytes() == DATA

    def test_what_was_asked_for_can_only_be_added_to(self, vault: FolderVault, folder: Path, key: str) -> None:
        vault.put_once(key, DATA, lock())
        with pytest.raises(OSError, match="not permitted"):
            (folder / ".locks" / key).write_bytes(b"")

    def test_root_who_clears_the_flag_is_seen(self, vault: FolderVault, folder: Path, key: str) -> None:
        asked = lock()
        put = vault.put_once(key, DATA, asked)
        set_flag(folder / key, IMMUTABLE, on=False)
        assert vault.look(key, put.version).state(asked, DIGEST) is LockState.UNLOCKED
        assert vault.put_once(key, DATA, asked).state(asked, DIGEST) is LockState.LOCKED


def test_a_file_that_was_changed_is_missing(folder: Path, key: str) -> None:
    vault = vault_in(folder, "?immutable=no")
    put = vault.put_once(key, DATA, lock())
    (folder / key).chmod(0o600)
    (folder / key).write_bytes(OTHER_DATA)
    assert vault.look(key, put.version).state(lock(), DIGEST) is LockState.MISSING
    with pytest.raises(VaultConflictError, match="other bytes"):
        vault.put_once(key, DATA, lock())


@pytest.mark.parametrize("left", [b"", b'{"at":"2025', b"\xff\n", b'{"held":1}\n', b"[]\n"])
def test_a_line_that_a_crash_cut_off_says_nothing(folder: Path, key: str, left: bytes) -> None:
    vault = vault_in(folder, "?immutable=no")
    asked = lock()
    put = vault.put_once(key, DATA, asked)
    with (folder / ".locks" / key).open("ab") as file:
        file.write(left)
    assert vault.look(key, put.version).until == asked.until
    longer = lock(200_000)
    assert vault.extend(key, put.version, longer).until == longer.until


def test_a_draft_that_a_crash_left_is_no_object(folder: Path, key: str) -> None:
    vault = vault_in(folder, "?immutable=no")
    (folder / key).parent.mkdir(parents=True)
    (folder / key).with_name(".0123.draft").write_bytes(DATA[:10])
    assert list(vault.versions()) == []
    assert vault.put_once(key, DATA, lock()).digest == DIGEST


def test_a_link_out_of_the_vault_is_not_followed(folder: Path, tmp_path: Path, key: str) -> None:
    vault = vault_in(folder, "?immutable=no")
    (tmp_path / "elsewhere").mkdir()
    folder.mkdir()
    (folder / key.split("/")[0]).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(VaultError, match="leads out of the vault by a link"):
        vault.put_once(key, DATA, lock())
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_link_in_the_place_of_an_object_is_not_read(folder: Path, tmp_path: Path, key: str) -> None:
    vault = vault_in(folder, "?immutable=no")
    (tmp_path / "secret").write_bytes(DATA)
    (folder / key).parent.mkdir(parents=True)
    (folder / key).symlink_to(tmp_path / "secret")
    assert vault.look(key, DIGEST.hex).digest is None


def test_a_place_that_is_a_file_is_no_vault(tmp_path: Path, key: str) -> None:
    (tmp_path / "file").touch()
    vault = vault_in(tmp_path / "file")
    assert next(finding.ok for finding in vault.examine()) is False
    with pytest.raises(VaultError, match="file"):
        vault.put_once(key, DATA, lock())


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_to_is_named(tmp_path: Path, key: str) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(VaultRefusedError, match="Permission denied"):
        vault_in(tmp_path / "vault").put_once(key, DATA, lock())
