"""Parents and children of `fork` that use one store."""

from __future__ import annotations

from pathlib import Path

from tests.store.programs import run

SETTING = """
import os, sys, threading
from cognify_core.store.sql import open_store
from tests.store.values import RUN, note, notes

def child(work):
    process = os.fork()
    if process == 0:
        try:
            work()
        except BaseException as error:
            print(error, file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    return process

def ended(process):
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])

note(0)  # a process's first pydantic validation takes a lock once; a fork in the middle of it copies the lock, held
"""


def test_what_a_forked_child_writes_outlives_its_parents_connections(store_begun: Path) -> None:
    run(
        SETTING,
        f"""
store = open_store({str(store_begun)!r})
store.append(RUN, [note(1)])
wait, go = os.pipe()

def work():
    store.append(RUN, notes(*range(20), writer="child"))
    os.read(wait, 1)
    store.append(RUN, notes(*range(20, 40), writer="child"))

process = child(work)
store.append(RUN, [note(2)])
store.close()
os.write(go, b" ")
assert ended(process) == 0
assert open_store({str(store_begun)!r}).run(RUN).size == 43
""",
    )


def test_what_a_store_opened_in_a_forked_child_writes_outlives_its_parent_too(store_begun: Path) -> None:
    run(
        SETTING,
        f"""
store = open_store({str(store_begun)!r})
store.append(RUN, [note(1)])
wait, go = os.pipe()

def work():
    mine = open_store({str(store_begun)!r})
    mine.append(RUN, notes(*range(20), writer="child"))
    os.read(wait, 1)
    mine.append(RUN, notes(*range(20, 40), writer="child"))
    os._exit(0)  # without closing, as children of multiprocessing end

process = child(work)
store.append(RUN, [note(2)])
store.close()
os.write(go, b" ")
assert ended(process) == 0
assert open_store({str(store_begun)!r}).run(RUN).size == 43
""",
    )


def test_forks_do_not_disturb_a_thread_that_writes(store_begun: Path) -> None:
    run(
        SETTING,
        f"""
store = open_store({str(store_begun)!r})

def write():
    for counter in range(150):
        store.append(RUN, [note(counter, writer="thread")])

thread = threading.Thread(target=write)
thread.start()
children = [child(lambda: store.append(RUN, [note(number, writer="child")])) for number in range(8)]
assert [ended(process) for process in children] == [0] * 8
thread.join()
assert store.run(RUN).size == 159
""",
    )


def test_a_child_that_was_forked_in_the_middle_of_a_transaction_is_told_so(store_begun: Path) -> None:
    run(
        SETTING,
        f"""
from pathlib import Path
from cognify_core.errors import StoreError
from cognify_core.store.sqlite import Sqlite

def work():
    for use in (lambda: open_store({str(store_begun)!r}), lambda: database.reading().__enter__()):
        try:
            use()
        except StoreError as error:
            assert "this process was forked while its parent was writing to" in str(error)
        else:
            raise AssertionError("it was used")

database = Sqlite(Path({str(store_begun)!r}))
with database.writing():
    process = child(work)
assert ended(process) == 0
with database.writing():
    pass
""",
    )
