"""API keys and webhooks as pages, for those who administer a workspace."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import quote

import httpx
import pytest
from standardwebhooks.webhooks import Webhook

from cognify_core.model.names import stamp_time, utc_now
from cognify_core.server.happening import EVENTS
from cognify_core.server.roles import Role
from cognify_core.server.tokens import issue
from tests.server.browsing import Browser, field_of
from tests.server.hostile import HOSTILE, SHORT, what_pages_never_hold
from tests.server.serving import Room, Served, serving
from tests.server.test_pages import see
from tests.server.test_pages_hostile import hostile_key
from tests.server.test_pages_keeping import text_of
from tests.server.test_pages_run import send
from tests.servers.receiving import Receiver, receiving

NEW = {"label": "a dashboard", "role": "viewer", "days": "7"}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest.fixture(scope="module")
def telling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that may tell receivers on this machine."""
    with serving(tmp_path_factory.mktemp("telling"), webhook_hosts="127.0.0.1") as running:
        yield running


@pytest.fixture
def hooked(telling: Served) -> Room:
    return telling.new_workspace()


def sent(room: Room, path: str, fields: list[tuple[str, str]]) -> httpx.Response:
    """Send a form in which a field stands more than once."""
    body = "&".join(f"{quote(name)}={quote(value)}" for name, value in fields)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return room.served.ask("POST", f"/w/{room.name}{path}", room.key, content=body, headers=headers)


# -- API keys


def test_a_key_is_given_and_shown_this_once(room: Room) -> None:
    given = send(room, "/tokens", **NEW)
    assert given.status_code == 201
    key = re.findall(r"cog_[0-9a-f]{16}_[A-Za-z0-9_-]{43}", given.text)
    assert len(set(key)) == 1
    assert room.served.ask("GET", f"{room.path}/runs", key[0]).status_code == 200
    listed = see(room, "/tokens")
    assert "a dashboard" in listed
    assert key[0].split("_", 2)[2] not in listed
    assert f"{utc_now() + timedelta(days=7):%Y-%m-%d}" in listed


def test_a_key_without_an_end_is_marked(room: Room) -> None:
    send(room, "/tokens", **(NEW | {"days": ""}))
    assert "Without an end" in see(room, "/tokens")


@pytest.mark.parametrize(
    ("field", "value"),
    [("label", ""), ("label", "x" * 201), ("role", "owner"), ("days", "0"), ("days", "9999"), ("days", "many")],
)
def test_a_key_that_cannot_be_given_is_refused_beside_the_field(room: Room, field: str, value: str) -> None:
    before = len(room.served.store.tokens(workspace=room.name))
    answer = send(room, "/tokens", **(NEW | {field: value}))
    assert answer.status_code == 422
    assert re.search(rf'id="h-{field}"><strong>', answer.text)
    assert len(room.served.store.tokens(workspace=room.name)) == before


def test_a_key_is_revoked_after_it_was_said_what_that_means(room: Room) -> None:
    given = room.ask("POST", "/tokens", json={"role": "viewer", "label": "a dashboard"}).json()
    path = f"/tokens/{given['token_id']}/revocation"
    assert "you are signed out" not in text_of(see(room, path))
    answer = send(room, path)
    assert answer.headers["location"] == f"/w/{room.name}/tokens?done=revoked"
    assert room.served.ask("GET", f"{room.path}/runs", given["key"]).status_code == 401
    assert "1 key that has ended" in text_of(see(room, "/tokens"))


def test_whoever_revokes_their_own_key_is_told_so_and_signed_out(room: Room) -> None:
    browser = Browser(room.served)
    browser.sign_in(room.key)
    own = room.key.split("_")[1]
    shown = browser.get(f"/w/{room.name}/tokens/{own}/revocation")
    assert "you are signed out" in text_of(shown)
    browser.send(f"/w/{room.name}/tokens/{own}/revocation", {"csrf": field_of(shown, "csrf")})
    assert browser.get(f"/w/{room.name}/tokens").headers["location"].startswith("/login")


def test_an_expired_key_is_no_key_that_holds(room: Room) -> None:
    token = issue(room.served.store, Role.VIEWER, workspace=room.name, label="old", created_by="t", days=-1).token
    assert str(token.expires_at) < stamp_time(utc_now())
    assert "Expired" in text_of(see(room, "/tokens"))


