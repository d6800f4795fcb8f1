"""File names in headers, whatever somebody has called a file."""

from __future__ import annotations

import re
from urllib.parse import quote

_PLAIN = re.compile(r"[^A-Za-z0-9._-]+")


def attachment(name: str) -> str:
    """A Content-Disposition by which the bytes are saved under `name` (RFC 6266, RFC 8187): ASCII, without quotes."""
    plain = _PLAIN.sub("_", name)[:200] or "file"
    exact = quote(name.encode("utf-8", "replace")[:1000], safe="")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{exact}"
