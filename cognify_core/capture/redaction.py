"""Secrets, kept out of records (`docs/formats.md`, Config, rule 3: redaction `v1`).

A string is a secret by the key that it stands under or by its own shape. What merely sounds like one stays:
`use_cls_token`, `pad_token`, `num_memory_tokens`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

REDACTION = "v1"
REDACTED = "[redacted]"
"""What stands for a secret in a command line."""

_SECRET_ENDS = (
    "password",
    "passwd",
    "secret",
    "api_key",
    "access_key",
    "private_key",
    "credentials",
    "authorization",
    "hub_token",
    "auth_token",
    "access_token",
)
_SECRET_KEY = re.compile(rf"({'|'.join(_SECRET_ENDS)})\Z", re.IGNORECASE)
_TOKEN = re.compile(
    r"(?<![A-Za-z0-9_-])(?:"
    r"hf_[A-Za-z0-9]{20,}"  # Hugging Face
    r"|sk-[A-Za-z0-9_-]{20,}"  # OpenAI, Anthropic
    r"|AKIA[0-9A-Z]{16}"  # AWS
    r"|gh[pousr]_[A-Za-z0-9]{20,}"  # GitHub
    r"|eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"  # JWT, RFC 7519
    r")"
    r"|-----BEGIN [A-Z0-9 ]{1,40}-----"  # PEM, RFC 7468
)
_URL_PASSWORD = re.compile(r"(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]*://[^/\s?#@:]*:[^/\s?#@]+@")
_HTTP_USER = re.compile(r"\A(https?://)[^/\s?#]*@", re.IGNORECASE)
_OTHER_PASSWORD = re.compile(r"\A([A-Za-z][A-Za-z0-9+.-]*://[^/\s?#@:]*):[^/\s?#]*@")
_QUERY = re.compile(r"[?#].*\Z", re.DOTALL)
_OPTION = re.compile(r"--?([A-Za-z][\w-]*)")


def is_secret_key(key: str) -> bool:
    """Whether strings under `key` are secrets; upper and lower case, `-` and `_` are alike."""
    key = str.__str__(key).replace("-", "_")
    if key.isascii():
        return key.lower().endswith(_SECRET_ENDS)
    return _SECRET_KEY.search(key) is not None  # beyond ASCII, too, there are letters of which one is `k` or `s`


def is_secret_text(text: str) -> bool:
    """Whether `text` holds something in the shape of a token or private key, or a URL with a password."""
    text = str.__str__(text)
    if _may_hold_token(text) and _TOKEN.search(text) is not None:
        return True
    return "://" in text and _URL_PASSWORD.search(text) is not None


def _may_hold_token(text: str) -> bool:
    """Whether it is worth looking for tokens: each begins with one of these, and the shortest has 17 characters."""
    return len(text) > 16 and (
        "hf_" in text or "sk-" in text or "AKIA" in text or "gh" in text or "eyJ" in text or "-----BEGIN " in text
    )


def redact_arguments(arguments: Sequence[str]) -> list[str]:
    """A command line with `[redacted]` for every secret: `--api-key X`, `--api-key=X`, and whatever is shaped so."""
    return list(_redacted(arguments))


def strip_credentials(url: str) -> str:
    """A remote's URL without user, password, query and fragment; `git@host:path` and `ssh://git@host` keep the user."""
    if "://" not in url:
        return url
    url = _QUERY.sub("", url)
    return _OTHER_PASSWORD.sub(r"\1@", _HTTP_USER.sub(r"\1", url))


def _redacted(arguments: Sequence[str]) -> Iterator[str]:
    secret_next = False
    for argument in arguments:
        option, equals, _ = argument.partition("=")
        named = _OPTION.fullmatch(option)
        secret = named is not None and is_secret_key(named[1])
        if (secret_next and not named) or (is_secret_text(argument) and not (equals and named)):
            yield REDACTED
        elif equals and (secret or is_secret_text(argument)):
            yield f"{option}={REDACTED}"
        else:
            yield argument
        secret_next = secret and not equals
