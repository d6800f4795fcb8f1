"""Private keys under a passphrase, told by a variable, a file, or a person."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from cognify_core.errors import SigningKeyError
from cognify_core.seal.keys import KeyRing
from cognify_core.seal.passphrases import ENCRYPTED, Passphrase
from tests.cli.running import cognify, environment, json_of

SECRET = "correct horse"
CODE = "import sys; from cognify_core.cli import app; sys.argv[0] = 'cognify'; app()"


def secret_file(folder: Path, text: str = f"{SECRET}\n", mode: int = 0o600) -> Path:
    path = folder / "passphrase"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_new_keys_are_made_under_the_passphrase_that_is_told(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path / "keys", passphrase=Passphrase(SECRET))
    signer, log = ring.signer(), ring.log()
    for name in ("signing.pem", "log.pem"):
        assert (ring.path / name).read_bytes().startswith(ENCRYPTED)
    again = KeyRing(ring.path, passphrase=Passphrase(file=secret_file(tmp_path)))
    assert (again.signer().public_key, again.log().key) == (signer.public_key, log.key)


def test_openssl_opens_it_with_the_same_passphrase(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path, passphrase=Passphrase(SECRET))
    public = ring.signer().public_key.pem
    command = ["openssl", "pkey", "-in", str(tmp_path / "signing.pem"), "-passin", f"pass:{SECRET}", "-pubout"]
    assert subprocess.run(command, capture_output=True, check=True).stdout == public


def test_a_key_that_openssl_has_put_under_a_passphrase_is_taken(tmp_path: Path) -> None:
    plain = KeyRing(tmp_path / "plain")
    public = plain.signer().public_key
    (tmp_path / "keys").mkdir()
    target = tmp_path / "keys" / "signing.pem"
    command = ["openssl", "pkcs8", "-topk8", "-v2", "aes-256-cbc", "-in", str(plain.path / "signing.pem"), "-out"]
    subprocess.run([*command, str(target), "-passout", f"pass:{SECRET}"], capture_output=True, check=True)
    target.chmod(0o600)
    assert KeyRing(tmp_path / "keys", passphrase=Passphrase(SECRET)).signer().public_key == public


def test_without_the_passphrase_nothing_is_signed_and_no_other_key_is_made(tmp_path: Path) -> None:
    KeyRing(tmp_path, passphrase=Passphrase(SECRET)).signer()
    with pytest.raises(SigningKeyError, match="nobody told it: set COGNIFY_KEY_PASSPHRASE_FILE"):
        KeyRing(tmp_path).signer()
    with pytest.raises(SigningKeyError, match="does not open") as caught:
        KeyRing(tmp_path, passphrase=Passphrase("hunter2")).signer()
    assert "hunter2" not in str(caught.value)


def test_a_person_is_asked_only_where_nothing_else_tells(tmp_path: Path) -> None:
    asked: list[str] = []

    def ask(prompt: str) -> str:
        asked.append(prompt)
        return SECRET

    KeyRing(tmp_path / "plain", passphrase=Passphrase(ask=ask)).signer()
    KeyRing(tmp_path / "keys", passphrase=Passphrase(SECRET, ask=ask)).signer()
    assert asked == []
    KeyRing(tmp_path / "keys", passphrase=Passphrase(ask=ask)).signer()
    assert asked == [f"Passphrase of {tmp_path / 'keys' / 'signing.pem'}: "]


@pytest.mark.parametrize(
    ("text", "mode", "named"), [("", 0o600, "holds none"), ("\nx", 0o600, "holds none"), ("x", 0o644, "by others")]
)
def test_a_file_that_holds_no_passphrase_or_that_others_read_is_refused(
    tmp_path: Path, text: str, mode: int, named: str
) -> None:
    with pytest.raises(SigningKeyError, match=named):
        KeyRing(tmp_path / "keys", passphrase=Passphrase(file=secret_file(tmp_path, text, mode))).signer()
    with pytest.raises(SigningKeyError, match="cannot be read"):
        KeyRing(tmp_path / "keys", passphrase=Passphrase(file=tmp_path / "nothing")).signer()


def test_a_passphrase_is_not_shown_by_what_holds_it() -> None:
    assert SECRET not in repr(Passphrase(SECRET))


def test_rotation_makes_the_next_key_under_the_passphrase_too(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path, passphrase=Passphrase(SECRET))
    old = ring.signer().public_key
    assert ring.rotate(lambda *_: None) != old
    assert (tmp_path / "signing.pem").read_bytes().startswith(ENCRYPTED)


def test_the_command_line_puts_keys_under_a_passphrase_and_takes_it_away(tmp_path: Path) -> None:
    secret = secret_file(tmp_path)
    before = json_of(tmp_path, "keys", "show")["key_id"]
    assert json_of(tmp_path, "keys", "passphrase", "--file", secret)["encrypted"] is True
    private = tmp_path / "home/keys/signing.pem"
    assert private.read_bytes().startswith(ENCRYPTED)
    assert private.stat().st_mode & 0o777 == 0o600
    refused = cognify(tmp_path, "keys", "show")
    assert (refused.exit_code, "nobody told it" in refused.output) == (2, True)

    def as_told(*words: str, **told: str) -> subprocess.CompletedProcess[str]:
        where = environment(tmp_path / "home", **told)
        command = [sys.executable, "-c", CODE, *words]
        return subprocess.run(command, env=where, capture_output=True, text=True, check=False)

    for told in ({"COGNIFY_KEY_PASSPHRASE": SECRET}, {"COGNIFY_KEY_PASSPHRASE_FILE": str(secret)}):
        done = as_told("keys", "show", **told)
        assert (done.returncode, before in done.stdout) == (0, True)
        assert SECRET not in done.stdout + done.stderr
    wrong = as_told("keys", "show", COGNIFY_KEY_PASSPHRASE="hunter2")
    assert (wrong.returncode, "does not open" in wrong.stderr, "hunter2" in wrong.stderr) == (2, True, False)
    assert as_told("keys", "passphrase", "--remove", COGNIFY_KEY_PASSPHRASE=SECRET).returncode == 0
    assert json_of(tmp_path, "keys", "show")["key_id"] == before


def test_in_a_terminal_the_passphrase_is_asked_for_and_not_shown(tmp_path: Path) -> None:
    before = json_of(tmp_path, "keys", "show")["key_id"]
    json_of(tmp_path, "keys", "passphrase", "--file", secret_file(tmp_path))
    main, side = pty.openpty()
    command = [sys.executable, "-c", CODE, "keys", "show"]
    where = environment(tmp_path / "home", COLUMNS="200", TERM="xterm")
    with subprocess.Popen(command, env=where, stdin=side, stdout=side, stderr=side, start_new_session=True):
        os.close(side)
        shown = b""
        with suppress(OSError):  # Linux's way to say that the other side is closed
            while b"Passphrase of " not in shown:
                shown += os.read(main, 65536)
            os.write(main, f"{SECRET}\n".encode())
            while True:
                shown += os.read(main, 65536)
    os.close(main)
    assert before.encode() in shown
    assert SECRET.encode() not in shown


def test_securesystemslib_accepts_our_envelopes_by_the_id_that_it_gives_the_key(tmp_path: Path) -> None:
    pytest.importorskip("securesystemslib")
    import json

    from cryptography.hazmat.primitives.serialization import load_pem_public_key
    from securesystemslib.dsse import Envelope
    from securesystemslib.exceptions import VerificationError
    from securesystemslib.signer._key import SSlibKey

    from cognify_core.seal.bundle import Bundle

    signer, other = KeyRing(tmp_path / "one").signer(), KeyRing(tmp_path / "two").signer()
    bundle = json.loads(Bundle.signed(b'{"said":true}', signer).naming(signer.public_key).encode())

    def verify(pem: bytes) -> None:
        key = SSlibKey.from_crypto(load_pem_public_key(pem))
        copy = json.loads(json.dumps(bundle["dsseEnvelope"]))
        assert list(Envelope.from_dict(copy).verify([key], 1)) == [signer.public_key.dsse_key_id]

    verify(signer.public_key.pem)
    with pytest.raises(VerificationError, match="threshold"):
        verify(other.public_key.pem)
