"""What a store keeps of those who come by browser: people, their sessions, and links that let somebody in once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whom a provider, a proxy or a link has brought; a provider's subject is one person."""

    person_id: str
    auth: str
    """Who says who it is: `oidc`, `proxy` or `session` (a link's)."""
    subject: str
    """As that one has it: the issuer and its subject, the proxy's user name, the link."""
    name: str
    """For people; whoever it is chose it."""
    parts: str
    """The roles, as in `viewer admin@team`, as they were when the person came last."""
    created_at: str
    removed_at: str | None = None
    """From then on, this person is let in no more, and no session of theirs holds."""


@dataclass(frozen=True, slots=True)
class Session:
    """A browser that is signed in, for a person or with an API key; without the id that its cookie holds."""

    session_hash: str
    """SHA-256 of the id, which is as random as it is long."""
    person_id: str | None
    token_id: str | None
    """The one or the other: what the session rests on, and ends with."""
    created_at: str
    seen_at: str
    """When it was last used, to about a minute."""
    expires_at: str
    """It ends then, however much it is used."""
    ended_at: str | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """A link that lets somebody in once; without the secret in it."""

    link_hash: str
    name: str
    """Whom it lets in."""
    part: str
    """As what: `admin`, or `viewer@team`."""
    created_by: str
    created_at: str
    expires_at: str
    used_at: str | None = None


class Visitors(Protocol):
    """The part of a `Store` that is about browsers. As there: what is written is on disk when a method returns."""

    def put_person(self, person: Person) -> Person:
        """Keep who came; return who it is. A subject that came before keeps its id, its first time and its removal."""

    def person(self, person_id: str) -> Person | None:
        """The person of that id."""

    def people(self) -> list[Person]:
        """All who ever came, oldest first."""

    def set_removed(self, person_id: str, removed_at: str | None) -> bool:
        """Remove a person, or let them in again; whether there is such a person. The sessions of the removed end."""

    def put_session(self, session: Session) -> None:
        """Keep a session, and forget those that had expired when it began."""

    def session(self, session_hash: str) -> Session | None:
        """The session of that digest, whether it holds or not."""

    def see_session(self, session_hash: str, seen_at: str) -> None:
        """Keep when a session was used."""

    def end_session(self, session_hash: str, ended_at: str) -> bool:
        """End a session now; whether there was one to end. The first time stands."""

    def put_link(self, link: Link) -> None:
        """Keep a link, and forget those that had expired when it was made."""

    def use_link(self, link_hash: str, used_at: str) -> Link | None:
        """Use a link up; none where there is none, or it is used or expired. Of all who use one at once, one does."""
