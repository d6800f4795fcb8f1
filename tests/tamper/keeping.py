"""Packages that tests tried, with what `verify` said of each: for another verifier to be held to, where one asks."""

from __future__ import annotations

import json
import os
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from cognify_core.seal.notes import LogKey
from cognify_core.seal.signing import PublicKey
from cognify_core.verify.report import Report

ASKED = "COGNIFY_KEEP_TRIED"
"""The variable that names the folder to keep them in."""
MOST_BYTES = 1 << 20


def keep(
    data: bytes,
    report: Report,
    *,
    trusted: Sequence[PublicKey] = (),
    receipt: bytes | None = None,
    logs: Sequence[LogKey] = (),
) -> None:
    """Write down what was tried, and what came of it; nothing, where nobody asks or it is very large."""
    if not (folder := os.environ.get(ASKED)) or len(data) > MOST_BYTES:
        return
    tried = {
        "data": b64encode(data).decode(),
        "receipt": None if receipt is None else b64encode(receipt).decode(),
        "keys": "".join(key.pem.decode() for key in trusted),
        "logs": "\n".join(map(str, logs)),
    }
    line = json.dumps(tried | {"exit_code": report.exit_code, "codes": sorted(report.codes)})
    name = sha256(json.dumps(tried).encode()).hexdigest()
    Path(folder, f"{name}.json").write_text(line, "utf-8")