def test_keys_are_given_listed_and_revoked_by_administrators_of_their_workspace_alone(room: Room) -> None:
    theirs = room.served.new_workspace()
    given = theirs.ask("POST", "/tokens", json={"role": "viewer", "label": "theirs alone"}).json()
    path = f"/tokens/{given['token_id']}/revocation"
    assert "theirs alone" not in see(room, "/tokens")
    assert (send(room, path).status_code, room.served.ask("GET", f"/w/{room.name}{path}", room.key).status_code) == (
        404,
        404,
    )
    keeper = room.served.key(Role.COMPLIANCE, room.name)
    assert "API keys" not in see(room, "/workspace", keeper)
    assert (send(room, "/tokens", keeper, **NEW).status_code, send(room, path, keeper).status_code) == (403, 403)


# -- webhooks


def add(room: Room, url: str, *events: str) -> httpx.Response:
    return sent(room, "/webhooks", [("url", url), ("label", "the team"), *(("events", each) for each in events)])


def hook_of(room: Room) -> str:
    (hook,) = room.ask("GET", "/webhooks").json()
    return str(hook["hook_id"])


def test_a_webhook_is_added_and_its_secret_is_shown_this_once(hooked: Room, receiver: Receiver) -> None:
    given = add(hooked, f"{receiver.url}/s3cr3t", "run.sealed", "gap.opened")
    assert given.status_code == 201
    (secret,) = set(re.findall(r"whsec_[A-Za-z0-9+/=]+", html.unescape(given.text)))
    hook_id = hook_of(hooked)
    shown = see(hooked, "/webhooks") + see(hooked, f"/webhooks/{hook_id}")
    assert "whsec_" not in shown
    assert "s3cr3t" not in shown + given.text
    tried = send(hooked, f"/webhooks/{hook_id}/test")
    assert "It was taken , with the answer 20" in text_of(tried)
    Webhook(secret).verify(receiver.told[0].body, dict(receiver.told[0].headers))
    assert "webhook.test" in see(hooked, f"/webhooks/{hook_id}")


def test_a_try_that_fails_is_told(hooked: Room, receiver: Receiver) -> None:
    add(hooked, receiver.url, "run.sealed")
    receiver.answers.append(500)
    assert "It was not taken : it answered 500" in text_of(send(hooked, f"/webhooks/{hook_of(hooked)}/test"))


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://169.254.169.254/", "in clear only a host of this machine"),
        ("https://10.0.0.1/", "not public"),
        ("ftp://example.org", "https://HOST"),
        ("", "url"),
        ("https://user:pw@example.org/", "takes no user and no password"),
    ],
)
def test_a_url_that_may_not_be_reached_is_refused_beside_the_field(room: Room, url: str, why: str) -> None:
    refused = add(room, url, "run.sealed")
    assert refused.status_code == 422
    beside = re.search(r'id="h-url"><strong>(.*?)</strong>', refused.text)
    assert beside is not None
    assert why in beside[1]
    assert room.ask("GET", "/webhooks").json() == []


def test_a_webhook_without_an_event_or_with_one_that_is_none_is_refused(hooked: Room, receiver: Receiver) -> None:
    for events in ((), ("run.sold",)):
        assert add(hooked, receiver.url, *events).status_code == 422
    assert hooked.ask("GET", "/webhooks").json() == []


def test_a_webhook_is_changed_switched_off_and_removed(hooked: Room, receiver: Receiver) -> None:
    add(hooked, receiver.url, *EVENTS)
    hook_id = hook_of(hooked)
    changed = sent(hooked, f"/webhooks/{hook_id}", [("label", "others"), ("events", "run.sealed")])
    assert changed.headers["location"] == f"/w/{hooked.name}/webhooks/{hook_id}?done=hook-changed"
    (hook,) = hooked.ask("GET", "/webhooks").json()
    assert (hook["label"], hook["events"], hook["enabled"]) == ("others", ["run.sealed"], False)
    assert "Switched off" in see(hooked, "/webhooks")
    assert sent(hooked, f"/webhooks/{hook_id}", [("enabled", "yes")]).status_code == 422
    assert "is told no more" in text_of(see(hooked, f"/webhooks/{hook_id}/removal"))
    assert send(hooked, f"/webhooks/{hook_id}/removal").headers["location"].endswith("done=hook-removed")
    assert hooked.ask("GET", "/webhooks").json() == []


