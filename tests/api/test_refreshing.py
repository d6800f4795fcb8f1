"""What goes into the record before a document is made: the profile in force, and who has read the run."""

from __future__ import annotations

import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest

from cognify_core import api
from cognify_core.api.accesses import access_here, this_address, this_user
from cognify_core.api.exporting import clear_values
from cognify_core.api.refreshing import Refreshed, refresh
from cognify_core.capture.commitments import opens
from cognify_core.errors import ConfigurationError, VerificationError
from cognify_core.export.document.blocks import Composed
from cognify_core.export.dossier import Dossier
from cognify_core.export.formats import ExportFormat
from cognify_core.export.templates.hipaa import TEMPLATE as HIPAA
from cognify_core.model.events import Access, Body, ProfileSeen, parse_event
from cognify_core.seal.bundle import Bundle
from cognify_core.seal.statement import ReceiptStatement
from cognify_core.verify.store_check import read_sealed


@dataclass
class Asking:
    """A template that somebody else has written."""

    shows_personal_data: bool = False
    name: str = "asking"
    version: str = "1"
    formats: frozenset[str] = frozenset({"json"})

    def compose(self, dossier: Dossier) -> Composed:
        raise NotImplementedError


PLAIN = ExportFormat("json", None, "cognify-json/1", "json")
SHOWING = ExportFormat("json", Asking(shows_personal_data=True), "cognify-json/1+asking/1", "json")
TELLING = ExportFormat("json", Asking(), "cognify-json/1+asking/1", "json")
PDF = ExportFormat("pdf", None, "cognify-pdf/1", "pdf")


@pytest.fixture(autouse=True)
def home(tmp_path: Path) -> Iterator[Path]:
    home = tmp_path / "home"
    api.init(home=home, quiet=True, project="triage", mode="on")
    yield home
    session = api.this_session()
    session.settle(timeout=30)
    session.workspace.close()


@pytest.fixture
def sealed() -> str:
    with api.run() as run:
        run.log({"loss": 0.5}, step=1)
    return run.id


def refreshed(run_id: str, kind: ExportFormat) -> Refreshed | None:
    session = api.this_session()
    session.settle()
    return refresh(session.workspace, run_id, kind)


def bodies(run_id: str, *, addenda: bool = True) -> list[Body]:
    store = api.this_session().workspace.store
    runs = [run_id, *(row.run_id for row in store.addenda(run_id) if addenda)]
    return [parse_event(data).body for one in runs for data in store.events(one)]


def profiles(run_id: str, *, addenda: bool = True) -> list[ProfileSeen]:
    return [body for body in bodies(run_id, addenda=addenda) if isinstance(body, ProfileSeen)]


