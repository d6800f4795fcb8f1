"""Authorities that answer, late, wrongly, or not at all."""

from __future__ import annotations

import socket
import time
from hashlib import sha256
from pathlib import Path

import pytest

from cognify_core.errors import CognifyError, ConfigurationError, FormatError, TimestampError, VerificationError
from cognify_core.http import ATTEMPTS
from cognify_core.seal.authorities import Authority
from cognify_core.seal.timestamping import Clock, ask, check_url
from tests.servers.tsa import Tsa, authority, issuer, served, silent

DATA = b"what was signed"
SECONDS = 20.0


def root_of(tsa: Tsa) -> tuple[Authority]:
    return (Authority.parse(tsa.root.pem),)


def refusing_port() -> int:
    """A port at which nobody listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def test_an_authority_that_answers_is_asked_once(tsa: Tsa) -> None:
    stamp = ask(tsa.url, DATA, root_of(tsa), SECONDS)
    stamp.check(DATA, root_of(tsa))
    assert len(tsa.asked) == 1
    assert tsa.verify(stamp.data, DATA).returncode == 0


def test_an_authority_that_is_busy_is_asked_again(tsa: Tsa) -> None:
    tsa.behave = lambda tsa, query: (503, b"busy") if len(tsa.asked) < 3 else (200, tsa.answer(query))
    ask(tsa.url, DATA, root_of(tsa), SECONDS).check(DATA, root_of(tsa))
    assert len(tsa.asked) == 3
    assert len(set(tsa.asked)) == 1


def test_an_authority_that_stays_busy_is_asked_a_few_times(tsa: Tsa) -> None:
    tsa.behave = lambda *_: (500, b"")
    with pytest.raises(TimestampError, match=r"did not answer: .*500"):
        ask(tsa.url, DATA, (), SECONDS)
    assert len(tsa.asked) == ATTEMPTS


def test_an_authority_that_says_no_is_not_asked_again(tsa: Tsa) -> None:
    tsa.behave = lambda *_: (403, b"who are you?")
    with pytest.raises(TimestampError, match="403"):
        ask(tsa.url, DATA, (), SECONDS)
    assert len(tsa.asked) == 1


def test_an_old_answer_played_again_is_refused_for_its_nonce(tsa: Tsa) -> None:
    old = ask(tsa.url, DATA, root_of(tsa), SECONDS)
    tsa.behave = lambda *_: (200, old.data)
    for trusted in ((), root_of(tsa)):
        with pytest.raises(TimestampError, match="nonce mismatch"):
            ask(tsa.url, DATA, trusted, SECONDS)


def test_an_answer_without_a_nonce_is_refused(tsa: Tsa) -> None:
    tsa.behave = lambda tsa, _: (200, tsa.stamp(DATA))
    with pytest.raises(TimestampError, match="nonce mismatch"):
        ask(tsa.url, DATA, (), SECONDS)


def test_a_timestamp_over_other_bytes_is_refused(tsa: Tsa) -> None:
    tsa.behave = lambda tsa, query: (200, tsa.answer(query.replace(sha256(DATA).digest(), bytes(32))))
    for trusted in ((), root_of(tsa)):
        with pytest.raises(VerificationError, match="imprint mismatch"):
            ask(tsa.url, DATA, trusted, SECONDS)


def test_an_authority_with_another_root_than_those_that_are_pinned_gives_nothing(tsa: Tsa) -> None:
    with pytest.raises(CognifyError, match="leads to no root"):
        ask(tsa.url, DATA, (Authority.parse(issuer("somebody else").pem),), SECONDS)


@pytest.mark.parametrize("answer", [b"", b"<html>hello</html>", bytes(1 << 17), b"\x30\x03\x02\x01\x02"])
def test_an_answer_that_is_none_is_refused(tsa: Tsa, answer: bytes) -> None:
    tsa.behave = lambda *_: (200, answer)
    with pytest.raises(FormatError, match=r"no(t a)? timestamp"):
        ask(tsa.url, DATA, (), SECONDS)


def test_authorities_that_give_nothing_cost_only_what_is_allowed(tmp_path: Path, tsa: Tsa) -> None:
    """One answers, one hangs, nobody is at a third: all are asked at once, and the seal waits for none of them long."""
    quiet = authority(tmp_path, "quiet")
    quiet.behave = silent
    with served(quiet):
        urls = (quiet.url, f"http://127.0.0.1:{refusing_port()}/tsr", tsa.url)
        began = time.monotonic()
        stamped = Clock(urls, root_of(tsa), seconds=2.0).stamp(DATA)
        assert time.monotonic() - began < 25  # `quiet` would take 30 seconds
    assert [stamp.authority for stamp in stamped.timestamps] == [tsa.signer.certificate.subject.rfc4514_string()]
    assert [failure.split(": ", 1)[0] for failure in stamped.failures] == list(urls[:2])
    assert "answer" in stamped.failures[0]
    assert "refused" in stamped.failures[1]


def test_several_authorities_give_a_timestamp_each(tmp_path: Path, tsa: Tsa) -> None:
    other = authority(tmp_path, "the other one")
    with served(other):
        stamped = Clock((tsa.url, other.url), (*root_of(tsa), *root_of(other)), SECONDS).stamp(DATA)
    assert [stamp.authority for stamp in stamped.timestamps] == ["CN=a test's authority", "CN=the other one"]
    assert stamped.failures == ()


def test_nobody_is_asked_where_nobody_is_named() -> None:
    assert Clock().stamp(DATA).timestamps == ()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "tsa.example",
        "ftp://tsa.example/",
        "file:///etc/passwd",
        "http://",
        "http://a b/",
        "http://tsa:port/",
        "http://ü/",
    ],
)
def test_what_is_no_url_of_an_authority_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="is no http"):
        check_url(url)


def test_a_url_with_a_password_is_refused_and_not_repeated() -> None:
    with pytest.raises(ConfigurationError, match="no user and password") as caught:
        check_url("https://me:hunter2@tsa.example/")
    assert "hunter2" not in str(caught.value)
