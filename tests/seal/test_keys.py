from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from cognify_core.errors import SigningKeyError
from cognify_core.seal.keys import OWN_NAME, KeyRing
from cognify_core.seal.pins import Pin
from tests.factories import OTHER_SIGNER, SIGNER


def test_the_first_use_makes_a_key_and_pins_it(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path / "home" / "keys")
    signer = ring.signer()
    assert ring.pinned() == [Pin(OWN_NAME, signer.public_key)]
    assert KeyRing(ring.path).signer().public_key == signer.public_key
    assert (ring.path / "signing.pub").read_bytes() == signer.public_key.pem


def test_nobody_else_can_read_the_private_key(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path / "keys")
    ring.signer()
    assert stat.S_IMODE((ring.path / "signing.pem").stat().st_mode) == 0o600
    assert stat.S_IMODE(ring.path.stat().st_mode) == 0o700
    assert {path.name for path in ring.path.iterdir()} == {"signing.pem", "signing.pub", "trusted"}


def test_a_private_key_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path)
    ring.signer()
    (tmp_path / "signing.pem").chmod(0o644)
    with pytest.raises(SigningKeyError, match=r"can be read by others \(mode 0644\).*chmod 600"):
        ring.signer()


def test_a_key_of_another_kind_in_its_place_is_refused(tmp_path: Path) -> None:
    pem = ec.generate_private_key(ec.SECP384R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "signing.pem").write_bytes(pem)
    (tmp_path / "signing.pem").chmod(0o600)
    with pytest.raises(SigningKeyError, match="secp384r1"):
        KeyRing(tmp_path).signer()


def test_a_key_made_with_openssl_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "signing.pem"
    command = ["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    path.chmod(0o600)
    signer = KeyRing(tmp_path).signer()
    signer.public_key.verify(signer.sign(b"message"), b"message")


def test_many_processes_at_once_make_one_key(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from cognify_core.seal.keys import KeyRing;"
        "sys.stdin.read(1); print(KeyRing(Path(sys.argv[1])).signer().public_key.key_id)"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "keys")]
    started = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(6)]
    ids = {process.communicate("x")[0].strip() for process in started}
    assert ids == {KeyRing(tmp_path / "keys").signer().public_key.key_id}
    assert not list((tmp_path / "keys").glob(".signing*"))


def test_a_process_that_died_between_key_and_pin_is_mended_by_the_next(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path)
    key = ring.signer().public_key
    (tmp_path / "signing.pub").unlink()
    ring.distrust(OWN_NAME)
    assert ring.signer().public_key == key
    assert ring.trusted() == [key]


def test_a_key_that_is_distrusted_stays_so(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path)
    key = ring.signer().public_key
    assert ring.distrust(key.key_id[:12]) == [key]
    ring.signer()
    assert ring.trusted() == []


def test_keys_are_trusted_by_name_once_each_and_distrusted_by_name_or_id(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path)
    key = ring.trust(SIGNER.public_key.pem.replace(b"\n", b"\r\n"), "alice@example.org")
    assert key == SIGNER.public_key
    assert ring.trust(key.pem, "alice-again") == key
    ring.trust(OTHER_SIGNER.public_key.pem, "bob")
    assert [pin.name for pin in ring.pinned()] == ["alice@example.org", "bob"]
    assert ring.distrust("bob") == [OTHER_SIGNER.public_key]
    assert ring.trusted() == [key]
    with pytest.raises(SigningKeyError, match=r"no trusted key answers to 'bob'; trusted are: alice@example\.org"):
        ring.distrust("bob")
    with pytest.raises(SigningKeyError, match="no trusted key answers"):
        ring.distrust(key.key_id[:7])


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "a/b", ".hidden", "x" * 65, "two words", "a\n"])
def test_a_name_that_cannot_be_a_file_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SigningKeyError, match="cannot name a key"):
        KeyRing(tmp_path).trust(SIGNER.public_key.pem, name)


def test_a_pinned_file_that_holds_another_key_is_named(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path)
    ring.trust(SIGNER.public_key.pem, "alice")
    pin = tmp_path / "trusted" / f"alice.{SIGNER.public_key.key_id}.pem"
    pin.write_bytes(OTHER_SIGNER.public_key.pem)
    with pytest.raises(SigningKeyError, match=r"alice\..* does not hold the key that its name says"):
        ring.trusted()


def test_a_ring_without_a_folder_trusts_nobody(tmp_path: Path) -> None:
    assert KeyRing(tmp_path / "none").trusted() == []


def test_a_place_that_cannot_hold_keys_is_named_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SigningKeyError, match=r"cannot use the signing key in .*point COGNIFY_HOME at another"):
        KeyRing(tmp_path / "file" / "keys").signer()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_home_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(SigningKeyError, match="make the folder writable"):
        KeyRing(tmp_path / "keys").signer()


def test_a_signing_key_that_does_not_fit_its_public_half_is_not_used(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path / "ours")
    key = ring.signer().public_key
    theirs = KeyRing(tmp_path / "theirs")
    theirs.signer()
    (ring.path / "signing.pem").write_bytes((theirs.path / "signing.pem").read_bytes())
    with pytest.raises(SigningKeyError, match=r"not the public half of .* or move both away"):
        ring.signer()
    (ring.path / "signing.pem").unlink()
    with pytest.raises(SigningKeyError, match=r"is gone, and .* is still there"):
        ring.signer()
    (ring.path / "signing.pub").unlink()
    fresh = ring.signer().public_key
    assert fresh != key
    assert {pin.key_id for pin in ring.trusted()} == {key.key_id, fresh.key_id}
