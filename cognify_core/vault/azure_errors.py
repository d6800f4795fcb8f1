"""What Azure's client raises, in our own words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cognify_core.errors import VaultError, VaultRefusedError, VaultUnavailableError

_LOCKED = ("BlobImmutableDueToPolicy", "BlobImmutableDueToLegalHold", "ImmutabilityPolicyDeleteOnLockedPolicy")


@contextmanager
def in_our_words(uri: str, *, expected: int | None = None) -> Iterator[list[int]]:
    """Say what went wrong as a `VaultError`. The `expected` status ends the block without one, and is in the list."""
    from azure.core.exceptions import AzureError, HttpResponseError

    seen: list[int] = []
    try:
        yield seen
    except HttpResponseError as error:
        code = _code(error)
        if error.status_code == expected and code not in _LOCKED and code != "ContainerNotFound":
            seen.append(int(error.status_code or 0))
            return
        raise _said(uri, int(error.status_code or 0), code, str(error.message or "")) from error
    except (AzureError, OSError) as error:
        raise VaultUnavailableError(f"{uri} does not answer: {str(error)[:200]}") from error
    except ValueError as error:
        raise VaultError(f"{uri}: {str(error)[:80]}") from error


def _code(error: Any) -> str:
    code = getattr(error, "error_code", "") or ""
    return str(getattr(code, "value", code))


def _said(uri: str, status: int, code: str, message: str) -> VaultError:
    words = f"{uri}: {status} {code} {message.splitlines()[0][:200] if message else ''}"
    if code in _LOCKED or status == 403:
        return VaultRefusedError(f"{words} (a lock, or the rights of who asks, forbid it)")
    if (status >= 500 and status != 501) or status in (408, 429):
        return VaultUnavailableError(words)
    return VaultError(words)
