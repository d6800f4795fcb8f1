"""Recording to a server: while it goes on, while the server is away, and after either side has died."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from cognify_core import api
from cognify_core.api.remote import RemoteWorkspace
from cognify_core.errors import ConfigurationError, RunSealedError, ServerRefusedError, ServerUnavailableError
from cognify_core.merkle import leaf_hash, root_hash
from cognify_core.model.events import Draft, Note
from cognify_core.model.record import Status
from cognify_core.record.server import Server
from cognify_core.record.shipping import Shipper, wait_before
from cognify_core.seal.notes import LogKey, SignedHead
from cognify_core.server.roles import Role
from cognify_core.settings import Settings, load
from tests.server.serving import Room, Served, serving
from tests.servers.answering import Answering, listening

TRAINING = Path(__file__).with_name("training.py")


@pytest.fixture
def here(tmp_path: Path, room: Room, monkeypatch: pytest.MonkeyPatch) -> RemoteWorkspace:
    """This process records to a workspace of the server."""
    for name, value in settings_of(room, tmp_path / "client").items():
        monkeypatch.setenv(name, value)
    api.init()
    workspace = api.this_session().workspace
    assert isinstance(workspace, RemoteWorkspace)
    return workspace


def settings_of(room: Room, home: Path) -> dict[str, str]:
    return {
        "COGNIFY_HOME": str(home),
        "COGNIFY_URL": str(room.served.client.base_url).rstrip("/"),
        "COGNIFY_API_KEY": room.served.key(Role.RECORDER, room.name),
        "COGNIFY_WORKSPACE": room.name,
        "COGNIFY_QUIET": "1",
    }


def same_record(room: Room, workspace: RemoteWorkspace, run_id: str) -> bool:
    there = room.ask("GET", f"/runs/{run_id}/events", params={"limit": 10_000}).content.splitlines()
    return there == list(workspace.store.events(run_id))


def longer(room: Room, size: int) -> list[dict[str, Any]]:
    """The runs that have more events than that on the server."""
    return [run for run in room.ask("GET", "/runs").json()["runs"] if run["size"] > size]


def test_a_run_is_recorded_sealed_and_exported_by_the_server(here: RemoteWorkspace, room: Room, tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"a": 1}\n')
    with api.run("remote", project="p") as run:
        run.config({"learning_rate": 0.1})
        run.dataset(tmp_path / "rows.jsonl", name="rows")
        run.log({"loss": 0.5}, step=1)
    assert room.ask("GET", f"/runs/{run.id}").json()["status"] == "AUDIT_SEALED"
    assert same_record(room, here, run.id)
    package = api.export_audit()
    assert f"sha256:{sha256(package.path.read_bytes()).hexdigest()}" == str(package.package_hash)
    made = room.ask("GET", f"/runs/{run.id}/exports").json()
    assert str(package.package_hash) in {each["package_hash"] for each in made}
    for report in (api.verify(package.path), api.verify(run.id)):
        assert report.exit_code == 0
        assert any("remote record: whoever signed had its first event at" in each.message for each in report.findings)
        assert report.verdict("anchor") == "ok"


def test_events_come_to_the_server_while_the_run_goes_on(here: RemoteWorkspace, room: Room) -> None:
    with api.run("remote") as run:
        run.config({"learning_rate": 0.1})
        (seen,) = room.within_a_while(lambda: longer(room, 1))
        assert seen["status"] == "RUNNING"
    parcel = here.parcels.find(run.id)
    assert parcel is not None
    head = SignedHead.parse(parcel.head.encode()).head
    assert (head.origin.rpartition("/")[2], head.size) == (run.id, parcel.size)
    events = list(here.store.events(run.id))[: parcel.size]
    assert head.root == root_hash(map(leaf_hash, events))
    log = LogKey.parse(str(here.server.keys()["log"]))
    SignedHead.parse(parcel.head.encode()).verify(LogKey(f"{log.origin}/{run.id}", log.public))


def test_what_is_said_later_goes_into_an_addendum_on_the_server(here: RemoteWorkspace, room: Room) -> None:
    with api.run("remote") as run:
        run.config({"learning_rate": 0.1})
    api.note("fails on negation", kind="limitation")
    package = api.export_audit()
    assert package.addenda == 1
    (addendum,) = room.ask("GET", f"/runs/{run.id}/addenda").json()
    assert addendum["status"] == "AUDIT_SEALED"
    assert api.verify(package.path).exit_code == 0
    with pytest.raises(RunSealedError):
        here.store.append(run.id, [Draft("2026-11-29T12:00:00.000000Z", Note(text="late"), "w", 1)])


def test_a_run_goes_on_without_the_server_and_is_sealed_when_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(tmp_path / "served") as served:
        room = served.new_workspace()
        settings = settings_of(room, tmp_path / "client")
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    api.init()
    with api.run("remote") as run:
        run.config({"learning_rate": 0.1})
        for step in range(200):
            run.log({"loss": 0.5}, step=step)
    workspace = api.this_session().workspace
    assert isinstance(workspace, RemoteWorkspace)
    assert workspace.store.run(run.id).status is Status.COMPLETED
    (waits,) = api.sync()[0]
    assert "does not answer" in str(waits.error)
    port = int(settings["COGNIFY_URL"].rpartition(":")[2])
    with serving(tmp_path / "served", port=port) as served:
        (done,) = api.sync()[0]
        assert done.states == ("sealed",)
        assert api.sync() == ([], [])
        again = Room(served, room.name, room.key)
        assert again.ask("GET", f"/runs/{run.id}").json()["status"] == "AUDIT_SEALED"
        assert same_record(again, workspace, run.id)


def test_a_training_that_is_killed_is_whole_on_the_server_as_far_as_it_came(room: Room, tmp_path: Path) -> None:
    environment = os.environ | settings_of(room, tmp_path / "client")
    command = [sys.executable, str(TRAINING), "100000", "0.05", str(tmp_path / "saved")]
    training = subprocess.Popen(command, env=environment)
    try:
        room.within_a_while(lambda: longer(room, 3))
    finally:
        training.send_signal(signal.SIGKILL)
        training.wait()
    workspace = RemoteWorkspace(load_from(environment))
    assert [each.error for each in workspace.sync()] == [None]
    (run,) = room.ask("GET", "/runs").json()["runs"]
    assert run["status"] == "INTERRUPTED"
    assert same_record(room, workspace, run["run_id"])
    assert workspace.sync() == []
    workspace.close()


def load_from(environment: Mapping[str, str]) -> Settings:
    names = ("home", "url", "api_key", "workspace", "quiet")
    return load(**{name: environment[f"COGNIFY_{name.upper()}"] for name in names})


def test_a_server_that_holds_another_record_is_not_believed(here: RemoteWorkspace, room: Room) -> None:
    with api.run("remote", seal="manual") as run:
        run.config({"learning_rate": 0.1})
    whole = here.shipper.bring(run.id)
    here.shipper.stop()
    with closing(sqlite3.connect(room.served.settings.store_path)) as database, database:
        database.execute("DROP TRIGGER events_update")
        changed = "CAST(replace(CAST(event AS TEXT), 'COMPLETED', 'FAILED') AS BLOB)"
        database.execute(f"UPDATE events SET event = {changed} WHERE run_id = ? AND kind = 'run_closed'", (run.id,))
    here.parcels.keep(replace(whole, size=whole.size - 1))
    elsewhere = Shipper(here.store, here.server, here.parcels)
    with pytest.raises(ServerRefusedError, match="takes no more events"):
        elsewhere.bring(run.id)


def test_what_another_process_has_sent_is_passed_over(here: RemoteWorkspace, room: Room) -> None:
    with api.run("remote", seal="manual") as run:
        run.config({"learning_rate": 0.1})
    whole = here.shipper.bring(run.id)
    here.shipper.stop()
    here.parcels.keep(replace(whole, size=0, begun=False, head=""))
    again = Shipper(here.store, here.server, here.parcels).bring(run.id)
    assert (again.size, again.head) == (whole.size, whole.head)
    assert same_record(room, here, run.id)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://example.org", "travel in clear"),
        ("ftp://localhost", "COGNIFY_URL is"),
        ("https://user:password@example.org", "COGNIFY_URL is"),
        ("nonsense", "COGNIFY_URL is"),
    ],
)
def test_a_url_that_would_leak_the_key_is_refused(url: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told) as refused:
        Server(url, "cog_key", "default")
    assert "password" not in str(refused.value)


def test_a_url_without_a_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="COGNIFY_API_KEY"):
        RemoteWorkspace(load(home=tmp_path, url="http://127.0.0.1:1"))


def test_a_key_that_is_not_known_is_a_no_and_nobody_there_is_none(served: Served) -> None:
    with pytest.raises(ServerRefusedError, match=r"says no \(401\): this API key is not known here"):
        Server(str(served.client.base_url), "cog_0000000000000000_" + "A" * 43, "default").keys()
    with pytest.raises(ServerUnavailableError, match="does not answer"):
        Server("http://127.0.0.1:1", "cog_key", "default", seconds=1).keys()


class CutOff(Answering):
    """A server that is killed in the middle of its answer."""

    def do_GET(self) -> None:  # noqa: N802 - as the library calls it
        self.answer(200, b'{"signer": "' + b"x" * 100)
        self.close_connection = True

    def send_header(self, keyword: str, value: str) -> None:
        super().send_header(keyword, "5000" if keyword == "Content-Length" else value)


def test_an_answer_that_is_cut_off_is_no_answer() -> None:
    with listening(CutOff) as url, pytest.raises(ServerUnavailableError, match="broke off 4888 bytes before the end"):
        Server(url, "cog_key", "default", seconds=1).keys()


def test_waits_grow_to_a_minute() -> None:
    waits = [wait_before(failures) for failures in range(1, 12)]
    assert waits[0] <= 1.0
    assert 60.0 <= waits[-1] <= 61.0
