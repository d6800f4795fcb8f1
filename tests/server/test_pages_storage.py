"""The vault of a workspace as pages, and packages in vaults by when their lock ends."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from cognify_core.api.vaulting import stamp
from cognify_core.model.digest import Digest
from cognify_core.model.names import utc_now
from cognify_core.server.roles import Role
from cognify_core.store.keeping import VaultFact
from tests.server.hostile import HOSTILE, SHORT, what_pages_never_hold
from tests.server.serving import Room, serving
from tests.server.test_pages import see
from tests.server.test_pages_keeping import text_of
from tests.server.test_pages_run import send
from tests.store.contract_keeping import fact
from tests.vault.buckets import in_environment

ENDPOINT = "http://127.0.0.1:9"
FORM = {"place": "s3://bucket/trail", "mode": "GOVERNANCE", "region": "eu-central-1", "project": "", "endpoint": ""}


@pytest.fixture
def open_room(tmp_path: Path) -> Iterator[Room]:
    """A workspace of a server whose operator allows one more endpoint, at which nobody answers."""
    with serving(tmp_path, storage_endpoints=ENDPOINT) as served:
        yield served.new_workspace()


def vault_of(room: Room) -> str:
    return str(room.ask("GET", "/storage").json()["vault"])


def lying(room: Room, run_id: str, days: float | None, name: str = "package.json", **fields: object) -> VaultFact:
    """What a vault said of a package whose lock ends in so many days; it is what was asked for."""
    until = None if days is None else stamp(utc_now() + timedelta(days=days))
    given: dict[str, object] = {"until": until, "state": "locked" if until else "unlocked", "key": f"{run_id}/{name}"}
    given |= {"mode": "GOVERNANCE" if until else None, "asked_until": until or "2036-11-29T00:00:00Z"}
    said = fact(run_id=run_id, package_hash=Digest.of(name.encode()), **(given | fields))
    room.served.store.put_fact(said)
    return said


def rows(room: Room, asked: str = "") -> list[str]:
    """The names of the packages that the page of locks lists."""
    return re.findall(r'<th scope="row" class="wide">([^<]+)<', see(room, f"/locks{asked}"))


# -- storage


def test_the_vault_in_force_is_shown_with_what_its_lock_is_worth(room: Room) -> None:
    told = text_of(see(room, "/storage"))
    for said in (
        *("file://", "a folder on the server", "root can always undo that", "GOVERNANCE holds for all but those"),
        *("COMPLIANCE holds for everybody", "No regulator has assessed it", "No package waits for the vault"),
    ):
        assert said in told


def test_another_vault_is_shown_first_and_then_saved_as_the_route_does_it(room: Room) -> None:
    before = vault_of(room)
    shown = send(room, "/storage/preview", **FORM)
    told = text_of(shown)
    assert f"Until now {before} Then s3://bucket/trail?region=eu-central-1" in told
    assert "Nothing lies in a vault yet" in told
    assert vault_of(room) == before
    saved = send(room, "/storage", **FORM)
    assert (saved.status_code, saved.headers["location"]) == (303, f"/w/{room.name}/storage?done=storage")
    assert vault_of(room) == "s3://bucket/trail?region=eu-central-1"
    assert 'value="s3://bucket/trail"' in see(room, "/storage")


def test_a_lock_that_nobody_can_lift_is_warned_of_before_it_is_said(room: Room) -> None:
    told = text_of(send(room, "/storage/preview", **(FORM | {"mode": "COMPLIANCE"})))
    assert "can be lifted or shortened by nobody until its day" in told
    assert "can be lifted or shortened by nobody" not in text_of(send(room, "/storage/preview", **FORM))


def test_files_that_would_be_looked_for_otherwise_are_counted(open_room: Room) -> None:
    room, run_id = open_room, open_room.sealed()
    old = FORM | {"place": "s3://old/trail", "endpoint": ENDPOINT, "region": ""}
    assert send(room, "/storage", **old).status_code == 303
    assert vault_of(room) == "s3://old/trail?endpoint_url=http%3A%2F%2F127.0.0.1%3A9"
    lying(room, run_id, 900, vault="s3://old/trail")
    lying(room, run_id, 900, "other.json", vault="gs://elsewhere")
    told = text_of(send(room, "/storage/preview", **FORM))
    assert "2 files: they stay where they are" in told
    assert "1 file would be looked for with other options" in told
    same = text_of(send(room, "/storage/preview", **(old | {"place": "s3://old/another"})))
    assert "would be looked for with other options" not in same


@pytest.mark.parametrize("path", ["/storage/preview", "/storage"])
@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"place": "file:///etc", "region": ""}, "a folder of the server"),
        ({"place": ""}, "names no vault"),
        ({"endpoint": "http://169.254.169.254"}, "not among those that this server may reach"),
        ({"place": "az://container", "region": "", "endpoint": ENDPOINT}, "not among those that this server may reach"),
        ({"place": "s3://bucket?endpoint_url=http://169.254.169.254"}, "not among those that this server may reach"),
        ({"place": "s3://user:password@bucket"}, "takes no user, password"),
        ({"project": "p"}, "takes endpoint_url, mode, region"),
        ({"mode": "WEAK"}, "the mode is GOVERNANCE or COMPLIANCE"),
    ],
)
def test_what_the_server_may_not_reach_is_refused_beside_the_field(
    room: Room, path: str, said: dict[str, str], why: str
) -> None:
    before = vault_of(room)
    refused = send(room, path, **(FORM | said))
    assert refused.status_code == 422
    beside = re.search(r'id="h-place"><strong>(.*?)</strong>', refused.text)
    assert beside is not None
    assert re.search(why, beside[1])
    assert vault_of(room) == before


def test_a_trial_shows_what_was_found(room: Room) -> None:
    told = text_of(send(room, "/storage/test", put="yes"))
    assert "with a small object that was to be put and locked for a minute" in told
    assert "read back" in told
    assert "nothing was put" in text_of(send(room, "/storage/test"))


def test_a_vault_that_does_not_answer_is_a_finding_on_the_page_and_for_programs(open_room: Room) -> None:
    send(open_room, "/storage", **(FORM | {"endpoint": ENDPOINT}))
    with in_environment({"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}):
        answer = send(open_room, "/storage/test", put="yes")
        (found,) = open_room.ask("POST", "/storage/test", json={}).json()
    assert answer.status_code == 200
    assert "does not answer" in text_of(answer)
    assert (found["name"], found["ok"]) == ("answers", False)


def test_packages_on_their_way_and_the_next_round_are_shown(room: Room) -> None:
    room.ask("PUT", "/storage", json={"vault": "s3://bucket?region=nowhere-1"}).raise_for_status()
    run_id = room.sealed()
    room.ask("POST", f"/runs/{run_id}/exports", json={}).raise_for_status()
    send(room, f"/runs/{run_id}/packages", kind="json", vault="yes")
    told = text_of(see(room, "/storage"))
    assert re.search(rf"{run_id} \d{{4}}-\d\d-\d\d \d\d:\d\d \d", told)
    assert re.search(r"When (there was none yet|\d{4}-\d\d-\d\d)", told)


def test_where_the_operator_says_the_vault_nothing_is_to_be_set(tmp_path: Path) -> None:
    with serving(tmp_path, vault="s3://operators/trail") as served:
        shown = see(served.new_workspace(), "/storage")
    assert "the server's operator, for all workspaces" in text_of(shown)
    assert 'name="place"' not in shown


def test_only_whoever_may_keep_tests_and_sets_a_vault(room: Room) -> None:
    viewer = room.served.key(Role.VIEWER, room.name)
    shown = see(room, "/storage", viewer)
    assert "<form" not in shown.replace('<form method="post" action="/logout">', "")
    assert "On the way" not in shown
    for path in ("/storage", "/storage/preview", "/storage/test"):
        assert send(room, path, viewer, **FORM).status_code == 403
        stranger = room.served.new_workspace().key
        assert room.served.ask("POST", f"/w/{room.name}{path}", stranger, data=FORM).status_code == 404


# -- locks


def test_locks_are_listed_by_their_end_with_days_left_and_the_day_that_is_asked_for(room: Room) -> None:
    run_id = room.sealed()
    lying(room, run_id, 4000, "late.json", vault="s3://bucket", version="2")
    lying(room, run_id, 30.5, "soon.json")
    lying(room, run_id, None, "open.json")
    lying(room, run_id, -1, "ended.json", state="expired")
    assert rows(room) == ["open.json", "ended.json", "soon.json", "late.json"]
    told = text_of(see(room, "/locks"))
    for said in (
        *("no lock", "unlocked", "expired", "10 years after the seal", f"late.json {run_id} 20"),
        *("30 20", "Too short made longer in the next round", "3,999 20", "Enough"),
    ):
        assert said in told
    assert f'href="/w/{room.name}/runs/{run_id}#packages"' in see(room, "/locks")
    assert {entry["action"] for entry in room.ask("GET", "/accesses").json()["accesses"]} >= {"locks"}


def test_locks_are_found_by_days_and_by_what_they_lack(room: Room) -> None:
    run_id = room.sealed()
    lying(room, run_id, 4000, "late.json")
    lying(room, run_id, 30.5, "soon.json")
    lying(room, run_id, None, "open.json")
    assert rows(room, "?days=31&state=") == ["open.json", "soon.json"]
    assert rows(room, "?days=30") == ["open.json"]
    assert rows(room, "?state=lesser&days=") == ["open.json"]
    assert "No lock is like this" in see(room.served.new_workspace(), "/locks?days=3")
    assert "No package lies in a vault yet" in see(room.served.new_workspace(), "/locks")
    for wrong in ("?days=x", "?days=-1", "?state=no", "?after=x"):
        assert room.served.ask("GET", f"/w/{room.name}/locks{wrong}", room.key).status_code == 422


def test_pages_of_locks_follow_one_another(room: Room) -> None:
    run_id = room.sealed()
    for number in range(53):
        lying(room, run_id, 10 + number // 2, f"{number:02}.json")
    first = see(room, "/locks?days=900")
    (following,) = re.findall(r'href="([^"]+)" rel="next"', first)
    rest = room.served.ask("GET", following.replace("&amp;", "&"), room.key).text
    named = re.findall(r"\b(\d\d)\.json", first + rest)
    assert named == [f"{number:02}" for number in range(53)]
    assert "days=900" in following


def test_an_open_hold_wants_a_hold_in_the_vault_too(room: Room) -> None:
    run_id = room.sealed()
    room.ask("POST", f"/runs/{run_id}/exports", json={"format": "pdf", "template": "eu_ai_act"}).raise_for_status()
    lying(room, run_id, 9000)
    told = text_of(see(room, "/locks"))
    assert "open hold Regulation (EU) 2024/1689, Art. 18(1)" in told
    assert "Too short" in told
    lying(room, run_id, 9000, held=True, asked_held=True)
    assert "and a hold without a date" in text_of(see(room, "/locks"))
    assert "Enough" in text_of(see(room, "/locks"))


def test_a_workspace_sees_no_lock_of_another(room: Room) -> None:
    lying(room, room.sealed(), 30, "ours.json")
    assert rows(room.served.new_workspace()) == []


def test_no_text_of_a_vault_or_of_the_form_becomes_markup(room: Room) -> None:
    run_id = room.sealed()
    lying(room, run_id, 30, SHORT.replace("/", ""), vault=HOSTILE)
    pages = [see(room, "/locks"), see(room, "/storage")]
    said = dict.fromkeys(FORM, HOSTILE[:900])
    pages += [send(room, path, **said).text for path in ("/storage", "/storage/preview", "/storage/test")]
    pages.append(send(room, "/storage/preview", **(FORM | {"region": SHORT})).text)
    for page in pages:
        assert what_pages_never_hold(page) == []
        assert "<img" not in page.replace('<img src="/static/', "")
