"""Links that let somebody in once, without a provider: the first administrator above all."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from cognify_core.model.names import stamp_time
from cognify_core.server.roles import Part
from cognify_core.server.tokens import digest
from cognify_core.store.visitors import Link, Person

if TYPE_CHECKING:
    from cognify_core.store.protocol import Store

HOLDS = timedelta(minutes=15)
_SHOWN = 16


def make(store: Store, part: Part, *, name: str, created_by: str, now: datetime) -> str:
    """Make a link; return its path, which is told this once."""
    secret = secrets.token_urlsafe(32)
    made, until = stamp_time(now), stamp_time(now + HOLDS)
    store.put_link(Link(digest(secret), name, str(part), created_by, made, until))
    return f"/login?once={secret}"


def use(store: Store, secret: str, now: datetime) -> Person | None:
    """Use a link up; whom it lets in, or nobody, where it is unknown, used or expired."""
    link = store.use_link(digest(secret), stamp_time(now))
    if link is None:
        return None
    subject = f"link {link.link_hash[:_SHOWN]}"
    person = Person(secrets.token_hex(8), "session", subject, link.name, link.part, stamp_time(now))
    return store.put_person(person)


def nobody_yet(store: Store) -> bool:
    """Whether nobody could use the server: there is no API key, and nobody ever came."""
    return not store.tokens() and not store.people()
