"""Secrets stay out of the record, and what only sounds like one stays in."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cognify_core.capture.config import encode_config, to_facts
from cognify_core.capture.redaction import is_secret_key, is_secret_text, redact_arguments, strip_credentials

GONE = {"$redacted": True}
SECRET_KEYS = [
    "password",
    "db_password",
    "passwd",
    "client_secret",
    "api_key",
    "OPENAI_API_KEY",
    "aws_access_key",
    "private_key",
    "credentials",
    "Authorization",
    "hub_token",
    "auth_token",
    "access_token",
    "x-api-key",
]
TOKENS = [
    "hf_" + "aB3" * 10,
    "sk-" + "proj-abc123" * 3,
    "AKIA" + "ABCDEFGH12345678",
    "ghp_" + "a1B2" * 9,
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl",
    "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----",
    "https://user:pw@example.org/x",
    "postgresql+psycopg://u:p@db/x",
]

# The rule of docs/formats.md as one pattern each: what is quicker has to say the same of any text.
KEY_RULE = re.compile(
    r"(password|passwd|secret|api_key|access_key|private_key|credentials|authorization|hub_token|auth_token|access_token)\Z",
    re.IGNORECASE,
)
TEXT_RULE = re.compile(
    r"(?<![A-Za-z0-9_-])(?:hf_[A-Za-z0-9]{20,}|sk-[A-Za-z0-9_-]{20,}|AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{20,}"
    r"|eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*)|-----BEGIN [A-Z0-9 ]{1,40}-----"
    r"|(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]*://[^/\s?#@:]*:[^/\s?#@]+@"
)
LETTERS = st.text(st.sampled_from("aeKksS\u212a\u017f\u0130\u0131_- 0Z./:@\n\ud800é"), max_size=12)
ENDS = ["api_key", "Passwd", "SECRET", "access-token", "credential", "hub_toKen", "token", "authorization"]
PARTS = ["hf_", "sk-", "AKIA", "ghp_", "gho", "eyJ", ".eyJ", "-----BEGIN ", "-----", "a" * 20, "A1" * 8, "://", "u:p@"]


class Word(str):
    """Text that answers for itself, which nobody should ask."""

    __slots__ = ()

    def __contains__(self, part: object) -> bool:
        raise AssertionError("no method of a value's own is called")

    replace = lower = endswith = isascii = __len__ = __contains__  # type: ignore[assignment] # as above


@given(st.builds("{}{}{}".format, LETTERS, st.sampled_from(["", *ENDS]), LETTERS | st.just("")))
@example("api_\u212aey")
@example("pa\u017f\u017fwd")
@example("private_key\n")
def test_a_key_is_secret_exactly_where_the_rule_says_so(key: str) -> None:
    ruled = KEY_RULE.search(key.replace("-", "_")) is not None
    assert is_secret_key(key) is ruled
    assert is_secret_key(Word(key)) is ruled


@given(st.lists(st.sampled_from(PARTS) | LETTERS, max_size=6).map("".join))
@example("-----BEGIN A-----")
@example("a://:b@")
def test_a_text_is_secret_exactly_where_the_rule_says_so(text: str) -> None:
    ruled = TEXT_RULE.search(text) is not None
    assert is_secret_text(text) is ruled
    assert is_secret_text(Word(text)) is ruled


@pytest.mark.parametrize("token", TOKENS)
def test_each_of_these_tokens_is_one_by_the_rule(token: str) -> None:
    assert TEXT_RULE.search(token)


@pytest.mark.parametrize("key", SECRET_KEYS)
def test_strings_under_a_secret_key_are_redacted_without_a_hash(key: str) -> None:
    config = encode_config({key: "hunter2"})
    assert config.config == {key: GONE}
    assert config.redacted == (f"/{key}",)


@pytest.mark.parametrize("value", [None, 7, True, 1.5])
def test_only_strings_are_redacted(value: object) -> None:
    assert to_facts({"password": value}) == {"password": value}


@pytest.mark.parametrize(
    "key", ["use_cls_token", "pad_token", "num_memory_tokens", "eos_token", "secretary", "password_length", "token"]
)
def test_keys_that_only_sound_secret_stay(key: str) -> None:
    assert to_facts({key: "[PAD]"}) == {key: "[PAD]"}


@pytest.mark.parametrize("token", TOKENS)
def test_strings_in_the_shape_of_a_secret_are_redacted_wherever_they_stand(token: str) -> None:
    assert to_facts({"x": [token, f"--opt={token}"], "y": {1: token}}) == {
        "x": [GONE, GONE],
        "y": {"$items": [[1, GONE]]},
    }


@pytest.mark.parametrize("token", TOKENS)
def test_a_key_in_the_shape_of_a_secret_is_redacted_too(token: str) -> None:
    config = encode_config({token: object()})
    assert token.encode() not in config.manifest
    assert token not in "".join(config.opaque + config.redacted)


@pytest.mark.parametrize(
    "text",
    [
        "hf_hub_download_something_long",
        "task-classification-of-long-documents",
        "sk-learn",
        "AKIA",
        "ghp_x",
        "eyJ",
        "https://example.org:8080/a@b",
        "mailto:someone@example.org",
        "12:30 @ noon",
        "model@main:latest",
    ],
)
def test_harmless_text_stays(text: str) -> None:
    assert to_facts(text) == text


def test_everything_below_a_secret_key_is_secret() -> None:
    config = {"credentials": {"user": "u", "parts": ["a", Path("/b"), b"c"], "port": 1}}
    assert to_facts(config) == {"credentials": {"user": GONE, "parts": [GONE, GONE, GONE], "port": 1}}


def test_a_secret_under_a_map_with_other_keys_is_redacted() -> None:
    assert to_facts({"password": "x", 1: 2}) == {"$items": [["password", GONE], [1, 2]]}


@pytest.mark.parametrize("text", ["a" * 10**6, "a-" * 10**5, "-----BEGIN " * 10**4, "a://" * 10**5, "eyJa.eyJ" * 10**4])
@pytest.mark.timeout(60)  # were the time quadratic, it would take hours
def test_long_text_is_searched_in_time_that_grows_with_its_length(text: str) -> None:
    assert not is_secret_text(text)


def test_a_command_line_keeps_its_shape() -> None:
    command = ["train.py", "--lr=1e-4", "--hub_token", "abc", "--api-key=xyz", "--flag", TOKENS[0], f"--x={TOKENS[2]}"]
    assert redact_arguments(command) == [
        "train.py",
        "--lr=1e-4",
        "--hub_token",
        "[redacted]",
        "--api-key=[redacted]",
        "--flag",
        "[redacted]",
        "--x=[redacted]",
    ]


def test_a_secret_option_without_a_value_hides_no_other_option() -> None:
    assert redact_arguments(["--password", "--epochs", "3"]) == ["--password", "--epochs", "3"]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:pw@host/x.git", "https://host/x.git"),
        ("https://oauthtoken@host/x.git", "https://host/x.git"),
        ("https://host/x.git?private_token=1#a", "https://host/x.git"),
        ("ssh://git@host:22/x.git", "ssh://git@host:22/x.git"),
        ("ssh://git:pw@host/x.git", "ssh://git@host/x.git"),
        ("git@host:x.git", "git@host:x.git"),
        ("https://host/x.git", "https://host/x.git"),
        ("/srv/git/x.git", "/srv/git/x.git"),
    ],
)
def test_remotes_lose_their_credentials(url: str, shown: str) -> None:
    assert strip_credentials(url) == shown
