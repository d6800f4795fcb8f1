"""A Cognify server, as a client asks it: each call is one request, which may be sent again."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from cognify_core.canonical import Json
from cognify_core.errors import ConfigurationError, ServerRefusedError, ServerUnavailableError
from cognify_core.http import AnswerError, reason_of, send

MOST = 1 << 30
"""Bytes of an answer that are read: packages may be large."""
_SECONDS = 30.0
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Reached:
    """Where a record stands on the server."""

    size: int
    root: str
    """RFC 6962 root over the first `size` events, hexadecimal."""
    head: str
    """The same, signed by the workspace's log: a C2SP signed note whose origin ends with the run's id."""


class Server:
    """One workspace of a server.

    Raises, whatever is asked: `ServerUnavailableError` where nobody answers or who answers cannot now, and trying again
    may help; `ServerRefusedError` where the answer is no.
    """

    def __init__(self, url: str, key: str, workspace: str, seconds: float = _SECONDS) -> None:
        """Ask nothing yet.

        Raises:
            ConfigurationError: the URL is none, or the key would travel in clear to another machine.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None or parts.query:
            raise ConfigurationError(f"COGNIFY_URL is http(s)://HOST[:PORT], and not {parts.hostname or url[:80]!r}")
        if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
            raise ConfigurationError(
                f"COGNIFY_URL names {parts.hostname} by http, and the API key would travel in clear"
            )
        self.url, self.workspace = url.rstrip("/"), workspace
        self._key, self._seconds = key, seconds

    def begin(self, run_id: str, time: str, opened: Mapping[str, Json], secret: str) -> None:
        """Begin a run there, or find it begun."""
        self._ask("POST", "/runs", {"run_id": run_id, "time": time, "opened": dict(opened), "secret": secret})

    def append(self, run_id: str, secret: str, lines: Sequence[bytes]) -> Reached:
        """Append lines of drafts and manifests; those that are there already are passed over."""
        headers = {
            "Content-Type": "application/x-ndjson",
            "Content-Encoding": "gzip",
            "Cognify-Run-Secret": secret,
        }
        packed = gzip.compress(b"\n".join(lines), 1)
        told = _document(self._send("POST", f"/runs/{quote(run_id)}/events", packed, headers))
        try:
            return Reached(int(told["size"]), str(told["root"]), str(told["head"]))
        except (KeyError, TypeError, ValueError) as error:
            raise ServerRefusedError(f"{self.url} does not say where the record stands: {error}") from error

    def seal(self, run_id: str) -> bytes:
        """Seal a closed run there; return the seal's bundle."""
        self._ask("POST", f"/runs/{quote(run_id)}/seal")
        return self._send("GET", f"/runs/{quote(run_id)}/bundle")

    def keys(self) -> dict[str, Json]:
        """The workspace's public keys: `signer` (PEM), `log`."""
        return _document(self._send("GET", "/ledger/key"))

    def export(self, run_id: str, what: Mapping[str, Json]) -> dict[str, Json]:
        """Have a package made; what is told of it."""
        return _document(self._ask("POST", f"/runs/{quote(run_id)}/exports", dict(what)))

    def package(self, run_id: str, package_hash: str) -> tuple[bytes, bytes]:
        """A package's bytes, and its receipt."""
        path = f"/runs/{quote(run_id)}/exports/{quote(package_hash)}"
        return self._send("GET", path), self._send("GET", f"{path}/receipt")

    def _ask(self, method: str, path: str, body: Json = None) -> bytes:
        data = b"" if body is None else json.dumps(body).encode("utf-8")
        return self._send(method, path, data, {"Content-Type": "application/json"})

    def _send(
        self, method: str, path: str, data: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> bytes:
        url = f"{self.url}/v2/workspaces/{quote(self.workspace)}{path}"
        said = {"Authorization": f"Bearer {self._key}", **(headers or {})}
        try:
            answer = send(method, url, data, seconds=self._seconds, most=MOST, headers=said, follow=False)
        except AnswerError as error:
            told = _detail(error)
            if error.status >= 500 or error.status in (408, 425, 429):
                raise ServerUnavailableError(f"{self.url} cannot now: {told}") from error
            raise ServerRefusedError(f"{self.url} says no ({error.status}): {told}") from error
        except OSError as error:
            raise ServerUnavailableError(f"{self.url} does not answer: {reason_of(error)}") from error
        if answer is None:
            raise ServerRefusedError(f"{self.url} has nothing under {path}: the run, or the workspace, is not there")
        return answer


def _document(answer: bytes) -> dict[str, Any]:
    try:
        told = json.loads(answer)
    except ValueError as error:
        raise ServerRefusedError("the server's answer is no JSON: is COGNIFY_URL that of a Cognify server?") from error
    if not isinstance(told, dict):
        raise ServerRefusedError("the server's answer is no JSON object: is COGNIFY_URL that of a Cognify server?")
    return told


def _detail(error: AnswerError) -> str:
    """What a problem says (RFC 9457)."""
    try:
        return str(_document(error.body)["detail"])[:500]
    except (ServerRefusedError, KeyError):
        return str(error)
