"""Several processes on one database: none is in another's way, and none leaves half of anything when it dies."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable

import psycopg
import pytest

from cognify_core.errors import StoreError
from cognify_core.merkle import leaf_hash, root_hash
from cognify_core.model.events import parse_event
from cognify_core.store.postgres import VERSION_TABLE, Postgres
from cognify_core.store.sql import SqlStore
from cognify_core.store.tables import REVISIONS
from tests.servers.postgres import Server
from tests.store.contract_keeping import fact
from tests.store.contract_working import job
from tests.store.programs import REPOSITORY, run
from tests.store.values import MEETING, RUN, begin, frozen, leaf, note, notes

WRITERS = ("rank0", "rank1", "rank2", "rank3")
EACH = 40

AT_ONCE = """
import os, sys
from cognify_core.errors import MeetingTakenError
from cognify_core.store.sql import open_store
from tests import factories
from tests.store.contract_keeping import fact
from tests.store.values import RUN, begin_met, leaf, note, notes

def at_once(work):
    wait, start = os.pipe()
    children = []
    for number in range(4):
        children.append(os.fork())
        if children[-1] == 0:
            os.close(start)
            os.read(wait, 1)  # until the parent lets all go at once
            status = 1
            try:
                work(number)
                status = 0
            finally:
                os._exit(status)
    os.close(start)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4

note(0)  # a process's first pydantic validation takes a lock once
"""


def begun_and(store: SqlStore, happens: Callable[[int], object]) -> None:
    """Begin a transaction that holds the run; something happens, which is told its process in the server; go on."""
    with store._database.writing() as connection:
        store._require_run(connection, RUN)
        happens(int(connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()))
        store._require_run(connection, RUN)


def test_of_four_processes_that_make_one_store_at_once_one_makes_it(server: Server) -> None:
    names = [server.create() for _ in range(3)]
    urls = [server.url(name) for name in names]
    run(
        "import alembic.command",
        AT_ONCE,
        f"""
for url in {urls!r}:
    def make(_):
        store = open_store(url)
        assert store.runs() == []
        store.close()
    at_once(make)
""",
    )
    for name in names:
        with psycopg.connect(server.url(name)) as connection:
            assert connection.execute(f"SELECT * FROM {VERSION_TABLE}".encode()).fetchall() == [(REVISIONS[-1],)]
        server.drop(name)


def test_four_processes_that_append_to_one_run_and_one_ledger_leave_both_whole(
    store: SqlStore, database_url: str
) -> None:
    begin(store)
    run(
        AT_ONCE,
        f"""
def write(number):
    store = open_store({database_url!r})
    for counter in range(0, {EACH}, 2):
        for _ in range(2):  # as a writer does that never heard whether the first attempt came through
            store.append(RUN, notes(counter, counter + 1, writer=f"rank{{number}}"))
        store.log([leaf("opened", f"run {{counter}} of {{number}}"), leaf("seal", f"run {{counter}} of {{number}}")])
        store.put_fact(fact(version=f"{{number}}.{{counter}}"))
        store.put_profile(b"%d.%d" % (number, counter), factories.TIME)
        store.put_manifest(b"%d" % counter)
    store.close()

at_once(write)
""",
    )
    events = [parse_event(event) for event in store.events(RUN)]
    assert [event.seq for event in events] == list(range(1 + len(WRITERS) * EACH))
    for writer in WRITERS:
        sent = [note(counter, writer=writer).body for counter in range(EACH)]
        assert [event.body for event in events if event.body in sent] == sent
    leaves = list(store.leaves())
    assert len({each.subject for each in leaves}) == len(leaves) / 2 == len(WRITERS) * EACH / 2
    assert [each.kind for each in leaves] == ["opened", "seal"] * (len(leaves) // 2)  # two at a time, none between them
    (place,) = store.log([leaf("opened", "the last")])
    assert place.root == root_hash(leaf_hash(each.body) for each in store.leaves())
    assert len(store.facts()) == len(store.profiles()) == len(WRITERS) * EACH / 2
    assert [version.version for version in store.profiles()] == list(range(1, 1 + len(store.profiles())))


def test_of_four_processes_that_create_under_one_meeting_at_once_one_succeeds(
    store: SqlStore, database_url: str
) -> None:
    run(
        AT_ONCE,
        f"""
for meeting in range(3):
    def come(number):
        store = open_store({database_url!r})
        mine = f"run_20250912_14302{{meeting}}_0000{{number}}"
        try:
            begin_met(store, mine, meeting=f"job-{{meeting}}")
        except MeetingTakenError as taken:
            assert taken.run_id == store.met(f"job-{{meeting}}") != mine
        else:
            assert store.met(f"job-{{meeting}}") == mine
        store.close()
    at_once(come)
""",
    )
    assert len(store.runs()) == 3


def test_a_writer_killed_in_mid_transaction_leaves_nothing_and_keeps_nobody_waiting(
    store: SqlStore, database_url: str
) -> None:
    begin(store)
    program = f"""
import os, signal, sys
from cognify_core.store.postgres import Postgres
from cognify_core.store.sql import SqlStore
from tests.store.values import RUN, leaf, notes
from cognify_core.store.appending import append_drafts
from cognify_core.store.ledger import append_leaf
store = SqlStore(Postgres({database_url!r}))
assert store.append(RUN, notes(1, 2)) == 3
with store._database.writing() as connection:
    store._require_run(connection, RUN)
    append_drafts(connection, RUN, notes(3, 4), None)
    append_leaf(connection, leaf(), "default")
    print("in the middle", flush=True)
    sys.stdin.read()