class TestProfiles:
    def test_a_run_records_the_profile_in_force_before_it_is_sealed(self) -> None:
        api.profile(provider="Example GmbH")
        api.profile({"system_name": "Triage"}, project="triage")
        with api.run() as run:
            run.log({"loss": 1}, step=1)
        (seen,) = profiles(run.id, addenda=False)
        assert seen == ProfileSeen(
            project="triage", profile={"provider": {"name": "Example GmbH"}, "system_name": "Triage"}
        )
        assert api.show(run.id).row.complete
        assert api.verify(run.id).exit_code == api.verify(api.export_audit(run.id)).exit_code == 0
        assert refreshed(run.id, PDF) is None

    def test_where_none_was_ever_given_none_is_recorded(self, sealed: str) -> None:
        assert profiles(sealed) == []
        assert [refreshed(sealed, kind) for kind in (PLAIN, PDF, TELLING)] == [None] * 3

    def test_a_profile_that_changed_goes_into_an_addendum_before_a_document(self, sealed: str) -> None:
        api.profile(project="triage", system_name="Triage")
        assert refreshed(sealed, PLAIN) is None
        for kind in (PDF, TELLING):
            api.profile(project="triage", system_version=kind.format)
            made = refreshed(sealed, kind)
            assert made is not None
            assert (made.profile, made.accesses) == (True, 0)
            assert str(made) == f"a new addendum, {made.addendum}, holds the profile, which has changed"
            assert refreshed(sealed, kind) is None
        assert [seen.profile.get("system_version") for seen in profiles(sealed)] == ["pdf", "json"]
        assert api.verify(sealed).exit_code == 0

    def test_the_profile_of_another_project_changes_nothing(self, sealed: str) -> None:
        api.profile(project="another", system_name="Other")
        assert refreshed(sealed, PDF) is None

    def test_a_profile_that_was_emptied_is_another_one(self, sealed: str) -> None:
        api.profile(project="triage", system_name="Triage")
        assert refreshed(sealed, PDF) is not None
        api.profile(project="triage", system_name=None)
        assert refreshed(sealed, PDF) is not None
        assert [seen.profile for seen in profiles(sealed)] == [{"system_name": "Triage"}, {}]

    def test_a_profile_is_given_by_fields_by_a_map_or_by_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "policy.txt").write_text("Be good.")
        (tmp_path / "profile.yaml").write_text("system_name: Triage\nincident_policy: policy.txt\n")
        found = api.profile(tmp_path / "profile.yaml")
        assert found is not None
        assert found.incident_policy is not None
        assert str(found.incident_policy.sha256) == f"sha256:{sha256(b'Be good.').hexdigest()}"
        assert api.profile(incident_contact="x@example.org", incident_policy=None) == api.profile()
        assert (api.profile({"system_name": "New"}), api.profile()) == (api.profile(),) * 2
        with pytest.raises(ConfigurationError, match="no field sytem_name"):
            api.profile(sytem_name="x")

    def test_a_profile_that_no_longer_reads_stops_no_training(self) -> None:
        api.this_session().workspace.store.put_profile(b'{"unheard_of":1}', "2026-01-31T00:00:00.000000Z")
        with api.run() as run:
            run.log({"loss": 1}, step=1)
        view = api.show(run.id)
        assert view.row.complete is False
        assert any("no field unheard_of" in reason for reason in view.reasons)


