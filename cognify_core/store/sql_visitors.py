"""The part of a SQL store that is about browsers (see `visitors`, where the promises are)."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import Select, select

from cognify_core.store import visitor_tables as tables
from cognify_core.store.database import Database
from cognify_core.store.visitors import Link, Person, Session


class SqlVisitors:
    """People, sessions, links."""

    _database: Database

    def put_person(self, person: Person) -> Person:
        """Keep who came."""
        table = tables.people
        same = select(table).where(table.c.auth == person.auth, table.c.subject == person.subject)
        with self._database.writing() as connection:
            if (row := connection.execute(same).first()) is None:
                connection.execute(table.insert(), asdict(person))
                return person
            kept = replace(Person(*row), name=person.name, parts=person.parts)
            mine = table.update().where(table.c.person_id == kept.person_id)
            connection.execute(mine.values(name=kept.name, parts=kept.parts))
        return kept

    def person(self, person_id: str) -> Person | None:
        """Look a person up."""
        with self._database.reading() as connection:
            row = connection.execute(select(tables.people).where(tables.people.c.person_id == person_id)).first()
        return None if row is None else Person(*row)

    def people(self) -> list[Person]:
        """List people."""
        query = select(tables.people).order_by(tables.people.c.created_at, tables.people.c.person_id)
        with self._database.reading() as connection:
            return [Person(*row) for row in connection.execute(query)]

    def set_removed(self, person_id: str, removed_at: str | None) -> bool:
        """Remove a person, or let them in again."""
        table, sessions = tables.people, tables.sessions
        mine = table.update().where(table.c.person_id == person_id)
        theirs = sessions.update().where(sessions.c.person_id == person_id, sessions.c.ended_at.is_(None))
        with self._database.writing() as connection:
            found = connection.execute(mine.values(removed_at=removed_at))
            if removed_at is not None:
                connection.execute(theirs.values(ended_at=removed_at))
            return found.rowcount == 1

    def put_session(self, session: Session) -> None:
        """Keep a session."""
        table = tables.sessions
        with self._database.writing() as connection:
            connection.execute(table.delete().where(table.c.expires_at < session.created_at))
            connection.execute(table.insert(), asdict(session))

    def session(self, session_hash: str) -> Session | None:
        """Look a session up."""
        with self._database.reading() as connection:
            row = connection.execute(_session(session_hash)).first()
        return None if row is None else Session(*row)

    def see_session(self, session_hash: str, seen_at: str) -> None:
        """Keep when a session was used."""
        table = tables.sessions
        with self._database.writing(beside=True) as connection:
            connection.execute(table.update().where(table.c.session_hash == session_hash).values(seen_at=seen_at))

    def end_session(self, session_hash: str, ended_at: str) -> bool:
        """End a session."""
        table = tables.sessions
        mine = table.update().where(table.c.session_hash == session_hash, table.c.ended_at.is_(None))
        with self._database.writing() as connection:
            return connection.execute(mine.values(ended_at=ended_at)).rowcount == 1

    def put_link(self, link: Link) -> None:
        """Keep a link."""
        table = tables.links
        with self._database.writing() as connection:
            connection.execute(table.delete().where(table.c.expires_at < link.created_at))
            connection.execute(table.insert(), asdict(link))

    def use_link(self, link_hash: str, used_at: str) -> Link | None:
        """Use a link up."""
        table = tables.links
        mine = table.c.link_hash == link_hash
        open_still = (mine, table.c.used_at.is_(None), table.c.expires_at > used_at)
        with self._database.writing() as connection:
            if connection.execute(table.update().where(*open_still).values(used_at=used_at)).rowcount == 0:
                return None
            return Link(*connection.execute(select(table).where(mine)).one())


def _session(session_hash: str) -> Select[Any]:
    return select(tables.sessions).where(tables.sessions.c.session_hash == session_hash)
