"""Webhooks: who is told, of what, signed how, how often; and what a secret never stands in."""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from cognify_core.canonical import encode
from cognify_core.model.names import stamp_time, utc_now
from cognify_core.server.happening import EVENTS
from cognify_core.server.notifying import MOST_HOOKS, WAITS
from cognify_core.server.rooms import Rooms
from cognify_core.server.working import Pace
from cognify_core.store.sql import open_store
from cognify_core.store.working import Job
from tests.server.serving import Room, Served, line, serving
from tests.servers.receiving import Receiver, receiving

ALL = list(EVENTS)
SAID = {"retention_years": 7, "archive_after_days": None, "auto_export_on_seal": True, "auto_export_format": "json"}


@pytest.fixture(scope="module")
def telling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that may tell receivers on this machine, and tries again at once."""
    pace = Pace(tick=0.05, waits=(0.05, 0.1, 0.2))
    with serving(tmp_path_factory.mktemp("telling"), pace=pace, webhook_hosts="127.0.0.1") as running:
        yield running


@pytest.fixture
def room(telling: Served) -> Room:
    return telling.new_workspace()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


def add(room: Room, receiver: Receiver, events: list[str] = ALL, **more: Any) -> dict[str, Any]:
    made = room.ask("POST", "/webhooks", json={"url": f"{receiver.url}/s3cr3t-path", "events": events, **more})
    assert made.status_code == 201, made.text
    return dict(made.json())


def deliveries(room: Room, hook: dict[str, Any]) -> list[dict[str, Any]]:
    return list(room.ask("GET", f"/webhooks/{hook['hook_id']}/deliveries").json())


def settled(room: Room, hook: dict[str, Any], count: int = 1) -> list[dict[str, Any]]:
    """The deliveries, once so many are there and none waits."""

    def look() -> list[dict[str, Any]]:
        found = deliveries(room, hook)
        return found if len(found) >= count and all(each["state"] != "waiting" for each in found) else []

    return room.within_a_while(look)


def test_a_seal_is_told_and_the_signature_is_what_standard_webhooks_asks_for(room: Room, receiver: Receiver) -> None:
    hook = add(room, receiver, ["run.sealed"], label="the team")
    run_id = room.sealed()
    receiver.within(1)
    told = receiver.told[0]
    message = Webhook(hook["secret"]).verify(told.body, dict(told.headers))
    sealed = room.ask("GET", f"/runs/{run_id}").json()
    assert message["type"] == "run.sealed"
    assert {name: message["data"][name] for name in ("run_id", "root", "size", "sealed_at", "complete")} == {
        name: sealed[name] for name in ("run_id", "root", "size", "sealed_at", "complete")
    }
    assert room.served.ask("GET", message["data"]["path"], room.key).json() == sealed
    assert (told.path, told.headers["content-type"]) == ("/s3cr3t-path", "application/json")
    for other in (add(room, receiver)["secret"], hook["secret"].replace("whsec_", "whsec_AAAA")):
        with pytest.raises(WebhookVerificationError):
            Webhook(other).verify(told.body, dict(told.headers))


def test_a_package_in_the_vault_is_told_with_the_lock_that_was_read_back(room: Room, receiver: Receiver) -> None:
    add(room, receiver, ["package.exported"])
    room.ask("PATCH", "/retention", json=SAID).raise_for_status()
    run_id = room.sealed()
    receiver.within(1)
    data = json.loads(receiver.told[0].body)["data"]
    (package,) = room.ask("GET", f"/runs/{run_id}/exports").json()
    facts = room.served.ask("GET", data["path"], room.key).json()
    read = next(fact for fact in facts if fact["part"] == "package")
    assert (data["package_hash"], data["run_id"]) == (package["package_hash"], run_id)
    assert {name: data[name] for name in ("state", "mode", "until", "vault", "key")} == {
        name: read[name] for name in ("state", "mode", "until", "vault", "key")
    }
    time.sleep(0.3)
    assert len(receiver.told) == 1


@pytest.mark.parametrize("answer", [500, 503, 404, 302, b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1"])
def test_what_was_not_taken_comes_again_under_the_same_id(room: Room, receiver: Receiver, answer: Any) -> None:
    hook = add(room, receiver, ["run.sealed"])
    receiver.answers += [answer, 500]
    room.sealed()
    ids = receiver.within(3)
    assert len(set(ids)) == 1
    assert {each.body for each in receiver.told} == {receiver.told[0].body}
    for each in receiver.told:
        Webhook(hook["secret"]).verify(each.body, dict(each.headers))
    (done,) = settled(room, hook)
    assert (done["state"], done["attempts"], done["error"], done["message_id"]) == ("delivered", 3, None, ids[0])
    assert len(receiver.told) == 3


def test_what_is_never_taken_is_given_up_and_shown(room: Room, receiver: Receiver) -> None:
    hook = add(room, receiver, ["run.sealed"])
    receiver.answers += [500] * 9
    room.sealed()
    (failed,) = settled(room, hook)
    assert (failed["state"], failed["attempts"], failed["error"]) == ("failed", 4, "it answered 500")
    assert len(receiver.told) == 4
    assert 'cognify_jobs_failed{kind="notify"}' in room.served.ask("GET", "/metrics").text


def test_a_receiver_that_is_gone_for_good_is_not_asked_again(room: Room, receiver: Receiver) -> None:
    hook = add(room, receiver, ["run.sealed"])
    receiver.answers.append(410)
    room.sealed()
    (failed,) = settled(room, hook)
    assert (failed["state"], failed["attempts"]) == ("failed", 1)


def test_tries_go_on_for_three_days() -> None:
    assert timedelta(days=3) < timedelta(seconds=sum(WAITS)) < timedelta(days=3.5)


def test_messages_come_in_the_order_in_which_things_happened_and_each_once(room: Room, receiver: Receiver) -> None:
    add(room, receiver, ["run.sealed"])
    runs = [room.sealed() for _ in range(8)]
    ids = receiver.within(8)
    time.sleep(0.3)
    assert [json.loads(each.body)["data"]["run_id"] for each in receiver.told] == runs
    assert len(set(ids)) == 8


def test_a_receiver_that_hangs_holds_up_no_other(room: Room, receiver: Receiver) -> None:
    let_go = threading.Event()

    def hang() -> bytes:
        let_go.wait(60)
        return b""

    with receiving() as other:
        receiver.answers += [hang] * 9
        add(room, receiver, ["run.sealed"])
        add(room, other, ["run.sealed"])
        for _ in range(3):
            room.sealed()
        began = time.monotonic()
        other.within(3)
        let_go.set()
        assert time.monotonic() - began < 9  # the one that hangs is given ten seconds for each


def test_only_what_was_asked_for_is_told_and_only_from_then_on(room: Room, receiver: Receiver) -> None:
    room.sealed()
    add(room, receiver, ["package.exported"])
    hook = add(room, receiver, ["run.sealed"])
    later = room.sealed()
    receiver.within(1)
    time.sleep(0.3)
    assert [json.loads(each.body)["data"]["run_id"] for each in receiver.told] == [later]
    assert len(deliveries(room, hook)) == 1


def test_nothing_of_another_workspace_is_told(room: Room, receiver: Receiver) -> None:
    theirs = room.served.new_workspace()
    hook = add(theirs, receiver)
    room.ask("PATCH", "/retention", json=SAID).raise_for_status()
    run_id = room.sealed()
    room.within_a_while(lambda: room.ask("GET", f"/runs/{run_id}/exports").json())
    time.sleep(0.5)
    assert (receiver.told, deliveries(theirs, hook)) == ([], [])
    assert room.ask("GET", "/webhooks").json() == []
    for method, path in (("DELETE", ""), ("POST", "/test"), ("GET", "/deliveries"), ("PATCH", "")):
        refused = room.ask(method, f"/webhooks/{hook['hook_id']}{path}", json={})
        assert refused.status_code == 404, (method, path)


def test_a_webhook_that_is_switched_off_is_told_nothing_then_or_later(room: Room, receiver: Receiver) -> None:
    hook = add(room, receiver, ["run.sealed"])
    path = f"/webhooks/{hook['hook_id']}"
    assert room.ask("PATCH", path, json={"enabled": False}).json()["enabled"] is False
    room.sealed()
    time.sleep(0.3)
    changed = room.ask("PATCH", path, json={"enabled": True, "label": "x", "events": ["gap.opened", "run.sealed"]})
    assert changed.json()["events"] == ["run.sealed", "gap.opened"]
    later = room.sealed()
    receiver.within(1)
    assert [json.loads(each.body)["data"]["run_id"] for each in receiver.told] == [later]


def test_a_webhook_that_is_removed_is_told_nothing_any_more(room: Room, receiver: Receiver) -> None:
    hook = add(room, receiver, ["run.sealed"])
    receiver.answers += [500] * 9
    room.sealed()
    receiver.within(1)
    assert room.ask("DELETE", f"/webhooks/{hook['hook_id']}").status_code == 204
    time.sleep(0.3)
    count = len(receiver.told)
    time.sleep(0.5)
    assert (len(receiver.told), room.ask("GET", "/webhooks").json()) == (count, [])
    assert room.served.store.jobs(lane=hook["hook_id"], done=True) == []


def test_a_trial_says_what_became_of_it_and_is_listed(room: Room, receiver: Receiver) -> None:
    hook = add(room, receiver, ["run.sealed"], enabled=False)
    receiver.answers += [204, b"HTTP/1.1 418 Teapot\r\nContent-Length: 11\r\n\r\nown secrets"]
    tried = [room.ask("POST", f"/webhooks/{hook['hook_id']}/test").json() for _ in range(2)]
    assert [(each["delivered"], each["status"], each["error"]) for each in tried] == [
        (True, 204, None),
        (False, 418, "it answered 418"),
    ]
    message = Webhook(hook["secret"]).verify(receiver.told[0].body, dict(receiver.told[0].headers))
    assert (message["type"], message["data"]) == ("webhook.test", {"hook_id": hook["hook_id"]})
    listed = [(each["event"], each["state"], each["message_id"]) for each in deliveries(room, hook)]
    assert listed == [
        ("webhook.test", "failed", tried[1]["message_id"]),
        ("webhook.test", "delivered", tried[0]["message_id"]),
    ]
    assert "own secrets" not in str(tried) + str(deliveries(room, hook))


def test_trials_hold_no_more_than_a_few_threads(room: Room, receiver: Receiver) -> None:
    def hang() -> bytes:
        time.sleep(2)
        return b""

    hook = add(room, receiver, ["run.sealed"])
    receiver.answers += [hang] * 9
    with ThreadPoolExecutor(6) as threads:
        asked = threads.map(lambda _: room.ask("POST", f"/webhooks/{hook['hook_id']}/test").status_code, range(6))
        assert sorted(asked) == [200, 200, 429, 429, 429, 429]


def test_a_gap_is_told_once_of_a_record_while_it_is_written(room: Room, receiver: Receiver) -> None:
    add(room, receiver, ["gap.opened"])
    run_id = room.begin()
    gaps = [line({"kind": "gap", "subject": "Jane Doe's file", "reason": "r"}, number) for number in range(3)]
    room.append(run_id, gaps[0]).raise_for_status()
    receiver.within(1)
    room.append(run_id, gaps[1], gaps[2]).raise_for_status()
    room.ask("POST", f"/runs/{run_id}/finish", json={"status": "COMPLETED"}).raise_for_status()
    room.ask("POST", f"/runs/{run_id}/seal").raise_for_status()
    time.sleep(0.5)
    (told,) = receiver.told
    assert json.loads(told.body)["data"]["run_id"] == run_id
    assert b"Jane" not in told.body


def test_a_record_that_contradicts_its_seal_is_told_when_it_is_verified(room: Room, receiver: Receiver) -> None:
    add(room, receiver, ["verification.failed"])
    run_id = room.sealed()
    with closing(sqlite3.connect(room.served.settings.store_path, isolation_level=None)) as database:
        database.execute("PRAGMA busy_timeout = 10000")
        rule = database.execute("SELECT name, sql FROM sqlite_master WHERE name = 'events_update'").fetchone()
        database.execute(f"DROP TRIGGER {rule[0]}")
        changed = "UPDATE events SET event = replace(event, '1.5', '0.5') WHERE run_id = ? AND seq = 1"
        assert database.execute(changed, (run_id,)).rowcount == 1
        database.execute(rule[1])
    for _ in range(2):
        assert room.ask("GET", f"/runs/{run_id}/verification").json()["exit_code"] == 1
    receiver.within(1)
    time.sleep(0.3)
    (told,) = receiver.told
    data = json.loads(told.body)["data"]
    assert (data["run_id"], data["reason"]) == (run_id, "record")
    assert data["contradictions"] > 0


def test_an_export_that_keeps_failing_is_told_once(room: Room, receiver: Receiver) -> None:
    add(room, receiver, ["export.failed"])
    run_id = room.sealed()
    what = {"addenda": 0, "format": "json", "run_id": run_id, "template": None, "vault": "s3://nobody/"}
    now = stamp_time(utc_now())
    job = Job(encode(what).decode(), "deliver", run_id, now, now, attempts=2, workspace=room.name)
    room.served.store.put_job(job)
    receiver.within(1)
    data = json.loads(receiver.told[0].body)["data"]
    assert (data["run_id"], data["format"]) == (run_id, "json")


def test_a_workspace_has_so_many_webhooks_and_no_more(room: Room, receiver: Receiver) -> None:
    for _ in range(MOST_HOOKS):
        add(room, receiver, ["run.sealed"])
    refused = room.ask("POST", "/webhooks", json={"url": receiver.url, "events": ["run.sealed"]})
    assert (refused.status_code, "remove one first" in refused.json()["detail"]) == (422, True)


@pytest.mark.parametrize(
    "said",
    [
        {"events": []},
        {"events": ["run.opened"]},
        {"events": "run.sealed"},
        {"events": ["run.sealed"], "secret": "mine"},
        {"events": ["run.sealed"], "enabled": 1},
        {"events": ["run.sealed"], "label": "x" * 201},
    ],
)
def test_what_no_webhook_can_be_is_refused(room: Room, receiver: Receiver, said: dict[str, Any]) -> None:
    assert room.ask("POST", "/webhooks", json={"url": receiver.url, **said}).status_code == 422
    assert room.ask("GET", "/webhooks").json() == []


def test_a_secret_stands_in_no_answer_but_the_first_in_no_log_and_not_in_the_database(
    room: Room, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        hook = add(room, receiver, ["run.sealed"])
        receiver.answers += [500] * 9
        room.sealed()
        settled(room, hook)
        path = f"/webhooks/{hook['hook_id']}"
        answers = [
            room.ask("GET", "/webhooks"),
            room.ask("PATCH", path, json={"label": "x"}),
            room.ask("GET", f"{path}/deliveries"),
            room.ask("POST", f"{path}/test"),
            room.ask("POST", "/webhooks", json={"url": f"{receiver.url}/s3cr3t-path", "events": []}),
        ]
    said = caplog.text + "".join(answer.text for answer in answers)
    secret = hook["secret"].removeprefix("whsec_")
    assert secret not in said
    assert "s3cr3t-path" not in said
    home = room.served.settings.home
    for file in (home / "cognify.db", home / "cognify.db-wal"):
        assert secret.encode() not in file.read_bytes()
    (key,) = (home / "workspaces" / room.name).rglob("webhooks.key")
    assert (key.stat().st_mode & 0o777, secret.encode() in key.read_bytes()) == (0o600, False)


def test_a_server_with_another_key_sends_nothing_under_a_signature_that_does_not_hold(
    room: Room, receiver: Receiver
) -> None:
    hook = add(room, receiver, ["run.sealed"])
    (key,) = (room.served.settings.home / "workspaces" / room.name).rglob("webhooks.key")
    key.write_bytes(b"x" * 32)
    tried = room.ask("POST", f"/webhooks/{hook['hook_id']}/test").json()
    assert (tried["delivered"], "servers of one store share keys/" in tried["error"]) == (False, True)
    assert receiver.told == []


def test_what_was_sealed_while_no_server_ran_is_told_once_when_one_does(tmp_path: Path, receiver: Receiver) -> None:
    pace = Pace(tick=0.05)
    with serving(tmp_path, pace=pace, webhook_hosts="127.0.0.1") as first:
        room = first.new_workspace()
        add(room, receiver, ["run.sealed"])
        run_id = room.begin()
        room.ask("POST", f"/runs/{run_id}/finish", json={"status": "COMPLETED"}).raise_for_status()
        settings = first.settings
    store = open_store(settings.store_path)
    here = Rooms(settings, store).find(room.name)
    assert here is not None
    here.seal(run_id)
    store.close()
    for _ in range(2):
        with serving(tmp_path, pace=pace, webhook_hosts="127.0.0.1"):
            receiver.within(1)
            time.sleep(0.3)
    assert [json.loads(each.body)["data"]["run_id"] for each in receiver.told] == [run_id]
