"""A server looks again and again at what lies in vaults: locks every time, bytes in turns; and says what is worse."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cognify_core.api.rounds import Turn
from cognify_core.api.workspace import Workspace
from cognify_core.model.names import utc_now
from cognify_core.server import rounds
from cognify_core.server.rooms import Rooms
from cognify_core.server.rounds import Known
from cognify_core.server.working import Pace
from tests.server.serving import Room, Served, serving
from tests.servers.objects import s3
from tests.servers.receiving import Receiver, receiving
from tests.store.contract_keeping import fact
from tests.vault.buckets import Seaweed, in_environment

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
DAY = timedelta(days=1)
SAID = {"retention_years": 7, "archive_after_days": None, "auto_export_on_seal": True, "auto_export_format": "json"}


@pytest.fixture(scope="module")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seaweed]:
    """An S3 server that enforces Object Lock, with its credentials in this environment."""
    with s3(tmp_path_factory.mktemp("seaweed")) as environ, in_environment(environ):
        yield Seaweed(environ)


@pytest.fixture
def bucket(seaweed: Seaweed) -> str:
    return seaweed.bucket()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest.fixture
def served(seaweed: Seaweed, bucket: str, tmp_path: Path) -> Iterator[Served]:
    """A server whose vault is the bucket. Its own rounds are a year apart."""
    said: dict[str, Any] = {"vault": f"s3://{bucket}/trail?endpoint_url={seaweed.url}", "webhook_hosts": "127.0.0.1"}
    with serving(tmp_path, pace=Pace(tick=0.05), reverify_hours=9000, **said) as running:
        yield running


@pytest.fixture
def room(served: Served) -> Room:
    made = served.new_workspace()
    made.ask("PATCH", "/retention", json=SAID).raise_for_status()
    return made


def inside(room: Room) -> Workspace:
    """The workspace, as the server's rounds have it, once a day."""
    settings = room.served.settings.model_copy(update={"reverify_hours": 24.0})
    found = Rooms(settings, room.served.store).find(room.name)
    assert found is not None
    return found


def delivered(room: Room, count: int = 1) -> list[str]:
    """So many sealed runs, whose packages are in the vault."""
    runs = [room.sealed() for _ in range(count)]

    def done() -> list[Any]:
        jobs = [job for job in room.served.store.jobs(done=True, kind="deliver") if job.done_at]
        return jobs if len(jobs) == count else []

    room.within_a_while(done)
    return runs


def go(workspace: Workspace, known: Known, now: datetime) -> tuple[Known, list[str], timedelta]:
    """A round: what it leaves, the events that it has told of itself, and when the next one is."""
    after, due, happened = rounds.go(workspace, known, now, lambda: False)
    return after, [each.event for each in happened], due - now


def told(receiver: Receiver, event: str) -> list[dict[str, Any]]:
    messages = [json.loads(each.body) for each in receiver.told]
    return [message["data"] for message in messages if message["type"] == event]


def test_a_round_reads_every_lock_and_within_a_cycle_the_bytes_of_each_once(room: Room) -> None:
    delivered(room, 3)
    workspace = inside(room)
    before = len(workspace.store.facts())
    known, read = Known(), 0
    for day in range(30):
        known, _, wait = go(workspace, known, NOW + day * DAY)
        assert (known.looked, known.unasked, wait) == (6, {}, DAY)
        read += known.read
    assert read == 6
    facts = workspace.store.facts()
    assert len(facts) == before + 6
    assert {each.state for each in facts} == {"locked"}


@given(st.integers(1, 60), st.lists(st.integers(1, 90), min_size=1, max_size=40), st.text(max_size=20))
def test_whatever_rounds_are_missed_the_bytes_are_read_in_the_next_and_not_twice_a_cycle(
    cycle: int, steps: list[int], key: str
) -> None:
    one, number = fact(key=key), 1000
    own = [each for each in range(cycle) if Turn(each, each - 1, cycle).reads(one)]
    assert len(own) == 1
    for step in steps:
        turn = Turn(number + step, number, cycle)
        passed = [each for each in range(number + 1, number + step + 1) if each % cycle == own[0]]
        assert turn.reads(one) == bool(passed)
        number += step


def test_an_object_that_is_gone_is_told_once(room: Room, receiver: Receiver, seaweed: Seaweed, bucket: str) -> None:
    events = {"url": receiver.url, "events": ["verification.failed", "package.exported"]}
    room.ask("POST", "/webhooks", json=events).raise_for_status()
    (run_id,) = delivered(room)
    receiver.within(1)
    package = told(receiver, "package.exported")[0]
    whole = {"Bucket": bucket, "Key": f"trail/{package['key']}", "VersionId": package["version"]}
    seaweed.client().delete_object(**whole, BypassGovernanceRetention=True)
    workspace, known = inside(room), Known()
    for day in range(3):
        known, _, _ = go(workspace, known, NOW + day * DAY)
    receiver.within(2)
    (failed,) = told(receiver, "verification.failed")
    assert (failed["run_id"], failed["state"], failed["was"]) == (run_id, "missing", "locked")
    assert failed["package_hash"] == package["package_hash"]


