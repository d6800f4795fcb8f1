"""What the server reaches for somebody who names a URL: public addresses over TLS, and what its operator has named.

A name is looked up here, every address that it has must be allowed, and the connection goes to one that was looked at:
a name that leads elsewhere a moment later changes nothing. Nobody is followed to another URL, no proxy is asked, and
what is answered is read as far as its status, and forgotten.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

import httpx

from cognify_core.errors import CognifyError, ConfigurationError

MOST_URL = 2000
MOST_ANSWER = 10_000
"""Bytes that are read of an answer."""
_ADDRESSES_TRIED = 3
_CONNECT_SECONDS = 4.0
_NAME = re.compile(r"(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.?")
_NUMBER = re.compile(r"(0x[0-9a-f]*|[0-9]+)\.?")
_UNICAST = IPv6Network("2000::/3")
_CARRYING_OTHERS = (IPv6Network("2002::/16"), IPv6Network("2001::/32"))
"""6to4 and Teredo: behind such an address there is another one."""


class NotReachedError(CognifyError):
    """Who was to be reached was not, or may not be; the message tells nothing of what lies behind the name."""


def look_up(host: str) -> list[str]:
    """The addresses of a name, as this system finds them.

    Raises:
        OSError, UnicodeError: there are none.
    """
    return [str(each[4][0]) for each in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)]


@dataclass(frozen=True, slots=True)
class Reach:
    """Where the server may go."""

    hosts: frozenset[str] = frozenset()
    """`HOST` or `HOST:PORT`: those that its operator has named, which may have any address."""
    lookup: Callable[[str], Sequence[str]] = look_up
    """The addresses of a name; what it raises is as good as none."""
    tls: ssl.SSLContext | None = None
    """What certificates are checked by; none: the system's roots."""
    seconds: float = 10.0
    """How long asking may take, from the connection to the end of the answer."""
    lookup_seconds: float = 3.0

    def check(self, text: str) -> str:
        """A URL that may be asked, as far as that can be seen without asking anybody.

        Raises:
            ConfigurationError: it is none, or may not be; the message says why.
        """
        url = _parsed(text)
        if url.scheme == "http" and not self._named(url):
            raise ConfigurationError(
                "a URL begins with https://; in clear only a host of this machine is asked that the server's operator "
                "has named in COGNIFY_WEBHOOK_HOSTS"
            )
        address = _literal(url.host)
        if address is not None and not self._allows(url, [address]):
            raise ConfigurationError(_refusal(url.host))
        return text

    def addresses(self, text: str) -> list[str]:
        """The addresses at which a URL may be asked now.

        Raises:
            ConfigurationError: the URL is none that may be.
            NotReachedError: its host has no address, or one that is not allowed.
        """
        url = _parsed(self.check(text))
        address = _literal(url.host)
        found = [address] if address is not None else _within(self.lookup_seconds, self.lookup, url.host)
        if not found or not self._allows(url, found):
            raise NotReachedError(_refusal(url.host))
        return [str(each) for each in found[:_ADDRESSES_TRIED]]

    def post(self, text: str, content: bytes, headers: Mapping[str, str]) -> int:
        """Post to a URL; the status of the answer, whatever it is.

        Raises:
            ConfigurationError, NotReachedError: as `addresses`; or nobody answers, or not in time.
        """
        addresses = self.addresses(text)
        try:
            with ThreadPoolExecutor(1) as thread:  # a notebook's own thread has a loop already
                return thread.submit(
                    lambda: asyncio.run(self._post(httpx.URL(text), addresses, content, headers))
                ).result()
        except (TimeoutError, httpx.TimeoutException):
            raise NotReachedError(f"it did not answer within {self.seconds:.0f} seconds") from None
        except httpx.ConnectError as error:
            raise NotReachedError(_why(error)) from None
        except (httpx.HTTPError, OSError):
            raise NotReachedError("it broke off, or answered in something else than HTTP") from None

    async def _post(self, url: httpx.URL, addresses: list[str], content: bytes, headers: Mapping[str, str]) -> int:
        async with asyncio.timeout(self.seconds):
            for address in addresses[:-1]:
                with suppress(httpx.ConnectError, httpx.ConnectTimeout):
                    return await _asked(url, address, content, headers, self.tls or _tls())
            return await _asked(url, addresses[-1], content, headers, self.tls or _tls())

    def _named(self, url: httpx.URL) -> bool:
        port = url.port or (443 if url.scheme == "https" else 80)
        host = f"[{url.host}]" if ":" in url.host else url.host
        return bool(self.hosts & {host, f"{host}:{port}"})

    def _allows(self, url: httpx.URL, found: list[IPv4Address | IPv6Address]) -> bool:
        if self._named(url):
            return url.scheme == "https" or all(each.is_loopback for each in found)
        return all(map(is_public, found))


