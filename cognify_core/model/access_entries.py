"""Entries of the access log, as the bytes that are hashed (`docs/formats.md`, Access log).

An entry holds commitments alone. It says in its own bytes which place it has, so that no entry can stand for another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from cognify_core.canonical import Json, encode, parse
from cognify_core.errors import FormatError
from cognify_core.model.events import Access, parse_body
from cognify_core.model.names import is_run_id

FORMAT = "cognify.access/v1"


@dataclass(frozen=True, slots=True)
class AccessEntry:
    """That somebody read, exported or sealed something, and the place of that in a workspace's log."""

    workspace: str
    position: int
    run_id: str | None
    """None: what was looked at is no single run, as a list of them."""
    access: Access
    within: int = 0
    """It stands for all that the same caller did of the same kind in so many seconds from then on; 0: for this once."""

    def encode(self) -> bytes:
        """The entry's one byte string: the leaf of the log."""
        fields: dict[str, Json] = {
            "access": self.access.model_dump(mode="json", exclude_none=True),
            "format": FORMAT,
            "position": self.position,
            "workspace": self.workspace,
        }
        if self.run_id is not None:
            fields["run_id"] = self.run_id
        if self.within:
            fields["within"] = self.within
        return encode(fields)

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read an entry, and only what is written as one.

        Raises:
            FormatError: it is none.
        """
        fields = parse(data)
        if not isinstance(fields, dict) or fields.get("format") != FORMAT:
            raise FormatError(f"not an entry of the access log: its format is not {FORMAT}")
        body = parse_body(fields.get("access"))
        position, within, run_id = fields.get("position"), fields.get("within", 0), fields.get("run_id")
        if not isinstance(body, Access) or type(position) is not int or type(within) is not int:
            raise FormatError("not an entry of the access log: a field is missing or of another type")
        if run_id is not None and not (isinstance(run_id, str) and is_run_id(run_id)):
            raise FormatError("not an entry of the access log: its run_id is none")
        entry = cls(str(fields.get("workspace")), position, run_id, body, within)
        if entry.encode() != data:
            raise FormatError("not an entry of the access log: its own encoding would have other bytes")
        return entry
