"""Who may do what to a store in PostgreSQL: who only records in it, and who owns its tables.

An owner can switch triggers off; then whatever they do is found by `verify` and `fsck`, as far as a seal or a head that
lies elsewhere speaks of it.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from cognify_core import api
from cognify_core.errors import ConfigurationError, StoreError
from cognify_core.model.record import Status
from cognify_core.settings import load
from cognify_core.store.sql import open_store
from tests.cli.running import environment
from tests.ledger.homes import Lived, codes, live
from tests.servers.databases import without_rules
from tests.servers.postgres import PASSWORD, Server
from tests.store.contract_visitors import VisitorsContract
from tests.store.programs import REPOSITORY
from tests.store.test_triggers import PURGED, fill
from tests.store.values import OTHER, RUN, note
from tests.tamper.attacking import leave, report_of, use

GRANTS = re.search(r"```sql\n(.*?)```", (REPOSITORY / "docs" / "postgresql.md").read_text("utf-8"), re.DOTALL)


def attack(url: str, *statements: str) -> None:
    """Do as the statements say, as an owner who has switched the triggers off."""
    with without_rules(url) as connection:
        for statement in statements:
            connection.execute(statement.encode())


@pytest.fixture
def recorder(server: Server, own_database: str) -> Iterator[str]:
    """The URL with which somebody opens the store who has the rights that docs/postgresql.md gives, and no others."""
    assert GRANTS is not None
    server.administrate(f"CREATE ROLE recorder LOGIN PASSWORD '{PASSWORD}'")
    with psycopg.connect(own_database) as owner:
        owner.execute(GRANTS[1].encode())
    yield own_database.replace("ada:", "recorder:")
    with psycopg.connect(own_database) as owner:
        owner.execute("DROP OWNED BY recorder")
    server.administrate("DROP ROLE recorder")


def test_who_may_only_record_can_do_all_that_a_store_does_but_purge(recorder: str) -> None:
    store = open_store(recorder)
    with pytest.raises(StoreError, match=r"this user may not do that.*permission denied for table purges"):
        fill(store)  # in the end
    assert store.run(PURGED).freeze is not None
    assert store.append(OTHER, [note(3)]) == 4
    assert store.claim_job("2026", "2027") is not None
    store.check_writable()
    assert store.erase_openings(OTHER) == 3
    assert not store.is_owned
    store.close()


def test_who_may_only_read_has_no_store_that_can_be_written(recorder: str, own_database: str) -> None:
    store = open_store(recorder)
    with psycopg.connect(own_database) as owner:
        owner.execute("REVOKE INSERT ON events FROM recorder")
    with pytest.raises(StoreError, match=r"may not insert events; docs/postgresql\.md"):
        store.check_writable()
    store.close()


def test_who_may_only_record_lets_people_in_and_removes_them(recorder: str) -> None:
    with closing(open_store(recorder)) as store:
        VisitorsContract().test_a_person_who_is_removed_stays_so_and_has_no_session_left(store)
        VisitorsContract().test_a_link_is_used_once_and_before_it_expires(store)
        VisitorsContract().test_sessions_that_have_expired_are_forgotten(store)


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE events DISABLE TRIGGER ALL",
        "DROP TRIGGER events_delete ON events",
        "CREATE OR REPLACE FUNCTION judge_events() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "CREATE TEMP TABLE mine (run_id text); "
        "CREATE TRIGGER mine AFTER INSERT ON mine FOR EACH ROW EXECUTE FUNCTION discard()",
        "SET session_replication_role = replica",
        "TRUNCATE events CASCADE",
        "DELETE FROM events",
        "UPDATE events SET kind = 'note'",
        "DROP TABLE bundles",
        "UPDATE cognify_version SET version_num = '9999'",
    ],
)
def test_who_may_only_record_can_switch_nothing_off(recorder: str, statement: str) -> None:
    with (
        psycopg.connect(recorder, autocommit=True) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement.encode())


def test_the_owner_owns_the_store(own_database: str) -> None:
    store = open_store(own_database)
    assert store.is_owned
    store.close()


@pytest.fixture(scope="module")
def lived_in(
    server: Server, shared_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Lived, str]]:
    """A home whose store is in PostgreSQL, with runs in every state, and that database's name."""
    name = server.create(template=shared_database)
    yield live(tmp_path_factory.mktemp("lived"), store=server.url(name)), name
    server.drop(name)


@pytest.fixture
def lived(lived_in: tuple[Lived, str], server: Server) -> Iterator[tuple[Lived, str]]:
    """That home with a copy of the database, in which this process works; and the URL of the copy."""
    lived, template = lived_in
    name = server.create(template=template)
    use(lived.home.path, server.url(name))
    yield lived, server.url(name)
    leave()
    server.drop(name)