def origin(text: str) -> str:
    """Where a URL leads, without what may be a secret in it."""
    url = httpx.URL(text)
    return f"{url.scheme}://{url.netloc.decode('ascii')}/…"


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address is one of the open internet's, and is no wrapping of another."""
    if isinstance(address, IPv6Address):
        wraps = address not in _UNICAST or any(address in network for network in _CARRYING_OTHERS)
        return address.is_global and not wraps
    return address.is_global and not address.is_multicast


def _refusal(host: str) -> str:
    """The same for a name that nobody has and for one that leads inside: who asks learns nothing of the inside."""
    return (
        f"{host[:100]} has no address, or one that is not public; the server's operator may name it in "
        "COGNIFY_WEBHOOK_HOSTS"
    )


def _parsed(text: str) -> httpx.URL:
    if not text.isascii() or not text.isprintable() or len(text) > MOST_URL or re.search(r'[\s\\<>"{}|^`#]', text):
        raise ConfigurationError(
            f"a URL has at most {MOST_URL} ASCII characters, without spaces, quotes, backslashes and '#'"
        )
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        raise ConfigurationError("this is no URL") from None
    if url.scheme not in ("http", "https") or not url.host or not 0 < (url.port or 443) < 1 << 16:
        raise ConfigurationError("a URL is written https://HOST/PATH")
    if url.userinfo or "@" in text.partition("//")[2].partition("/")[0]:
        raise ConfigurationError("a URL takes no user and no password")
    if _literal(url.host) is None and not _is_name(url.host):
        raise ConfigurationError("the host of a URL is a name, or an address in its usual form, as in 203.0.113.7")
    return url


def _is_name(host: str) -> bool:
    last = host.removesuffix(".").rpartition(".")[2]
    return _NAME.fullmatch(host) is not None and _NUMBER.fullmatch(last) is None


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(host)
    except ValueError:
        return None
    return None if isinstance(address, IPv6Address) and address.scope_id else address


def _within(seconds: float, lookup: Callable[[str], Sequence[str]], host: str) -> list[IPv4Address | IPv6Address]:
    """What is found in time: a lookup has no end of its own."""
    found: list[str] = []

    def look() -> None:
        with suppress(OSError, UnicodeError):
            found.extend(lookup(host))

    thread = threading.Thread(target=look, name="cognify-lookup", daemon=True)
    thread.start()
    thread.join(seconds)
    return [ip_address(each.partition("%")[0]) for each in dict.fromkeys(found)]


async def _asked(url: httpx.URL, address: str, content: bytes, headers: Mapping[str, str], tls: ssl.SSLContext) -> int:
    """Ask an address; the name stays in the request, and is what the certificate must be for.

    There is no client above the transport: it would follow redirects, ask proxies, and log the URL.
    """
    timeout = {"connect": _CONNECT_SECONDS}  # for all of it together there is one around this
    request = httpx.Request(
        "POST",
        url.copy_with(host=address),
        headers={"Host": url.netloc.decode("ascii"), "Accept-Encoding": "identity", **headers},
        content=content,
        extensions={"timeout": timeout, "sni_hostname": url.host},
    )
    async with httpx.AsyncHTTPTransport(verify=tls, trust_env=False) as transport:
        answer = await transport.handle_async_request(request)
        try:
            left = MOST_ANSWER
            async for part in answer.aiter_raw():
                left -= len(part)
                if left <= 0:
                    break
        finally:
            await answer.aclose()
    return answer.status_code


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def _why(error: httpx.ConnectError) -> str:
    tls = "CERTIFICATE" in str(error).upper() or "SSL" in str(error).upper()
    return "its TLS certificate does not hold, or it speaks no TLS" if tls else "nobody answers there"
