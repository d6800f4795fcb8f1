"""Base64 with one spelling."""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as Base64Error

from cognify_core.errors import FormatError


def strict_base64(text: str) -> bytes:
    """Decode standard base64, and only what encoding would have written.

    Raises:
        FormatError: it is anything else.
    """
    try:
        data = b64decode(text, validate=True)
    except (Base64Error, ValueError) as error:
        raise FormatError(f"not base64: {error}") from error
    if b64encode(data).decode() != text:
        raise FormatError("not base64 in its one spelling")
    return data


def base64_text(data: bytes) -> str:
    """Encode as standard base64."""
    return b64encode(data).decode()
