"""What the server does by itself: real processes that share a store and are killed, a real vault that locks."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal

import pytest

from cognify_core.server.working import Pace
from tests.server.killing import Process, admin_key, server_process, weir
from tests.server.serving import Room, serving
from tests.servers.databases import database_url, server, shared_database, store_place
from tests.servers.objects import s3
from tests.servers.receiving import receiving
from tests.vault.buckets import Seaweed

__all__ = ["database_url", "server", "shared_database", "store_place"]
SAID = {"retention_years": 7, "archive_after_days": None, "auto_export_on_seal": True, "auto_export_format": "json"}


@pytest.fixture(scope="module")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seaweed]:
    """An S3 server that enforces Object Lock."""
    with s3(tmp_path_factory.mktemp("seaweed")) as environ:
        yield Seaweed(environ)


def told_of(seaweed: Seaweed, bucket: str, port: int) -> dict[str, str]:
    """The environment of a server whose vault is that bucket, reached by that port."""
    vault = f"s3://{bucket}/trail?mode=COMPLIANCE&endpoint_url=http://127.0.0.1:{port}"
    aws = {name: value for name, value in seaweed.environ.items() if name.startswith("AWS_")}
    return {**aws, "COGNIFY_VAULT": vault, "COGNIFY_WEBHOOK_HOSTS": "127.0.0.1"}


def room_of(process: Process, key: str) -> Room:
    return Room(process.served, "default", key)


def kept(room: Room, run_id: str) -> list[dict[str, Any]]:
    """What was read back last of the packages of a run, once they were delivered."""
    jobs = room.served.store
    room.within_a_while(
        lambda: [
            job for job in jobs.jobs(done=True, kind="deliver") if (job.run_id, bool(job.done_at)) == (run_id, True)
        ]
    )
    packages = room.ask("GET", f"/runs/{run_id}/exports").json()
    paths = [f"/runs/{run_id}/exports/{package['package_hash']}/vaults" for package in packages]
    return [fact for path in paths for fact in room.ask("GET", path).json()]


def versions(seaweed: Seaweed, bucket: str) -> list[str]:
    """The key of every version that is there."""
    return sorted(key for key, _ in seaweed.vault(bucket, prefix="trail").versions())


@pytest.mark.slow
@pytest.mark.parametrize(("holds", "there"), [("request", 0), ("answer", 1)])
def test_a_server_killed_in_a_delivery_leaves_one_object_and_one_message(
    seaweed: Seaweed, store_place: Path | str, tmp_path: Path, holds: Literal["request", "answer"], there: int
) -> None:
    """With kill -9, before the put has come to the vault, and between the put and the end of the job."""
    bucket, key = seaweed.bucket(), admin_key(store_place)
    port = int(seaweed.url.rpartition(":")[2])
    with receiving() as receiver, weir(port, holds) as held:
        said = told_of(seaweed, bucket, held.port)
        with server_process(tmp_path, store_place, said) as first:
            room = room_of(first, key)
            room.ask("PATCH", "/retention", json=SAID).raise_for_status()
            asked = {"url": receiver.url, "events": ["package.exported", "run.sealed"]}
            room.ask("POST", "/webhooks", json=asked).raise_for_status()
            run_id = room.sealed()
            assert held.reached.wait(60)
            first.kill()
        assert len(versions(seaweed, bucket)) == there
        held.opened.set()
        with server_process(tmp_path, store_place, said) as second:
            room = room_of(second, key)
            facts = kept(room, run_id)
            receiver.within(1, event="package.exported")
            assert second.served.store.jobs(kind="deliver") == []
    assert {fact["state"] for fact in facts} == {"locked"}
    assert Counter(versions(seaweed, bucket)) == Counter({f"{fact['key']}" for fact in facts})
    assert [len(set(receiver.ids(event))) for event in ("run.sealed", "package.exported")] == [1, 1]


@pytest.mark.slow
def test_several_servers_on_one_store_share_the_work_and_none_does_it_twice(
    seaweed: Seaweed, store_place: Path | str, tmp_path: Path
) -> None:
    bucket, key = seaweed.bucket(), admin_key(store_place)
    said = told_of(seaweed, bucket, int(seaweed.url.rpartition(":")[2]))
    with receiving() as receiver, ExitStack() as stack:
        running = [stack.enter_context(server_process(tmp_path, store_place, said, 60)) for _ in range(3)]
        rooms = [room_of(each, key) for each in running]
        rooms[0].ask("PATCH", "/retention", json=SAID).raise_for_status()
        rooms[0].ask("POST", "/webhooks", json={"url": receiver.url, "events": ["run.sealed", "package.exported"]})
        runs = [rooms[number % 3].sealed() for number in range(9)]
        facts = [fact for run_id in runs for fact in kept(rooms[0], run_id)]
        receiver.within(18, seconds=60)
        time.sleep(1)
        jobs = rooms[0].served.store.jobs(done=True, kind="deliver")
    assert [job.attempts for job in jobs] == [1] * 9
    assert Counter(receiver.ids()).most_common(1)[0][1] == 1
    assert len(receiver.ids("run.sealed")) == len(receiver.ids("package.exported")) == 9
    assert Counter(versions(seaweed, bucket)) == Counter({fact["key"] for fact in facts})


def test_a_delivery_that_goes_on_longer_than_its_lease_stays_with_its_server(seaweed: Seaweed, tmp_path: Path) -> None:
    bucket, place = seaweed.bucket(), tmp_path / "cognify.db"
    key, port = admin_key(place), int(seaweed.url.rpartition(":")[2])
    with weir(port, "answer") as held, ExitStack() as stack:
        said = told_of(seaweed, bucket, held.port)
        rooms = [room_of(stack.enter_context(server_process(tmp_path, place, said, 5)), key) for _ in range(2)]
        rooms[0].ask("PATCH", "/retention", json=SAID).raise_for_status()
        run_id = rooms[0].sealed()
        assert held.reached.wait(60)
        time.sleep(13)  # two leases and more, and the other server looks for work every five seconds
        held.opened.set()
        kept(rooms[1], run_id)
        (job,) = rooms[1].served.store.jobs(done=True, kind="deliver")
    assert job.attempts == 1


def test_a_server_that_ends_lets_go_of_its_work_and_answers_while_it_works(tmp_path: Path) -> None:
    began = time.monotonic()
    with serving(tmp_path, pace=Pace(tick=0.05)) as served:
        room = served.new_workspace()
        room.ask("PATCH", "/retention", json=SAID).raise_for_status()
        runs = [room.sealed() for _ in range(5)]
        slowest = 0.0
        for _ in range(50):
            asked = time.monotonic()
            served.client.get("/healthz").raise_for_status()
            slowest = max(slowest, time.monotonic() - asked)
        for run_id in runs:
            kept(room, run_id)
    assert slowest < 10
    assert time.monotonic() - began < 60


def test_a_vault_that_does_not_answer_is_tried_again_and_the_metrics_tell_what_waits(tmp_path: Path) -> None:
    pace = Pace(tick=0.05)
    nowhere = "s3://bucket?endpoint_url=http://127.0.0.1:9"
    with serving(tmp_path, pace=pace, vault=nowhere) as served:
        room = served.new_workspace()
        room.ask("PATCH", "/retention", json=SAID).raise_for_status()
        run_id = room.sealed()
        (job,) = room.within_a_while(lambda: [job for job in served.store.jobs(kind="deliver") if job.last_error])
        assert (job.run_id, job.attempts) == (run_id, 1)
        assert 'cognify_jobs_waiting{kind="deliver"} 1.0' in served.client.get("/metrics").text
        (shown,) = room.ask("GET", "/outbox").json()
        assert (shown["run_id"], shown["attempts"]) == (run_id, 1)
        assert shown["error"]
