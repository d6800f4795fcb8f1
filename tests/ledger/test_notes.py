"""Heads and the keys that sign them: every field of a note changed, and refused for its own reason."""

from __future__ import annotations

from base64 import b64decode, b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from cognify_core.errors import FormatError, SigningKeyError, VerificationError
from cognify_core.seal.notes import MAX_NOTE, Head, LogKey, LogSigner, SignedHead, new_log_pem


def signer(secret: int = 1, origin: str | None = None) -> LogSigner:
    key = Ed25519PrivateKey.from_private_bytes(bytes([secret]) * 32)
    return LogSigner(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), origin)


LOG = signer()
NOTE = LOG.sign(7, bytes(range(32)))

GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
"""The key and the note of the example in golang.org/x/mod/sumdb/note, which C2SP signed-note writes down."""
GO_TEXT = b"If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
GO_SIGNATURE = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="


def test_a_key_of_the_signed_note_package_is_read_and_its_signature_holds() -> None:
    key = LogKey.parse(GO_KEY)
    assert (key.origin, str(key)) == ("PeterNeumann", GO_KEY)
    data = b64decode(GO_SIGNATURE)
    assert data[:4] == key.log_id[:4]
    key.verify(GO_TEXT, data[4:])
    with pytest.raises(VerificationError, match="did not sign"):
        key.verify(GO_TEXT + b"!", data[4:])


def test_a_head_is_three_lines_and_a_signature() -> None:
    text, _, line = NOTE.note.decode().partition("\n\n")
    root = b64encode(bytes(range(32))).decode()
    assert text.split("\n") == [LOG.key.origin, "7", root]
    assert line.startswith(f"— {LOG.key.origin} ")


def test_one_size_and_root_always_give_the_same_note() -> None:
    assert LOG.sign(7, bytes(range(32))) == NOTE
    assert signer().key == LOG.key


@given(st.integers(0, 2**50), st.binary(min_size=32, max_size=32))
def test_signing_parsing_and_verifying_are_inverses(size: int, root: bytes) -> None:
    signed = LOG.sign(size, root)
    assert SignedHead.parse(signed.note) == signed
    assert signed.verify(LOG.key) == Head(LOG.key.origin, size, root)


def changed(old: str, new: str) -> bytes:
    note = NOTE.note.decode()
    assert old in note
    return note.replace(old, new).encode()


ROOT = b64encode(bytes(range(32))).decode()
SIGNATURE = NOTE.note.decode().rsplit(" ", 1)[1].strip()


@pytest.mark.parametrize(
    ("note", "because"),
    [
        (b"", "no signed note"),
        (b"\xff\n\n", "not UTF-8"),
        (NOTE.note[:-1], "no signed note"),
        (NOTE.note.replace(b"\n\n", b"\n"), "no signed note"),
        (NOTE.note + b"x", "no signed note"),
        (b"x" * (MAX_NOTE + 1), "more than"),
        (changed("\n7\n", "\n07\n"), "size is not"),
        (changed("\n7\n", "\n-7\n"), "size is not"),
        (changed("\n7\n", "\n\u0667\n"), "size is not"),
        (changed("\n7\n", f"\n{'9' * 19}\n"), "size is not"),
        (changed("\n7\n", "\n\n"), "size is not"),
        (changed("\n7\n", "\n7\nmore\n"), r"(size is not|not three lines|not base64)"),
        (changed(ROOT, ROOT[:-2]), "not base64"),
        (changed(ROOT, b64encode(b"short").decode()), "root is not 32 bytes"),
        (changed(ROOT, f" {ROOT}"), "not base64"),
        (changed(f"{LOG.key.origin}\n7", "\n7"), r"(origin is|not three lines)"),
        (changed(f"{LOG.key.origin}\n7", "a log\n7"), "origin is no log's name"),
        (changed("— ", "- "), "is no signature"),
        (changed("— ", "—  "), "is no signature"),
        (changed(SIGNATURE, "AAAA"), "is no signature"),
        (changed(SIGNATURE, f"{SIGNATURE[:-1]}!"), "not base64"),
        (changed("\n7\n", "\n7\r\n"), "control characters"),
        (changed("\n7\n", "\n7\x1b[31m\n"), "control characters"),
    ],
)
def test_what_is_not_exactly_a_head_is_refused(note: bytes, because: str) -> None:
    with pytest.raises(FormatError, match=because):
        SignedHead.parse(note)