def test_a_webhook_of_another_workspace_is_not_there(hooked: Room, receiver: Receiver) -> None:
    add(hooked, receiver.url, "run.sealed")
    hook_id, other = hook_of(hooked), hooked.served.new_workspace()
    assert "Nobody is told" in see(other, "/webhooks")
    for path in (f"/webhooks/{hook_id}", f"/webhooks/{hook_id}/removal"):
        assert other.served.ask("GET", f"/w/{other.name}{path}", other.key).status_code == 404
    for path in (f"/webhooks/{hook_id}", f"/webhooks/{hook_id}/removal", f"/webhooks/{hook_id}/test"):
        assert send(other, path, label="x").status_code == 404
    auditor = hooked.served.key(Role.AUDITOR, hooked.name)
    assert hooked.served.ask("GET", f"/w/{hooked.name}/webhooks", auditor).status_code == 403
    assert send(hooked, f"/webhooks/{hook_id}/removal", auditor).status_code == 403


# -- all of them


def test_every_page_that_names_runs_is_an_entry_of_the_access_log(room: Room) -> None:
    for path in ("/storage", "/locks", "/population", "/accesses"):
        see(room, path)
    send(room, "/retention/preview", retention_years="11", auto_export_format="json")
    listed = room.ask("GET", "/accesses").json()["accesses"]
    assert [each["action"] for each in listed] == ["retention", "accesses", "list", "locks", "storage"]


def test_each_role_finds_what_it_may_see(room: Room) -> None:
    shown = {
        role: re.findall(r'<li><a href="/w/[^/]+/(\w+)">', see(room, "/workspace", room.served.key(role, room.name)))
        for role in Role
    }
    everybody = ["profile", "retention", "storage", "locks"]
    assert shown == {
        Role.VIEWER: everybody,
        Role.RECORDER: [*everybody, "population"],
        Role.AUDITOR: [*everybody, "population", "accesses"],
        Role.COMPLIANCE: [*everybody, "population", "accesses", "webhooks"],
        Role.ADMIN: [*everybody, "population", "accesses", "tokens", "webhooks"],
    }


def test_no_text_of_a_name_a_label_or_a_form_becomes_markup(hooked: Room, receiver: Receiver) -> None:
    room, key = hooked, hostile_key(hooked)
    run_id = room.sealed()
    room.served.ask("GET", f"{room.path}/runs/{run_id}", key).raise_for_status()
    sent(room, "/webhooks", [("url", receiver.url), ("label", SHORT), ("events", "run.sealed")])
    send(room, "/tokens", **(NEW | {"label": SHORT}))
    hook_id, token_id = hook_of(room), key.split("_")[1]
    pages = [
        see(room, path, key)
        for path in (
            *("/accesses", "/tokens", "/webhooks", f"/webhooks/{hook_id}", f"/webhooks/{hook_id}/removal"),
            *(
                f"/tokens/{token_id}/revocation",
                "/workspace",
                "/accesses/erasure",
                f"/accesses?person={quote(HOSTILE[:190])}",
            ),
        )
    ]
    pages += [
        send(room, "/accesses/erasure", value=HOSTILE).text,
        send(room, "/accesses/erasure", value=HOSTILE, run_id=HOSTILE[:60]).text,
        send(room, "/accesses/verification", head=HOSTILE).text,
        send(room, "/tokens", **dict.fromkeys(NEW, HOSTILE)).text,
        sent(room, "/webhooks", [("url", HOSTILE), ("label", HOSTILE[:200]), ("events", HOSTILE[:60])]).text,
        sent(room, f"/webhooks/{hook_id}", [("label", HOSTILE[:200]), ("events", HOSTILE[:60])]).text,
    ]
    for page in pages:
        assert what_pages_never_hold(page) == []
        assert "<img" not in page.replace('<img src="/static/', "")
        assert not {"\u202e", "\x1b", "\u2028"} & set(page)
