"""What proxies say of a request: believed of those that the operator trusts, and taken away from all others.

`X-Forwarded-For` names hops, each proxy adding whom it heard: read from its end, the first that is not trusted is where
the request comes from. Of the other headers the last value counts, which is that of the proxy before us.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, TypeAlias

from starlette.types import ASGIApp, Receive, Scope, Send

from cognify_core.errors import ConfigurationError

Network: TypeAlias = IPv4Network | IPv6Network
_Headers: TypeAlias = list[tuple[bytes, bytes]]
_FOR: Final = b"x-forwarded-for"
_PROTO: Final = b"x-forwarded-proto"
_HOST: Final = b"x-forwarded-host"
_NAME = re.compile(r"[A-Za-z0-9.:\[\]_-]{1,255}")
_PORT = re.compile(r"^(\d+\.\d+\.\d+\.\d+):\d+$|^\[([^\]]+)\](?::\d+)?$")


def networks(said: Sequence[str]) -> tuple[Network, ...]:
    """The networks of COGNIFY_TRUSTED_PROXIES.

    Raises:
        ConfigurationError: one of them is none.
    """
    try:
        return tuple(ip_network(each, strict=False) for each in said)
    except ValueError as error:
        raise ConfigurationError(
            f"COGNIFY_TRUSTED_PROXIES names addresses and networks, as in 10.0.0.7 192.168.0.0/16: {error}"
        ) from None


class Fronting:
    """ASGI middleware that gives a request the address, the scheme and the host that a trusted proxy says."""

    def __init__(self, app: ASGIApp, trusted: Sequence[Network], user_header: str | None) -> None:
        self._app, self._trusted = app, trusted
        self._user = None if user_header is None else user_header.lower().encode("latin-1", "replace")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, as it was before the proxies."""
        if scope["type"] in ("http", "websocket"):
            scope = self._seen(scope)
        await self._app(scope, receive, send)

    def _seen(self, scope: Scope) -> Scope:
        client = scope.get("client")
        headers: _Headers = list(scope["headers"])
        dropped = {_FOR, _PROTO, _HOST}
        changed: dict[str, object] = {}
        if client is not None and self._trusts(client[0]):
            changed = self._said(headers, client)
            if (host := _last(headers, _HOST)) is not None and _NAME.fullmatch(host):
                headers = [pair for pair in headers if pair[0] != b"host"] + [(b"host", host.encode())]
            if self._user is not None and sum(name == self._user for name, _ in headers) != 1:
                dropped.add(self._user)  # two of them: one may be the visitor's own
        elif self._user is not None:
            dropped.add(self._user)
        return {**scope, **changed, "headers": [pair for pair in headers if pair[0] not in dropped]}

    def _said(self, headers: _Headers, client: tuple[str, int]) -> dict[str, object]:
        address = client[0]
        for hop in reversed(list(_values(headers, _FOR))):
            if (read := _address(hop)) is None:
                break
            address = str(read)
            if not self._trusts(address):
                break
        said: dict[str, object] = {"client": (address, 0)}
        if (proto := _last(headers, _PROTO)) in ("http", "https"):
            said["scheme"] = proto
        return said

    def _trusts(self, address: str) -> bool:
        read = _address(address)
        return read is not None and any(read in network for network in self._trusted if network.version == read.version)


def _values(headers: _Headers, name: bytes) -> Iterator[str]:
    for key, value in headers:
        if key == name:
            yield from (part.strip() for part in value.decode("latin-1").split(","))


def _last(headers: _Headers, name: bytes) -> str | None:
    return next(reversed([value for value in _values(headers, name) if value]), None)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    if (with_port := _PORT.match(text)) is not None:
        text = with_port[1] or with_port[2]
    try:
        read = ip_address(text)
    except ValueError:
        return None
    return read.ipv4_mapped or read if isinstance(read, IPv6Address) else read