"""
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"in the middle\n"
        assert (store.run(RUN).size, store.ledger_size()) == (3, 0)  # readers do not wait
        writer.kill()
    assert writer.returncode == -signal.SIGKILL
    assert (store.run(RUN).size, store.ledger_size()) == (3, 0)
    assert store.append(RUN, notes(2, 3)) == 4
    assert store.log([leaf()])[0].position == 0


def test_a_meeting_outlives_the_process_that_was_killed_right_after_it(store: SqlStore, database_url: str) -> None:
    program = f"""
import os, signal
from cognify_core.store.sql import open_store
from tests.store.values import RUN, begin_met
begin_met(open_store({database_url!r}), RUN)
os.kill(os.getpid(), signal.SIGKILL)
"""
    killed = subprocess.run([sys.executable, "-c", program], check=False, cwd=REPOSITORY)
    assert (killed.returncode, store.met(MEETING)) == (-signal.SIGKILL, RUN)


def test_an_open_store_goes_on_when_its_server_is_back(store: SqlStore, server: Server) -> None:
    begin(store)
    store.append(RUN, notes(1, 2))
    server.stop()
    try:
        with pytest.raises(StoreError, match=rf"{store.place} failed"):
            store.append(RUN, [note(3)])
        with pytest.raises(StoreError, match=rf"{store.place} failed: no connection can be made"):
            store.run(RUN)
    finally:
        server.start()
    assert store.append(RUN, notes(2, 3)) == 4
    assert [parse_event(event).seq for event in store.events(RUN)] == [0, 1, 2, 3]


def test_a_transaction_that_the_server_ends_is_undone_and_the_next_one_goes_on(store: SqlStore, server: Server) -> None:
    begin(store)
    with pytest.raises(StoreError, match="the server was shut down, or ended this connection"):
        begun_and(store, lambda pid: server.administrate(f"SELECT pg_terminate_backend({pid})"))
    assert store.append(RUN, [note(1)]) == 2


def test_a_forked_child_and_its_parent_have_connections_of_their_own(store: SqlStore, database_url: str) -> None:
    begin(store)
    run(
        AT_ONCE,
        f"""
store = open_store({database_url!r})
store.append(RUN, [note(1)])
at_once(lambda number: store.append(RUN, notes(*range(20), writer=f"child{{number}}")))
assert store.append(RUN, [note(2)]) == 83
""",
    )


def test_a_run_that_is_kept_locked_too_long_is_named(store: SqlStore, database_url: str) -> None:
    begin(store)
    hasty = SqlStore(Postgres(database_url, wait_seconds=0.1))
    with store._database.writing() as connection:
        store._require_run(connection, RUN)
        with pytest.raises(StoreError, match="another process has kept it locked for too long"):
            hasty.append(RUN, [note(1)])
        with pytest.raises(StoreError, match="another process has kept it locked for too long"):
            hasty.put_manifest(b"")
    hasty.close()


def test_a_process_that_falls_silent_in_mid_transaction_is_undone(store: SqlStore, database_url: str) -> None:
    begin(store)
    hasty = SqlStore(Postgres(database_url, wait_seconds=0.05))
    with pytest.raises(StoreError, match="silent for too long in the middle of a transaction, which was undone"):
        begun_and(hasty, lambda _: time.sleep(0.3))
    hasty.close()
    assert store.append(RUN, [note(1)]) == 2


def test_what_takes_too_long_is_named(database_url: str) -> None:
    hasty = Postgres(database_url, wait_seconds=0.05)
    with pytest.raises(StoreError, match="it took longer than this store waits"), hasty.reading() as connection:
        connection.exec_driver_sql("SELECT pg_sleep(5)")
    hasty.close()


def test_writers_of_different_runs_do_not_wait_for_each_other(store: SqlStore, database_url: str) -> None:
    begin(store)
    other = "run_20250915_000000_00001"
    frozen(store, other)
    hasty = SqlStore(Postgres(database_url, wait_seconds=0.2))
    with store._database.writing() as connection:
        store._require_run(connection, RUN)
        assert hasty.put_envelope(other, b"{}") == b"{}"
        assert hasty.run(RUN).size == 1
    hasty.close()


def test_work_that_somebody_is_just_taking_is_passed_over(store: SqlStore, database_url: str) -> None:
    begin(store)
    store.put_job(job())
    with psycopg.connect(database_url) as connection:
        connection.execute("SELECT * FROM jobs FOR UPDATE")
        assert store.claim_job("2026", "2027") is None


def test_a_text_that_postgresql_cannot_keep_is_refused(store: SqlStore) -> None:
    with pytest.raises(StoreError, match=r"refused: .*NUL"):
        begin(store, name="a\0name")
    assert store.runs() == []


def test_no_error_shows_what_was_to_be_kept(store: SqlStore) -> None:
    store.put_fact(fact())
    with pytest.raises(StoreError, match="refused") as caught, store._database.writing() as connection:
        connection.exec_driver_sql("INSERT INTO meetings VALUES ('a secret', 'no run')")
    assert "a secret" not in str(caught.value)