class TestAccesses:
    def test_what_people_do_with_a_run_is_in_its_log(self, sealed: str) -> None:
        api.show(sealed)
        api.verify(sealed)
        api.seal(sealed)
        package = api.export_audit(sealed)
        api.diff(sealed, sealed)
        log = api.this_session().workspace.store.accesses(sealed)
        assert [access.action for access in log] == ["show", "verify", "seal", "export", "diff", "diff"]
        assert log[3].subject == str(package.package_hash)
        assert {(access.auth, access.observed_by, access.outcome) for access in log} == {
            ("os_user", "machine", "allowed")
        }

    def test_training_is_no_access(self, sealed: str) -> None:
        assert api.this_session().workspace.store.accesses(sealed) == []

    def test_who_and_where_from_stand_as_commitments(self, sealed: str) -> None:
        api.show(sealed)
        store = api.this_session().workspace.store
        (access,) = store.accesses(sealed)
        openings = {opening.commitment: opening for opening in store.openings(sealed)}
        actor, source = openings[str(access.actor)], openings[str(access.source)]
        assert (actor.value, source.value) == (this_user(), this_address())
        assert opens(actor)
        assert opens(source)

    def test_no_two_entries_have_one_commitment(self) -> None:
        assert len({access_here("show")[0].actor for _ in range(5)}) == 5

    def test_an_address_is_an_address(self) -> None:
        address = this_address()
        socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)

    def test_a_log_that_cannot_be_written_stops_nobody(self, sealed: str, home: Path) -> None:
        with closing(sqlite3.connect(home / "cognify.db")) as database:
            database.execute("CREATE TRIGGER full BEFORE INSERT ON accesses BEGIN SELECT RAISE(ABORT, 'full'); END")
        assert api.show(sealed).row.run_id == sealed
        assert api.this_session().workspace.store.accesses(sealed) == []

    def test_only_what_shows_personal_data_takes_the_log_into_the_record(self, sealed: str) -> None:
        api.show(sealed)
        assert refreshed(sealed, TELLING) is None
        made = refreshed(sealed, SHOWING)
        assert made is not None
        assert (made.profile, made.accesses) == (False, 1)
        log = api.this_session().workspace.store.accesses(sealed)
        assert [body for body in bodies(sealed) if isinstance(body, Access)] == log
        assert api.verify(sealed).exit_code == 0

    def test_an_entry_goes_into_the_record_once(self, sealed: str) -> None:
        api.show(sealed)
        assert refreshed(sealed, SHOWING) is not None
        assert refreshed(sealed, SHOWING) is None
        api.show(sealed)
        again = refreshed(sealed, SHOWING)
        assert again is not None
        assert again.accesses == 1
        assert len([body for body in bodies(sealed) if isinstance(body, Access)]) == 2

    def test_erased_entries_go_into_the_record_without_a_name(self, sealed: str) -> None:
        api.show(sealed)
        store = api.this_session().workspace.store
        assert store.erase_openings(sealed) >= 2
        assert refreshed(sealed, SHOWING) is not None
        assert store.openings(sealed) == []
        assert api.verify(sealed).exit_code == 0

    def test_no_clear_value_is_in_the_record(self, sealed: str) -> None:
        api.show(sealed)
        refreshed(sealed, SHOWING)
        store = api.this_session().workspace.store
        (addendum,) = store.addenda(sealed)
        for opening in store.openings(sealed):
            if opening.label in ("actor", "source"):
                access = next(event for event in store.events(addendum.run_id) if b'"kind":"access"' in event)
                assert opening.value.encode() not in access.replace(b"os_user", b"")


def test_hipaa_prints_in_clear_who_was_there_until_it_is_erased(sealed: str) -> None:
    api.attest(by="A. Person", role="dpo", form="hipaa", subject="hipaa/scope", claim="Neither.", run_id=sealed)
    api.show(sealed)
    assert refreshed(sealed, SHOWING) is not None
    workspace = api.this_session().workspace
    run, *addenda = read_sealed(workspace.store, sealed, [workspace.signer.public_key])
    given = clear_values(workspace.store, run, addenda)
    assert {opening.label for opening in given} >= {"actor", "source"}
    shown = repr(HIPAA.compose(Dossier.of(run, addenda, openings=given)))
    assert this_address() in shown
    workspace.store.erase_openings(sealed)
    assert clear_values(workspace.store, run, addenda) == []
    assert this_address() not in repr(HIPAA.compose(Dossier.of(run, addenda)))


def test_a_receipt_without_openings_is_written_as_it_always_was(sealed: str) -> None:
    package = api.export_audit(sealed)
    payload = Bundle.parse(package.receipt_path.read_bytes()).payload
    assert b"openings" not in payload
    assert ReceiptStatement.parse(payload).predicate.openings is None


@pytest.mark.parametrize(
    ("old", "new"),
    [("Triage", "Trial"), ("C. Officer", "D. Officer"), ('\\"action\\":\\"show\\"', '\\"action\\":\\"skip\\"')],
)
def test_what_was_said_and_altered_does_not_verify(sealed: str, old: str, new: str) -> None:
    api.profile(project="triage", system_name="Triage")
    api.show(sealed)
    assert refreshed(sealed, SHOWING) is not None
    api.release(sealed, approved_by="C. Officer", role="head", ran_by="B")
    package = api.export_audit(sealed)
    assert api.verify(package.path).exit_code == 0
    text = package.path.read_text()
    assert old in text
    package.path.write_text(text.replace(old, new))
    with pytest.raises(VerificationError, match=r"root|receipt|event"):
        api.verify(package.path)
