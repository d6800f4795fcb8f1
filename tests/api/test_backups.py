"""A backup of a home, made while a run is being recorded into it, and the home that is restored from it."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cognify_core import api
from cognify_core.api.backups import LISTING, make_backup
from cognify_core.api.restoring import restore_backup
from cognify_core.canonical import encode
from cognify_core.errors import ConfigurationError, FormatError
from cognify_core.model.record import Status
from cognify_core.settings import load
from cognify_core.store.sql import open_store
from tests.cli.running import as_process, environment, json_of
from tests.ledger.homes import Lived, codes, live
from tests.tamper.attacking import leave, use

RECORDING = """
import sys
from cognify_core import api
api.init(quiet=True)
with api.run("goes on", seal="manual") as run:
    print(run.id, flush=True)
    step = 0
    while True:
        run.log({"loss": 0.5}, step=(step := step + 1))
        if step % 50 == 0:
            api.this_session().current.run.flush()
            print(step, flush=True)
"""


@pytest.fixture(scope="module")
def lived_in(tmp_path_factory: pytest.TempPathFactory) -> Lived:
    return live(tmp_path_factory.mktemp("lived"))


@pytest.fixture
def lived(lived_in: Lived, tmp_path: Path) -> Iterator[Lived]:
    """A home with runs in every state, and an evidence folder of another workspace."""
    copied = lived_in.copied_to(tmp_path / "home")
    other = copied.home.path / "workspaces" / "team" / "keys"
    other.mkdir(parents=True)
    for file in copied.home.keys.glob("*.pem"):
        (other / file.name).write_bytes(file.read_bytes())
        (other / file.name).chmod(0o600)
    yield copied
    leave()


def files(home: Path) -> dict[str, bytes]:
    return {path.relative_to(home).as_posix(): path.read_bytes() for path in home.rglob("*") if path.is_file()}


def events(home: Path, run_id: str) -> list[bytes]:
    store = open_store(home / "cognify.db")
    found = list(store.events(run_id))
    store.close()
    return found


def backed_up(home: Path, to: Path, **how: Any) -> Path:
    make_backup(load(home=home), to, **{"keys": "clear", **how})
    return to


def rewritten(backup: Path, change: Callable[[list[tuple[tarfile.TarInfo, bytes]]], object]) -> Path:
    """A backup whose files somebody has changed."""
    with tarfile.open(backup) as tar:
        members = [(member, tar.extractfile(member).read()) for member in tar]  # type: ignore[union-attr]  # they are files
    change(members)
    changed = backup.with_name("changed")
    with tarfile.open(changed, "w") as tar:
        for member, data in members:
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return changed


def test_a_restored_home_holds_verifies_and_exports_the_same_bytes(lived: Lived, tmp_path: Path) -> None:
    backup = backed_up(lived.home.path, tmp_path / "backup")
    head = lived.head_file()
    restored = restore_backup(backup, tmp_path / "elsewhere")
    assert restored.files == len(files(tmp_path / "elsewhere"))
    before, after = files(lived.home.path), files(tmp_path / "elsewhere")
    kept = {name for name in before if not name.startswith("cognify.db") and not name.endswith(".lock")}
    assert {name: before[name] for name in kept} == {name: after[name] for name in after.keys() - {"cognify.db"}}
    use(tmp_path / "elsewhere")
    assert (lived.fsck(head).findings, lived.fsck(head).exit_code) == ((), 0)
    assert api.verify(lived.sealed).exit_code == 0
    assert api.export_audit(lived.sealed).path.read_bytes() == lived.home.late.read_bytes()


def test_a_backup_and_what_is_restored_of_it_are_for_their_owner_alone(lived: Lived, tmp_path: Path) -> None:
    backup = backed_up(lived.home.path, tmp_path / "backup")
    restore_backup(backup, tmp_path / "elsewhere")
    assert backup.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "elsewhere").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "elsewhere" / "keys" / "signing.pem").stat().st_mode & 0o777 == 0o600


@contextmanager
def recording(home: Path) -> Iterator[tuple[str, Callable[[], str]]]:
    """A program that records points until the end of the block; its run, and how to wait for more of them."""
    command = [sys.executable, "-c", RECORDING]
    with subprocess.Popen(command, env=environment(home), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip(), process.stdout.readline
        finally:
            process.kill()


@pytest.mark.slow
def test_a_backup_while_a_run_is_recorded_holds_the_beginning_of_it(tmp_path: Path) -> None:
    with recording(tmp_path / "home") as (run_id, more):
        for _ in range(3):
            more()
        backup = backed_up(tmp_path / "home", tmp_path / "backup")
        for _ in range(3):
            more()
    restore_backup(backup, tmp_path / "elsewhere")
    written, kept = events(tmp_path / "home", run_id), events(tmp_path / "elsewhere", run_id)
    assert 3 < len(kept) < len(written)
    assert kept == written[: len(kept)]
    use(tmp_path / "elsewhere")
    assert api.this_session().workspace.store.run(run_id).status is Status.INTERRUPTED
    api.seal(run_id)
    assert api.verify(run_id).exit_code == 0
    assert api.ledger().check().exit_code == 0
    leave()


def test_a_restored_home_that_is_older_than_a_head_is_called_rolled_back(lived: Lived, tmp_path: Path) -> None:
    backup = backed_up(lived.home.path, tmp_path / "backup")
    with api.run("later"):
        pass
    head = lived.head_file()
    restore_backup(backup, tmp_path / "elsewhere")
    use(tmp_path / "elsewhere")
    assert lived.fsck().exit_code == 0
    assert codes(lived.fsck(head)) == {"ledger_rolled_back"}


def test_private_keys_in_clear_are_not_taken_unless_somebody_says_so(lived: Lived, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"private key in clear: `cognify keys passphrase`.*--without-keys"):
        make_backup(load(home=lived.home.path), tmp_path / "backup")
    assert not (tmp_path / "backup").exists()


def test_private_keys_under_a_passphrase_are_taken_as_they_are(lived: Lived, tmp_path: Path) -> None:
    from cognify_core.seal.keys import KeyRing

    for keys in (lived.home.keys, lived.home.path / "workspaces/team/keys"):
        KeyRing(keys).protect(b"a passphrase")
    backup = backed_up(lived.home.path, tmp_path / "backup", keys="encrypted")
    restore_backup(backup, tmp_path / "elsewhere")
    assert b"ENCRYPTED" in (tmp_path / "elsewhere" / "keys" / "signing.pem").read_bytes()


def test_private_keys_can_be_left_out_and_public_ones_stay(lived: Lived, tmp_path: Path) -> None:
    made = make_backup(load(home=lived.home.path), tmp_path / "backup", keys="none")
    restore_backup(made.path, tmp_path / "elsewhere")
    assert set(made.left_out) == {
        *("keys/log.pem", "keys/signing.pem"),
        *("workspaces/team/keys/log.pem", "workspaces/team/keys/signing.pem"),
    }
    assert (tmp_path / "elsewhere/keys/signing.pub").exists()
    assert b"PRIVATE KEY" not in b"".join(files(tmp_path / "elsewhere").values())


def test_links_are_named_and_not_followed(lived: Lived, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("of another")
    (lived.home.path / "packages" / "link").symlink_to(tmp_path / "secret")
    (lived.home.path / "linked").symlink_to(tmp_path)
    made = make_backup(load(home=lived.home.path), tmp_path / "backup", keys="clear")
    assert set(made.left_out) == {"packages/link", "linked"}
    assert b"of another" not in made.path.read_bytes()


def test_a_file_that_is_there_is_not_written_over(lived: Lived, tmp_path: Path) -> None:
    (tmp_path / "backup").write_text("of last week")
    with pytest.raises(ConfigurationError, match="is there already"):
        backed_up(lived.home.path, tmp_path / "backup")
    assert (tmp_path / "backup").read_text() == "of last week"


def test_a_backup_does_not_lie_in_the_home(lived: Lived) -> None:
    with pytest.raises(ConfigurationError, match="to another disk"):
        backed_up(lived.home.path, lived.home.path / "backup")


def test_a_home_that_is_there_is_not_written_over(lived: Lived, tmp_path: Path) -> None:
    backup = backed_up(lived.home.path, tmp_path / "backup")
    before = files(lived.home.path)
    with pytest.raises(ConfigurationError, match="is not empty"):
        restore_backup(backup, lived.home.path)
    assert files(lived.home.path) == before


def edit_a_file(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    members[0] = (members[0][0], members[0][1].replace(b"sealed", b"SEALED", 1))


def rename_to(name: str) -> Callable[[list[tuple[tarfile.TarInfo, bytes]]], None]:
    def change(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
        members[1][0].name = name

    return change


def make_a(kind: bytes) -> Callable[[list[tuple[tarfile.TarInfo, bytes]]], None]:
    def change(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
        info = tarfile.TarInfo("link")
        info.type, info.linkname = kind, "/etc/passwd"
        members.insert(0, (info, b""))

    return change


def list_nothing(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    members[-1] = (members[-1][0], encode({"format": "cognify.backup/v1", "made_at": "2026", "files": {}}))


def list_otherwise(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    members[-1] = (members[-1][0], encode({"format": "cognify.backup/v9"}))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (edit_a_file, r"other bytes than it lists: cognify\.db"),
        (lambda members: members.pop(1), "other bytes than it lists"),
        (lambda members: members.pop(), r"ends before its backup\.json"),
        (lambda members: members.append(members[0]), r"goes on after its backup\.json"),
        (lambda members: members.insert(0, members[1]), "is there twice"),
        (rename_to("../outside"), "names no place in a home"),
        (rename_to("/tmp/outside"), "names no place in a home"),
        (rename_to("keys//../../outside"), "names no place in a home"),
        (make_a(tarfile.SYMTYPE), "'link', which is no file"),
        (make_a(tarfile.LNKTYPE), "'link', which is no file"),
        (make_a(tarfile.FIFOTYPE), "'link', which is no file"),
        (list_nothing, "other bytes than it lists"),
        (list_otherwise, "restore it with the Cognify that made it"),
    ],
)
def test_a_backup_that_was_changed_leaves_nothing(
    lived: Lived, tmp_path: Path, change: Callable[..., object], named: str
) -> None:
    changed = rewritten(backed_up(lived.home.path, tmp_path / "backup"), change)
    with pytest.raises(FormatError, match=named):
        restore_backup(changed, tmp_path / "elsewhere")
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert not (tmp_path / "outside").exists()


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_backup_that_was_cut_off_leaves_nothing(lived: Lived, tmp_path: Path, share: float) -> None:
    data = backed_up(lived.home.path, tmp_path / "backup").read_bytes()
    end = data.rindex(LISTING.encode())
    (tmp_path / "cut").write_bytes(data[: int(end * share)])
    with pytest.raises(FormatError, match=r"no backup, or was cut off|ends before"):
        restore_backup(tmp_path / "cut", tmp_path / "elsewhere")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_the_command_line_backs_up_and_restores(lived: Lived, tmp_path: Path) -> None:
    made = json_of(tmp_path, "backup", tmp_path / "backup", "--clear-keys")
    assert (made["path"], made["left_out"], made["store_elsewhere"]) == (str(tmp_path / "backup"), [], None)
    assert (made["bytes"], made["files"] > 5) == ((tmp_path / "backup").stat().st_size, True)
    (tmp_path / "new").mkdir()
    restored = json_of(tmp_path / "new", "restore", tmp_path / "backup")
    assert (restored["home"], restored["files"]) == (str(tmp_path / "new" / "home"), made["files"])
    leave()
    assert as_process(tmp_path / "new", "verify", lived.sealed).returncode == 0
    assert as_process(tmp_path, "backup", "b", "--without-keys", "--clear-keys").returncode == 2
