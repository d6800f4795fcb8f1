"""JSON for programs, written so that it is harmless in a terminal too."""

from __future__ import annotations

import json

from cognify_core.canonical import Json


def document(value: Json) -> str:
    """`value` as indented JSON in ASCII: what is not ASCII stands as an escape, lone surrogates included."""
    return json.dumps(value, indent=2, ensure_ascii=True, allow_nan=False)
