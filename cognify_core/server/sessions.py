"""Sessions of browsers: an id that only the cookie holds, a digest of it in the store, and what the session rests on.

A session rests on an API key or on a person, is what that is at the moment of each request, and ends with it. It also
ends when nobody has used it for eight hours, after seven days, and when whoever it is signs out.
"""

from __future__ import annotations

import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast

from fastapi import Request

from cognify_core.model.names import stamp_time, utc_now
from cognify_core.server.front import front_of
from cognify_core.server.roles import Auth, Caller, Part, Role
from cognify_core.server.tokens import digest, holds
from cognify_core.store.visitors import Person, Session

if TYPE_CHECKING:
    from cognify_core.server.login.proxied import Proxied
    from cognify_core.store.protocol import Store
    from cognify_core.store.tenancy import Token

COOKIE = "cognify"
IDLE, LONGEST = timedelta(hours=8), timedelta(days=7)
_SEEN_EVERY = timedelta(minutes=1)
_ID = re.compile(r"[A-Za-z0-9_-]{43}")
_NONCE = 16


@dataclass(frozen=True, slots=True)
class Visit:
    """A browser that is signed in."""

    session_id: str
    """The secret in its cookie."""
    caller: Caller


def begin(store: Store, rests_on: Person | Token, now: datetime) -> str:
    """Begin a session; return its new id."""
    session_id = secrets.token_urlsafe(32)
    person_id = rests_on.person_id if isinstance(rests_on, Person) else None
    token_id = None if isinstance(rests_on, Person) else rests_on.token_id
    at, until = stamp_time(now), stamp_time(now + LONGEST)
    store.put_session(Session(digest(session_id), person_id, token_id, at, at, until))
    return session_id


def end(store: Store, session_id: str) -> None:
    """End a session now."""
    store.end_session(digest(session_id), stamp_time(utc_now()))


def admit(store: Store, session_id: str, now: datetime) -> Person | Token | None:
    """What the session of that id rests on, where both hold at `now`."""
    given = digest(session_id)
    session = store.session(given) if _ID.fullmatch(session_id) else None
    matches = hmac.compare_digest(given, "0" * 64 if session is None else session.session_hash)
    if session is None or not matches or not _goes_on(session, now):
        return None
    rests_on = _rests_on(store, session, now)
    if rests_on is not None and session.seen_at < stamp_time(now - _SEEN_EVERY):
        store.see_session(given, stamp_time(now))
    return rests_on


def visit_of(request: Request) -> Visit | None:
    """The visit that a request is part of, where its cookie says so truly."""
    session_id = front_of(request).cookie(request, COOKIE)
    if not session_id:
        return None
    rests_on = admit(request.app.state.rooms.store, session_id, utc_now())
    if rests_on is None:
        return None
    address = address_of(request)
    if isinstance(rests_on, Person):
        if not (parts := _parts(request, rests_on)):
            return None
        return Visit(session_id, Caller(called(rests_on), cast("Auth", rests_on.auth), parts, address))
    return Visit(session_id, caller_of_token(rests_on, "session", address))


def caller_of_token(token: Token, auth: Auth, address: str) -> Caller:
    """Whoever has an API key."""
    parts = frozenset({Part(Role(token.role), token.workspace)})
    return Caller(f"token {token.token_id} ({token.label})", auth, parts, address)


def called(person: Person) -> str:
    """A person, as the access log has them."""
    return f"{person.name} ({person.subject})"


def address_of(request: Request) -> str:
    """Where a request came from."""
    return request.client.host if request.client is not None else "unknown"


def csrf_token(session_id: str) -> str:
    """What a page of that session carries, and a request that changes something sends back. Each is another one.

    It tells nothing of the id, and what it is mixed with lets no compression guess at it (BREACH).
    """
    nonce = secrets.token_urlsafe(_NONCE)[:_NONCE]
    return nonce + _mac(session_id, nonce)


def is_csrf_token(session_id: str, given: str) -> bool:
    """Whether that token is of that session."""
    return hmac.compare_digest(given[_NONCE:].encode(), _mac(session_id, given[:_NONCE]).encode())


def _parts(request: Request, person: Person) -> frozenset[Part]:
    """What a person is. Whom a proxy brought, it must name in each request, and is what the settings now say."""
    if person.auth != "proxy":
        return frozenset(map(Part.parse, person.parts.split()))
    proxied: Proxied | None = request.app.state.proxied
    if proxied is None or proxied.user(request) != person.subject:
        return frozenset()
    return proxied.parts(person.subject)


def _mac(session_id: str, nonce: str) -> str:
    return hmac.new(session_id.encode(), f"cognify csrf {nonce}".encode(), "sha256").hexdigest()


def _goes_on(session: Session, now: datetime) -> bool:
    used_lately = session.seen_at > stamp_time(now - IDLE)
    return session.ended_at is None and used_lately and session.expires_at > stamp_time(now)


def _rests_on(store: Store, session: Session, now: datetime) -> Person | Token | None:
    if session.token_id is not None:
        token = store.token(session.token_id)
        return token if token is not None and holds(token, now) else None
    person = store.person(str(session.person_id))
    return person if person is not None and person.removed_at is None else None
