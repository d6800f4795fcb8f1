from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from cognify_core.errors import StoreError, StoreVersionError
from cognify_core.store.columns import metadata
from cognify_core.store.sql import SqlStore, open_store
from cognify_core.store.sqlite import Sqlite
from cognify_core.store.tables import REVISIONS
from tests.store.programs import run
from tests.store.values import RUN, begin, notes


def test_a_new_store_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "home" / "cognify.db"
    store = open_store(path)
    begin(store)
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in path.parent.iterdir()} == {0o600}
    store.close()


def test_a_folder_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir(mode=0o755)
    open_store(tmp_path / "shared" / "cognify.db").close()
    assert (tmp_path / "shared").stat().st_mode & 0o777 == 0o755


def test_a_store_keeps_what_it_holds_from_one_opening_to_the_next(path: Path) -> None:
    first = open_store(path)
    begin(first)
    first.append(RUN, notes(1, 2))
    first.close()
    second = open_store(path)
    assert second.run(RUN).size == 3
    second.close()


def test_an_existing_store_opens_without_alembic(path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from cognify_core.store.sql import open_store\n"
        f"open_store(Path({str(path)!r})).close(); sys.exit('alembic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_store_of_a_newer_schema_is_not_touched(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    before = path.read_bytes()
    with pytest.raises(
        StoreVersionError, match=r"newer Cognify \(its schema is 9999.*pip install --upgrade cognify-audit"
    ):
        open_store(path)
    assert path.read_bytes() == before


def test_a_store_that_a_newer_cognify_has_changed_meanwhile_does_not_pass(path: Path) -> None:
    store = open_store(path)
    store.check_writable()
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreVersionError, match=r"of schema 9999 by now.*start it again, with the Cognify"):
        store.check_writable()
    store.close()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can mount a small disk")
def test_a_store_on_a_disk_that_is_full_or_read_alone_does_not_pass(tmp_path: Path) -> None:
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", tmp_path], check=False)
    if mounted.returncode:
        pytest.skip("tmpfs cannot be mounted here")
    try:
        store = open_store(tmp_path / "cognify.db")
        filler = tmp_path / "filler"
        with filler.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(b"x" * 4096)
        with pytest.raises(StoreError, match="full"):
            store.check_writable()
        filler.unlink()
        store.check_writable()
        store.close()
        subprocess.run(["mount", "-o", "remount,ro", tmp_path], check=True)
        with pytest.raises(StoreError, match="it is read-only"):
            SqlStore(Sqlite(tmp_path / "cognify.db")).check_writable()
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def test_another_programs_database_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("CREATE TABLE alembic_version (version_num TEXT)")
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"mlflow\.db is an SQLite database, but no Cognify store"):
        open_store(path)
    assert path.read_bytes() == before


def test_a_file_of_another_kind_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("Things to remember. " * 100)
    with pytest.raises(StoreError, match=r"notes\.txt failed: it is not an SQLite database"):
        open_store(path)
    assert path.read_text() == "Things to remember. " * 100


def test_a_folder_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="it cannot be opened"):
        open_store(tmp_path)


def test_a_file_where_a_folder_should_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    with pytest.raises(StoreError, match=r"home: (File exists|Not a directory); mend that, or set COGNIFY_HOME"):
        open_store(tmp_path / "home" / "cognify.db")


def test_an_empty_file_becomes_a_store(tmp_path: Path) -> None:
    (tmp_path / "cognify.db").write_bytes(b"")
    store = open_store(tmp_path / "cognify.db")
    assert store.runs() == []
    store.close()


def test_several_processes_may_create_one_store_at_once(tmp_path: Path) -> None:
    program = f"""
import os, sys
import alembic.command
from cognify_core.store.sql import SqlStore, open_store
from cognify_core.store.sqlite import Sqlite
for attempt in range(6):
    wait, start = os.pipe()
    children = []
    for _ in range(5):
        children.append(os.fork())
        if children[-1] == 0:
            os.close(start)
            os.read(wait, 1)  # until the parent lets all go at once
            status = 1
            try:
                assert open_store({str(tmp_path)!r} + f"/home{{attempt}}/cognify.db").runs() == []
                status = 0
            finally:
                os._exit(status)
    os.close(start)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 5
"""
    run(program)


def test_several_threads_may_create_one_store_at_once(tmp_path: Path) -> None:
    def count_runs(_: int) -> int:
        store = open_store(tmp_path / "home" / "cognify.db")
        runs = len(store.runs())
        store.close()
        return runs

    with ThreadPoolExecutor(5) as threads:
        assert list(threads.map(count_runs, range(5))) == [0] * 5


def test_the_migrations_make_the_tables_that_the_store_speaks_of(path: Path) -> None:
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_the_revisions_that_the_store_knows_are_those_of_the_migrations() -> None:
    config = Config()
    config.set_main_option("script_location", "cognify_core.store:migrations")
    script = ScriptDirectory.from_config(config)
    assert tuple(revision.revision for revision in script.walk_revisions())[::-1] == REVISIONS