def test_a_lock_that_was_made_shorter_is_told(room: Room, receiver: Receiver, seaweed: Seaweed, bucket: str) -> None:
    events = {"url": receiver.url, "events": ["verification.failed", "package.exported"]}
    room.ask("POST", "/webhooks", json=events).raise_for_status()
    delivered(room)
    receiver.within(1)
    package = told(receiver, "package.exported")[0]
    seaweed.client().put_object_retention(
        Bucket=bucket,
        Key=f"trail/{package['key']}",
        VersionId=package["version"],
        Retention={"Mode": "GOVERNANCE", "RetainUntilDate": utc_now() + timedelta(days=1)},
        BypassGovernanceRetention=True,
    )
    go(inside(room), Known(), NOW)
    receiver.within(2)
    (failed,) = told(receiver, "verification.failed")
    assert (failed["state"], failed["was"]) == ("retained-by-default", "locked")


def test_a_vault_that_stays_silent_is_told_and_what_was_not_read_is_read_later(room: Room) -> None:
    delivered(room)
    workspace = inside(room)
    nowhere = workspace.settings.model_copy(
        update={"vault": str(workspace.settings.vault).partition("?")[0] + "?endpoint_url=http://127.0.0.1:9"}
    )
    silent = inside(room)
    silent.settings = nowhere
    known, events, wait = go(silent, Known(number=5), NOW)
    assert (known.number, known.looked, list(known.unasked.values()), events) == (5, 0, [known.at], [])
    assert wait == timedelta(hours=1)
    since = dict(known.unasked)
    known, events, _ = go(silent, known, NOW + timedelta(hours=1))
    assert (known.unasked, events) == (since, ["verification.failed"])
    known, events, _ = go(workspace, known, NOW + DAY)
    assert (known.looked, known.read, known.unasked, events) == (2, 2, {}, [])


def test_what_need_not_be_kept_before_long_is_told(room: Room, receiver: Receiver) -> None:
    (run_id,) = delivered(room)
    workspace = inside(room)
    kept = workspace.store.kept_until(run_id)
    assert kept is not None
    last = datetime.fromisoformat(f"{kept.until}T12:00:00+00:00")
    for days, events in ((31, []), (30, ["retention.ending"]), (0, ["retention.ending"]), (-1, [])):
        after, _, happened = rounds.go(workspace, Known(), last - days * DAY, lambda: False)
        assert [each.event for each in happened] == events, days
        assert all(each.data["run_id"] == run_id for each in happened)
        assert after.at is not None


def test_a_server_that_ends_stops_its_round_and_the_next_begins_where_it_must(room: Room) -> None:
    delivered(room)
    after, due, _ = rounds.go(inside(room), Known(number=3), NOW, lambda: True)
    assert (after.number, after.looked, due) == (3, 0, NOW)


def test_what_a_round_left_is_read_and_nonsense_is_as_good_as_nothing() -> None:
    known = Known(7, "2026-11-29T12:00:00.000000Z", 3, 1, {"s3://bucket": "2026-11-28T12:00:00.000000Z"})
    assert Known.parse(known.encode()) == known
    for body in (b"", b"[]", b"{", b'{"other":1}'):
        assert Known.parse(body) == Known()


def test_the_server_goes_round_by_itself_and_shows_what_it_found(
    seaweed: Seaweed, bucket: str, tmp_path: Path, receiver: Receiver
) -> None:
    said: dict[str, Any] = {"vault": f"s3://{bucket}/trail?endpoint_url={seaweed.url}", "webhook_hosts": "127.0.0.1"}
    with serving(tmp_path, pace=Pace(tick=0.05), reverify_hours=1 / 3600, **said) as served:
        room = served.new_workspace()
        room.ask("PATCH", "/retention", json=SAID).raise_for_status()
        events = {"url": receiver.url, "events": ["verification.failed", "package.exported"]}
        room.ask("POST", "/webhooks", json=events).raise_for_status()
        delivered(room)
        receiver.within(1)
        package = told(receiver, "package.exported")[0]
        whole = {"Bucket": bucket, "Key": f"trail/{package['key']}", "VersionId": package["version"]}
        seaweed.client().delete_object(**whole, BypassGovernanceRetention=True)
        receiver.within(2)
        shown = room.within_a_while(
            lambda: [each for each in [room.ask("GET", "/storage/round").json()] if each["looked"]]
        )
        assert (shown[0]["looked"], shown[0]["unasked"]) == (2, [])
    assert [each["state"] for each in told(receiver, "verification.failed")] == ["missing"]


def test_a_lock_that_ends_on_the_day_that_was_asked_for_is_nothing_worse() -> None:
    from cognify_core.server.happening import is_worse

    was = fact(asked_until="2026-11-29T00:00:00Z", until="2026-11-29T00:00:00Z")
    assert not is_worse(replace(was, state="expired", read_at="2026-11-29T00:00:01Z"), was)
    assert is_worse(replace(was, state="expired", read_at="2026-11-28T00:00:00Z"), was)
    assert is_worse(replace(was, state="unlocked"), was)
    assert not is_worse(was, replace(was, state="unlocked"))
