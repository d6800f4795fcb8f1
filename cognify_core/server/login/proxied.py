"""Those whom a trusted proxy has let in: it says who they are, in a header of each request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi import Request

from cognify_core.errors import ConfigurationError
from cognify_core.server.login.mapping import Roles
from cognify_core.server.roles import Part

if TYPE_CHECKING:
    from cognify_core.settings import Settings

_CLAIM = "user"
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Proxied:
    """The header, and who is what. `fronting` leaves it in a request that comes from a trusted proxy alone."""

    header: str
    roles: Roles

    @classmethod
    def of(cls, settings: Settings) -> Proxied | None:
        """As the settings have it; none, where proxies let nobody in.

        Raises:
            ConfigurationError: the settings contradict one another.
        """
        if settings.proxy_user_header is None:
            return None
        if not settings.trusted_proxies:
            raise ConfigurationError("COGNIFY_PROXY_USER_HEADER needs COGNIFY_TRUSTED_PROXIES: who may send it")
        return cls(settings.proxy_user_header, Roles.parse("COGNIFY_PROXY_ROLES", {_CLAIM: settings.proxy_roles}))

    def user(self, request: Request) -> str | None:
        """Whom the proxy names."""
        name = request.headers.get(self.header, "").strip()
        return name if name and len(name) <= _LONGEST and name.isprintable() else None

    def parts(self, user: str) -> frozenset[Part]:
        """What that user is."""
        return self.roles.parts({_CLAIM: user})
