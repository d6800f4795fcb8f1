"""What Google's client raises, in our own words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cognify_core.errors import VaultError, VaultRefusedError, VaultUnavailableError

SECONDS = 60
"""How long one request may take."""
_AGAIN_SECONDS = 30


def retrying() -> Any:
    """Google's own way to try again, but not for minutes: whoever comes next tries again, too."""
    from google.cloud.storage.retry import DEFAULT_RETRY

    return DEFAULT_RETRY.with_timeout(_AGAIN_SECONDS)


@contextmanager
def in_our_words(uri: str, *, expected: int | None = None) -> Iterator[list[int]]:
    """Say what went wrong as a `VaultError`. The `expected` status ends the block without one, and is in the list."""
    from google.api_core.exceptions import GoogleAPICallError, RetryError
    from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError, TransportError
    from requests.exceptions import RequestException

    seen: list[int] = []
    try:
        yield seen
    except GoogleAPICallError as error:
        code = int(error.code or 0)
        if code == expected:
            seen.append(code)
            return
        raise _said(uri, code, str(error.message)[:200]) from error
    except DefaultCredentialsError as error:
        raise VaultError(f"{uri}: no credentials: GOOGLE_APPLICATION_CREDENTIALS, or `gcloud auth`") from error
    except (RetryError, TransportError, RequestException, OSError) as error:
        raise VaultUnavailableError(f"{uri} does not answer: {str(error)[:200]}") from error
    except GoogleAuthError as error:
        raise VaultError(f"{uri}: {str(error)[:200]}") from error


def _said(uri: str, code: int, message: str) -> VaultError:
    words = f"{uri}: {code} {message}"
    if code >= 500 or code in (408, 429):
        return VaultUnavailableError(words)
    return (
        VaultRefusedError(f"{words} (a lock, or the rights of who asks, forbid it)")
        if code == 403
        else VaultError(words)
    )