@pytest.mark.parametrize(
    ("note", "because"),
    [
        (changed("\n7\n", "\n8\n"), "did not sign"),
        (changed(ROOT, b64encode(bytes(32)).decode()), "did not sign"),
        (changed(f"{LOG.key.origin}\n7", "another\n7"), "one of the log another"),
        (changed(f"— {LOG.key.origin}", "— another"), "carries 0 signatures"),
        (changed(SIGNATURE, b64encode(b"\0" * 68).decode()), "carries 0 signatures"),
        (changed(SIGNATURE, b64encode(LOG.key.log_id[:4] + b"\0" * 64).decode()), "did not sign"),
        (changed(SIGNATURE, b64encode(LOG.key.log_id[:4] + b"\0").decode()), "did not sign"),
        (NOTE.note + NOTE.note.split(b"\n\n")[1], "carries 2 signatures"),
    ],
)
def test_a_head_that_the_log_did_not_sign_so_is_refused(note: bytes, because: str) -> None:
    with pytest.raises(VerificationError, match=because):
        SignedHead.parse(note).verify(LOG.key)


def test_the_signatures_of_witnesses_are_passed_over() -> None:
    witness = b64encode(b"\1\2\3\4" + b"\5" * 72).decode()
    signed = SignedHead.parse(NOTE.note + f"— witness.example {witness}\n".encode())
    assert signed.verify(LOG.key).size == 7


@given(st.binary(max_size=300))
def test_any_bytes_are_a_head_or_refused(data: bytes) -> None:
    for note in (data, NOTE.note[: len(data)] + data, data + NOTE.note):
        try:
            SignedHead.parse(note)
        except FormatError:
            continue


@given(st.integers(0, len(NOTE.note) - 1), st.integers(1, 255))
def test_no_byte_of_a_head_can_be_changed(place: int, change: int) -> None:
    note = bytearray(NOTE.note)
    note[place] ^= change
    with pytest.raises((FormatError, VerificationError)):
        SignedHead.parse(bytes(note)).verify(LOG.key)


@pytest.mark.parametrize(
    ("text", "because"),
    [
        ("", "one line"),
        ("a+b", "one line"),
        (GO_KEY.replace("c74f20a3", "c74f20a4"), "hash is not"),
        (GO_KEY.replace("Peter", "Paul"), "hash is not"),
        (GO_KEY.replace("+ARpc", "+AhpcA"), "not a log's key"),
        (f"{GO_KEY}=", "not base64"),
        (f" {GO_KEY}", "cannot name a log"),
        ("x+00000000+AQ==", r"(32 bytes|hash)"),
        ("x+00000000+Ag==", "only Ed25519"),
    ],
)
def test_what_is_not_exactly_a_logs_key_is_refused(text: str, because: str) -> None:
    with pytest.raises(SigningKeyError, match=because):
        LogKey.parse(text)


@pytest.mark.parametrize("origin", ["", "a b", "a+b", "a\nb", "\u202elog", "a\x1b"])
def test_a_logs_name_has_no_spaces_and_nothing_hostile(origin: str) -> None:
    with pytest.raises(SigningKeyError, match=r"(cannot name a log|printable ASCII)"):
        LogKey(origin, b"\0" * 32)


@pytest.mark.parametrize("pem", [b"", b"-----BEGIN PRIVATE KEY-----\n", b"\xff"])
def test_a_private_key_that_is_none_is_refused(pem: bytes) -> None:
    with pytest.raises(SigningKeyError, match="not a PEM private key"):
        LogSigner(pem)


def test_each_new_key_names_a_log_of_its_own() -> None:
    assert LogSigner(new_log_pem()).key.origin != LogSigner(new_log_pem()).key.origin
