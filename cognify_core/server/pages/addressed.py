"""What somebody looks at, as the address of a page holds it: filters, and where in a long list the page begins."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from pydantic import BaseModel, field_validator


class Addressed(BaseModel):
    """The form above a list, sent in the address. What is empty is not asked."""

    @field_validator("*", mode="before")
    @classmethod
    def _not_asked(cls, value: Any) -> Any:
        return None if isinstance(value, str) and not value.strip() else value

    def address(self, **changes: object) -> str:
        """The address with some of it changed; it begins with `?`, and with the first page unless `after` is given."""
        said = self.model_dump(mode="json") | {"after": None} | changes
        return f"?{urlencode({name: value for name, value in said.items() if value is not None})}"

    @property
    def asked(self) -> int:
        """How much of it is set."""
        return sum(value is not None for value in self.model_dump(exclude={"after"}).values())
