"""Installed packages and the hash that stands for all of them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import sha256
from importlib.metadata import distributions

_FIELD = re.compile(r"^(Name|Version):[ \t]*(\S+)", re.MULTILINE)
_SEPARATORS = re.compile(r"[-_.]+")


def installed_packages(path: Iterable[str]) -> dict[str, str]:
    """Name (normalised as PEP 503 has it) → version of every package on `path`, sorted; the first of a name counts.

    Metadata is searched, not parsed: parsing holds the GIL for a millisecond per package.
    """
    packages: dict[str, str] = {}
    for distribution in distributions(path=list(path)):
        text = distribution.read_text("METADATA") or distribution.read_text("PKG-INFO") or ""
        fields = dict(reversed(_FIELD.findall(text.partition("\n\n")[0])))
        if "Name" in fields:
            name = _SEPARATORS.sub("-", fields["Name"]).lower()
            packages.setdefault(name, fields.get("Version", ""))
    return dict(sorted(packages.items()))


def lock_hash(packages: dict[str, str]) -> str:
    """SHA-256 over the sorted lines `name==version`, each with its line feed: `sha256:<hex>`."""
    lines = "".join(f"{name}=={version}\n" for name, version in sorted(packages.items()))
    return f"sha256:{sha256(lines.encode()).hexdigest()}"