def test_what_was_recorded_in_postgresql_is_sealed_and_verifies(lived: tuple[Lived, str]) -> None:
    home, url = lived
    store = api.this_session().workspace.store
    assert store.run(home.sealed).status is Status.AUDIT_SEALED
    assert api.verify(home.home.late).exit_code == api.verify(home.sealed).exit_code == 0
    assert (home.fsck().findings, home.fsck().exit_code) == ((), 0)
    assert api.export_audit(home.sealed).path.read_bytes() == home.home.late.read_bytes()
    assert not home.home.database.exists()
    assert PASSWORD not in "".join(map(str, api.doctor())) + repr(api.this_session().settings)
    assert url.rsplit("/")[-1] in "".join(map(str, api.doctor()))


FORGED = "run_20250101_000000_f0f0f"
ATTACKS = [
    ("UPDATE events SET event = overlay(event placing 'x' from 20) WHERE run_id = '{sealed}' AND seq = 1", "verify"),
    ("DELETE FROM events WHERE run_id = '{sealed}' AND seq = 3", "verify"),
    ("UPDATE freezes SET sealed_at = '2020-01-01T00:00:00Z' WHERE run_id = '{sealed}'", "verify"),
    ("TRUNCATE bundles", "seal_gone"),
    ("TRUNCATE receipts", "receipt_gone"),
    ("DELETE FROM leaves WHERE position = 2", "ledger_leaf"),
    ("UPDATE leaves SET subject = 'x' WHERE position = 1", "ledger_statement"),
    ("TRUNCATE nodes", "ledger_node"),
    ("DELETE FROM events WHERE run_id = '{closed}'; DELETE FROM runs WHERE run_id = '{closed}'", "run_deleted"),
    (
        f"INSERT INTO runs SELECT '{FORGED}', nonce, workspace, project, name, opened_at, NULL, NULL FROM runs LIMIT 1;"
        f"INSERT INTO events SELECT '{FORGED}', seq, writer, counter, kind, event FROM events"
        " WHERE run_id = '{closed}'",
        "run_unlisted",
    ),
]


@pytest.mark.parametrize(("statements", "found"), ATTACKS)
def test_what_an_owner_did_with_the_triggers_off_is_found(
    lived: tuple[Lived, str], statements: str, found: str
) -> None:
    home, url = lived
    attack(url, statements.format(sealed=home.sealed, closed=home.closed))
    if found == "verify":
        assert report_of(home.sealed).exit_code == 1
    else:
        assert found in codes(home.fsck())


def test_a_ledger_rolled_back_by_its_owner_is_known_by_a_head_from_outside(
    lived: tuple[Lived, str], tmp_path: Path
) -> None:
    home, url = lived
    (tmp_path / "head").write_bytes(home.ledger.head().note)
    gone = f"('{home.closed}', '{home.open}')"
    attack(
        url,
        "DELETE FROM leaves WHERE position >= 8",
        "DELETE FROM nodes WHERE (place + 1) << level::int > 8",
        *(f"DELETE FROM {table} WHERE run_id IN {gone}" for table in ("events", "owners", "runs")),
    )
    assert home.fsck().exit_code == 0
    assert codes(home.fsck(tmp_path / "head")) == {"ledger_rolled_back"}


def test_a_dry_run_leaves_the_database_alone(lived: tuple[Lived, str], server: Server) -> None:
    home, url = lived
    before = len(api.this_session().workspace.store.runs())
    api.init(home=home.home.path, quiet=True, mode="dry", store=url)
    with api.run("dry"):
        pass
    leave()
    store = open_store(url)
    assert len(store.runs()) == before
    store.close()


def test_a_store_that_cannot_be_reached_is_named_without_its_password(tmp_path: Path) -> None:
    api.init(home=tmp_path, quiet=True, mode="on", store=f"postgresql://ada:{PASSWORD}@127.0.0.1:9/audit")
    with pytest.raises(StoreError, match=r"postgresql://127\.0\.0\.1:9/audit failed") as caught:
        api.show(RUN)
    assert PASSWORD not in str(caught.value)
    leave()


@pytest.mark.parametrize("given", [f"mysql://ada:{PASSWORD}@h/d", f"ada:{PASSWORD}@h"])
def test_a_store_that_is_none_is_refused_and_not_shown(tmp_path: Path, given: str) -> None:
    with pytest.raises(ConfigurationError, match=r"store \(COGNIFY_STORE\) cannot be what was given: .*postgresql://"):
        load(home=tmp_path, store=given)
    with pytest.raises(ConfigurationError) as caught:
        load(home=tmp_path, store=given)
    assert PASSWORD not in str(caught.value)


def test_the_command_line_works_on_the_store_that_the_environment_names(own_database: str, tmp_path: Path) -> None:
    for words in (["ls", "--json"], ["doctor"]):
        done = subprocess.run(
            [sys.executable, "-c", "from cognify_core.cli import app; app()", *words],
            check=False,
            cwd=REPOSITORY,
            env=environment(tmp_path, COGNIFY_STORE=own_database),
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        assert PASSWORD not in done.stdout + done.stderr
    assert f"postgresql://127.0.0.1:{own_database.rsplit(':')[-1]}" in done.stdout
    assert not (tmp_path / "cognify.db").exists()
