"""What a caller may make the server reach: no file of its own, and no host that its operator has not named."""

from __future__ import annotations

from cognify_core.errors import ConfigurationError
from cognify_core.vault.uri import VaultUri

_ENDPOINTS = ("endpoint_url", "account_url")


def allowed_vault(text: str, hosts: frozenset[str]) -> VaultUri:
    """The vault of a URI that somebody sent.

    Args:
        text: the URI.
        hosts: endpoints besides the provider's own that the operator allows, as they stand in URIs.

    Raises:
        ConfigurationError: it names none, a folder of the server, or an endpoint that is not allowed.
    """
    uri = VaultUri.parse(text)
    if uri.kind == "file":
        raise ConfigurationError("a folder of the server's is set by its operator alone: COGNIFY_VAULT")
    for option in _ENDPOINTS:
        if (endpoint := uri.options.get(option)) is not None and endpoint not in hosts:
            raise ConfigurationError(
                f"{option} {endpoint[:100]} is not among those that this server may reach; its operator names them in "
                "COGNIFY_STORAGE_ENDPOINTS"
            )
    return uri
