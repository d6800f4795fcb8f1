"""The code blocks of the project's documents, as they stand."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(document: str, language: str) -> list[str]:
    """The fenced blocks of a language in a document, named by its path from the project's root."""
    found = _BLOCK.findall((ROOT / document).read_text("utf-8"))
    return [code for kind, code in found if kind == language]


def commands(document: str) -> list[str]:
    """The commands in a document's console blocks: the lines that begin with a prompt."""
    lines = "".join(blocks(document, "console")).splitlines()
    return [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
