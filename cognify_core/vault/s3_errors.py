"""What boto3 raises, in our own words: whether trying again may help, and what to do where it will not."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from cognify_core.errors import VaultError, VaultRefusedError, VaultUnavailableError

_AGAIN = ("SlowDown", "RequestTimeout", "RequestTimeTooSkewed", "OperationAborted", "Throttling", "409")
_HINTS = {
    "AccessDenied": "a lock, or the rights of these credentials, forbid it",
    "InvalidAccessKeyId": "the access key is not known there",
    "SignatureDoesNotMatch": "the secret key is wrong",
    "NoSuchBucket": "there is no such bucket",
    "InvalidRequest": "the bucket may have no Object Lock, or the date is past",
}
_REFUSED = ("AccessDenied", "403", "Forbidden")


def code_of(error: Any) -> str:
    """The code that S3 gave."""
    return str(error.response.get("Error", {}).get("Code", ""))


@contextmanager
def in_our_words(uri: str, expected: Collection[str] = ()) -> Iterator[list[str]]:
    """Say what went wrong as a `VaultError`. An `expected` code ends the block without one, and is in the list."""
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, ParamValidationError

    codes: list[str] = []
    try:
        yield codes
    except ClientError as error:
        code = code_of(error)
        if code in expected:
            codes.append(code)
            return
        raise _said(uri, code, error) from error
    except (NoCredentialsError, ParamValidationError) as error:
        raise VaultError(f"{uri}: {error}; boto3 finds them in AWS_ACCESS_KEY_ID, AWS_PROFILE or a role") from error
    except (BotoCoreError, OSError) as error:
        raise VaultUnavailableError(f"{uri} does not answer: {error}") from error


def _said(uri: str, code: str, error: Any) -> VaultError:
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    message = str(error.response.get("Error", {}).get("Message", ""))[:200]
    words = f"{uri}: {error.operation_name}: {code} {_HINTS.get(code, message)}"
    if status >= 500 or code in _AGAIN:
        return VaultUnavailableError(words)
    return VaultRefusedError(words) if code in _REFUSED else VaultError(words)
