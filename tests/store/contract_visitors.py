"""What every store promises of those who come by browser."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from cognify_core.store.protocol import Store
from cognify_core.store.tenancy import Token
from cognify_core.store.visitors import Link, Person, Session
from tests import factories

BEFORE, NOW, LATER = factories.OPENED_AT, factories.TIME, factories.CLOSED_AT
ADA = Person("0a", "oidc", "https://op.example 17", "Ada \x1b[31m 💊", "viewer admin@team", BEFORE)
SESSION = Session("5e", "0a", None, BEFORE, BEFORE, LATER)
LINK = Link("11", "Ada", "admin", "user ada", BEFORE, LATER)
TOKEN = Token("0f0f", "team", "viewer", "a dashboard", "0" * 64, "a test", factories.TIME)


class VisitorsContract:
    """People, their sessions, and links."""

    def test_a_subject_is_one_person_whatever_it_is_called(self, store: Store) -> None:
        assert store.put_person(ADA) == ADA
        again = Person("0b", ADA.auth, ADA.subject, "Ada King", "viewer", NOW)
        assert store.put_person(again) == replace(again, person_id="0a", created_at=BEFORE) == store.person("0a")
        other = replace(again, person_id="0c", auth="proxy")
        assert store.put_person(other) == other
        assert [each.person_id for each in store.people()] == ["0a", "0c"]
        assert store.person("0b") is None

    def test_a_person_who_is_removed_stays_so_and_has_no_session_left(self, store: Store) -> None:
        store.put_person(ADA)
        store.put_session(SESSION)
        assert (store.set_removed("0a", NOW), store.set_removed("0b", NOW)) == (True, False)
        assert store.session("5e") == replace(SESSION, ended_at=NOW)
        assert store.put_person(replace(ADA, person_id="0d")) == replace(ADA, removed_at=NOW)
        assert store.set_removed("0a", None)
        assert store.person("0a") == ADA
        assert store.session("5e") == replace(SESSION, ended_at=NOW)

    def test_a_session_is_seen_and_ends_once(self, store: Store) -> None:
        store.put_person(ADA)
        store.put_session(SESSION)
        store.see_session("5e", NOW)
        assert store.session("5e") == replace(SESSION, seen_at=NOW)
        assert [store.end_session(name, at) for name, at in (("5e", NOW), ("5e", LATER), ("5f", NOW))] == [
            True,
            False,
            False,
        ]
        assert store.session("5e") == replace(SESSION, seen_at=NOW, ended_at=NOW)

    def test_sessions_that_have_expired_are_forgotten(self, store: Store) -> None:
        store.put_token(TOKEN)
        first = Session("5a", None, TOKEN.token_id, BEFORE, BEFORE, NOW)
        store.put_session(first)
        store.put_session(replace(first, session_hash="5b", created_at=NOW, expires_at=LATER))
        assert store.session("5a") == first
        store.put_session(replace(first, session_hash="5c", created_at=LATER, expires_at=LATER))
        assert [store.session(name) is None for name in ("5a", "5b", "5c")] == [True, False, False]

    def test_a_link_is_used_once_and_before_it_expires(self, store: Store) -> None:
        store.put_link(LINK)
        assert store.use_link("12", NOW) is None
        assert store.use_link("11", LATER) is None
        assert store.use_link("11", NOW) == replace(LINK, used_at=NOW)
        assert store.use_link("11", NOW) is None

    def test_of_many_who_use_a_link_at_once_one_does(self, store: Store) -> None:
        store.put_link(LINK)
        with ThreadPoolExecutor(8) as threads:
            used = list(threads.map(lambda _: store.use_link("11", NOW), range(8)))
        assert sorted(each is not None for each in used) == [False] * 7 + [True]
