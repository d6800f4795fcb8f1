"""Vault URIs: `s3://bucket/prefix?mode=COMPLIANCE`, `gs://…`, `az://…`, `file:///…`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Self
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from cognify_core.errors import ConfigurationError
from cognify_core.vault.keys import check_key
from cognify_core.vault.protocol import Mode

OPTIONS = {
    "s3": frozenset({"mode", "endpoint_url", "region"}),
    "gs": frozenset({"mode", "endpoint_url", "project"}),
    "az": frozenset({"mode", "account_url"}),
    "file": frozenset({"mode", "immutable"}),
}
"""What may stand after the `?` of each kind."""
_BUCKET = re.compile(r"[A-Za-z0-9$][A-Za-z0-9._-]{1,221}", re.ASCII)
_REGION = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")
_FORMS = "s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://CONTAINER/PREFIX, file:///FOLDER"


@dataclass(frozen=True, slots=True)
class VaultUri:
    """Where a vault is, and how it locks. `parse` and `str` are inverses, but for the order of options."""

    kind: str
    bucket: str
    """Empty for a folder."""
    prefix: str
    """What all keys begin with, without slashes at its ends; of a folder, its absolute path."""
    mode: Mode = Mode.GOVERNANCE
    options: Mapping[str, str] = field(default_factory=dict)
    """All but the mode."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a URI. What is in it is written down and shown, so it takes no secrets.

        Raises:
            ConfigurationError: it is none, names no vault, has an option that is not known, or holds a password.
        """
        parts = urlsplit(text)
        if parts.scheme not in OPTIONS:
            raise ConfigurationError(f"{_shown(text)} names no vault; one is written {_FORMS}")
        if parts.username is not None or parts.password is not None or parts.fragment:
            raise ConfigurationError(
                "a vault's URI takes no user, password or fragment: it is written down. Credentials come from where "
                "the provider's own tools have them (docs/vaults.md)"
            )
        mode, options = _options(parts.scheme, parts.query)
        if parts.scheme == "file":
            return cls("file", "", _folder(parts.netloc, parts.path, text), _mode_of_folder(mode), options)
        if not _BUCKET.fullmatch(parts.netloc):
            raise ConfigurationError(f"{_shown(text)} names no bucket; a vault is written {_FORMS}")
        prefix = unquote(parts.path).strip("/")
        return cls(parts.scheme, parts.netloc, prefix and _prefix(prefix, text), mode, options)

    @property
    def place(self) -> str:
        """Where it is, without options; this names it in records and messages."""
        path = f"/{quote(self.prefix)}" if self.prefix else ""
        return f"{self.kind}://{self.bucket}{path}"

    def with_mode(self, mode: Mode) -> Self:
        """The same vault with another mode."""
        return replace(self, mode=_mode_of_folder(mode) if self.kind == "file" else mode)

    def full_key(self, key: str) -> str:
        """The object's key in the bucket.

        Raises:
            VaultError: `key` is none.
        """
        return "/".join(filter(None, (self.prefix, check_key(key))))

    def __str__(self) -> str:
        given = {**({} if self.mode is Mode.GOVERNANCE else {"mode": str(self.mode)}), **self.options}
        return f"{self.place}{'?' + urlencode(given) if given else ''}"


def _options(kind: str, query: str) -> tuple[Mode, dict[str, str]]:
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    except ValueError as error:
        raise ConfigurationError(f"the options {query[:80]!r} of a vault do not read: write name=value&…") from error
    options = dict(pairs)
    if len(options) != len(pairs):
        raise ConfigurationError("each option of a vault is given once")
    if unknown := set(options) - OPTIONS[kind]:
        known = ", ".join(sorted(OPTIONS[kind]))
        raise ConfigurationError(f"{kind}:// takes {known}, and no {sorted(unknown)[0][:40]!r}")
    mode = options.pop("mode", Mode.GOVERNANCE).upper()
    if mode not in set(Mode):
        raise ConfigurationError(f"the mode is GOVERNANCE or COMPLIANCE, not {mode[:40]!r}")
    for name in ("endpoint_url", "account_url"):
        _check_url(name, options.get(name))
    if "region" in options and not _REGION.fullmatch(options["region"]):
        raise ConfigurationError("region is the name of one, as in eu-central-1: it becomes part of a host's name")
    return Mode(mode), options


def _check_url(name: str, url: str | None) -> None:
    if url is None:
        return
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc or parts.query:
        raise ConfigurationError(f"{name} is http(s)://HOST[:PORT][/PATH], without user, password or signature")


def _folder(netloc: str, path: str, text: str) -> str:
    folder = PurePosixPath(unquote(path))
    if netloc or not folder.is_absolute() or ".." in folder.parts or len(folder.parts) < 2 or "\0" in str(folder):
        raise ConfigurationError(f"{_shown(text)} names no folder; one is written file:///absolute/path")
    return str(folder).removeprefix("/")


def _prefix(prefix: str, text: str) -> str:
    for part in prefix.split("/"):
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}", part, re.ASCII):
            raise ConfigurationError(f"{_shown(text)}: a prefix is made of letters, digits, '.', '_', '-' and '/'")
    return prefix


def _mode_of_folder(mode: Mode) -> Mode:
    if mode is Mode.COMPLIANCE:
        raise ConfigurationError(
            "a folder cannot lock in COMPLIANCE mode: root can always clear what makes a file immutable; use s3://, "
            "gs:// or az://, or GOVERNANCE"
        )
    return mode


def _shown(text: str) -> str:
    """A URI that is wrong, without what may be a password."""
    return repr(re.sub(r"//[^/@]*@", "//…@", text.partition("?")[0])[:120])
