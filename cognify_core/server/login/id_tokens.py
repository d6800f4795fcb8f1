"""Id tokens: what a provider has signed of somebody (OpenID Connect Core 1.0 §3.1.3.7)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from cognify_core.canonical import Json
from cognify_core.server.problems import Problem

ALGORITHMS = tuple(kind + bits for kind in ("RS", "PS", "ES") for bits in ("256", "384", "512"))
"""Those that sign with a key which the provider alone has."""
LEEWAY = 60
"""Seconds by which clocks may differ."""
_log = logging.getLogger("cognify.server")


def claims_of(token: str, keys: Callable[[bool], list[Any]], expected: Mapping[str, str]) -> dict[str, Json]:
    """What a token says, where the provider signed it, for us, now, and for this attempt.

    Args:
        token: the id token.
        keys: the provider's keys, as JSON; with True, asked for anew.
        expected: `iss`, `client_id`, `nonce`, and the `access_token` that came with it.

    Raises:
        Problem: 403, where any of that is not so. Why stands in the log.
    """
    from authlib.oidc.core import CodeIDToken
    from joserfc import jwt
    from joserfc.errors import InvalidKeyIdError, JoseError
    from joserfc.jws import JWSRegistry

    registry = JWSRegistry(algorithms=list(ALGORITHMS), strict_check_header=False)
    try:
        try:
            read = jwt.decode(token, _key_set(keys(False)), registry=registry)
        except InvalidKeyIdError:
            read = jwt.decode(token, _key_set(keys(True)), registry=registry)
        options = {
            "iss": {"essential": True, "value": expected["iss"]},
            "aud": {"essential": True, "value": expected["client_id"]},
        }
        claims = CodeIDToken(read.claims, read.header, options, dict(expected))
        claims.validate(leeway=LEEWAY)
    except (JoseError, ValueError, TypeError, KeyError) as error:
        _log.warning("an id token of %s is refused: %s: %s", expected["iss"], type(error).__name__, error)
        raise Problem(403, "the provider's token does not prove who you are; sign in again") from None
    return dict(claims)


def _key_set(keys: list[Any]) -> Any:
    """Those of the keys that sign, and that we can read."""
    from joserfc.errors import JoseError
    from joserfc.jwk import JWKRegistry, KeySet

    read = []
    for each in keys:
        if isinstance(each, dict) and each.get("use", "sig") == "sig" and each.get("kty") in ("RSA", "EC"):
            try:
                read.append(JWKRegistry.import_key(each))
            except (JoseError, ValueError, TypeError, KeyError):
                continue
    return KeySet(read)
