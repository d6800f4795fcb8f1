"""What people say of a run that has ended: attestations, notes, datasheets, releases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cognify_core import api
from cognify_core.api.accesses import this_user
from cognify_core.api.profiles import today
from cognify_core.api.releasing import released_run
from cognify_core.errors import ConfigurationError, RunNotFoundError, RunStateError
from cognify_core.model.events import Attestation, Body, DatasetSeen, Note, Release, parse_event
from cognify_core.model.record import Status

HOSTILE = "=cmd <img src='http://127.0.0.1/x'> \x00\x1b[31m\u202e💊 /etc/passwd " + "x" * 40_000


@pytest.fixture(autouse=True)
def home(tmp_path: Path) -> Iterator[Path]:
    home = tmp_path / "home"
    api.init(home=home, quiet=True, project="triage", mode="on")
    yield home
    session = api.this_session()
    session.settle(timeout=30)
    session.workspace.close()
    session.declared.clear()


@pytest.fixture
def ended(tmp_path: Path) -> str:
    """A sealed run that was fed a file."""
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"text": "a"}\n{"text": "b"}\n')
    with api.run("trained") as run:
        run.dataset(rows, name="patient_notes", schema_version="3")
        run.log({"loss": 0.5}, step=1)
    return run.id


def said_after(run_id: str) -> list[Body]:
    """What the addenda of a run say, without their first and last events."""
    store = api.this_session().workspace.store
    api.this_session().settle()
    found = [parse_event(data).body for row in store.addenda(run_id) for data in store.events(row.run_id)]
    return [body for body in found if body.kind not in ("run_opened", "run_closed")]


def hashes(run_id: str) -> list[str]:
    lineage = api.show(run_id).lineage
    assert lineage is not None
    return [node["hash"] for node in lineage["nodes"] if node["type"] == "dataset"]


class TestAttestations:
    def test_a_phi_attestation_is_bound_to_every_dataset_of_the_run(self, ended: str) -> None:
        said = api.attest(by="A. Person", role="privacy officer", form="phi", facts={"basis": "no_phi"}, run_id=ended)
        assert said_after(ended) == [said]
        assert said is not None
        assert [str(digest) for digest in said.datasets or ()] == hashes(ended)
        assert "never held protected health information" in said.claim

    def test_the_day_is_todays_where_none_is_given(self, ended: str) -> None:
        said = api.attest("reviewed", by="A", role="lead", run_id=ended)
        assert said is not None
        assert said.on == today()
        assert api.attest("reviewed", by="A", role="lead", on="2026-01-31", run_id=ended) != said

    def test_words_of_ones_own_take_the_place_of_the_forms(self, ended: str) -> None:
        said = api.attest(
            "Nothing of the kind.", by="A", role="dpo", form="phi", facts={"basis": "no_phi"}, run_id=ended
        )
        assert said is not None
        assert said.claim == "Nothing of the kind."

    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            ({"form": "phi", "facts": {"basis": "safe_harbour"}}, "did you mean 'safe_harbor'"),
            ({}, "an attestation has a claim"),
            ({"claim": "x", "by": " "}, "by: "),
            ({"claim": "x", "role": ""}, "role: "),
            ({"claim": "x", "on": "31.1.2026"}, "on: "),
            ({"claim": "x", "datasets": ["patient_notes"]}, "bound to datasets by their digests"),
            ({"claim": "x", "evidence": "missing.pdf"}, "cannot be hashed: vanished"),
        ],
    )
    def test_what_lacks_something_is_refused_and_nothing_is_recorded(
        self, ended: str, fields: dict[str, Any], message: str
    ) -> None:
        with pytest.raises(ConfigurationError, match=message):
            api.attest(**{"by": "A", "role": "lead", "run_id": ended} | fields)
        assert said_after(ended) == []

    def test_a_run_without_datasets_has_nothing_to_be_bound_to(self) -> None:
        with api.run() as run:
            run.log({"loss": 1}, step=1)
        with pytest.raises(ConfigurationError, match="names no dataset with a digest"):
            api.attest(by="A", role="dpo", form="phi", facts={"basis": "no_phi"}, run_id=run.id)

    def test_in_a_run_that_goes_on_it_waits_for_the_digests(self, tmp_path: Path) -> None:
        rows = tmp_path / "rows.jsonl"
        rows.write_text('{"text": "a"}\n')
        with api.run() as run:
            run.dataset(rows, name="rows")
            said = api.attest(by="A", role="dpo", form="phi", facts={"basis": "no_phi"})
        assert said is not None
        assert [str(digest) for digest in said.datasets or ()] == hashes(run.id)
        assert api.show(run.id).attestations == (said,)

    def test_hostile_text_is_text(self, ended: str) -> None:
        said = api.attest(HOSTILE, by=HOSTILE, role=HOSTILE, subject=HOSTILE, facts={"x": HOSTILE}, run_id=ended)
        assert said_after(ended) == [said]
        assert api.verify(ended).exit_code == 0


class TestNotes:
    def test_a_note_may_be_of_any_kind(self, ended: str) -> None:
        api.note("300 W for an hour", kind="energy", run_id=ended)
        assert said_after(ended) == [Note(text="300 W for an hour", note_kind="energy")]

    def test_a_kind_that_is_almost_one_is_refused(self, ended: str) -> None:
        with pytest.raises(ConfigurationError, match="documents look for 'limitation'"):
            api.note("x", kind="limitatoin", run_id=ended)


class TestDatasheets:
    @pytest.mark.parametrize("name", ["ds_patient_notes_v3", "patient_notes"])
    def test_what_is_said_of_a_dataset_goes_beside_it_with_its_digest(self, ended: str, name: str) -> None:
        handle = api.datasheet(name, run_id=ended, source_category="private_licensed", license="CC0", languages=["de"])
        (body,) = said_after(ended)
        assert isinstance(body, DatasetSeen)
        assert body.provenance == {"source_category": "private_licensed", "licence": "CC0", "languages": ["de"]}
        assert (body.name, body.assurance, str(body.hash)) == ("patient_notes", "declared", hashes(ended)[0])
        assert (handle.run_id, handle.hash) == (ended, body.hash)
        assert api.verify(ended).exit_code == 0
        assert api.verify(api.export_audit(ended)).exit_code == 0

    def test_a_dataset_is_found_by_its_digest(self, ended: str) -> None:
        assert api.datasheet(hashes(ended)[0], run_id=ended, purpose="research").name == "patient_notes"

    def test_it_is_found_by_templates_beside_the_dataset(self, ended: str) -> None:
        from cognify_core.export.document.graph import distinct_datasets
        from cognify_core.export.dossier import Dossier
        from cognify_core.verify.store_check import read_sealed

        api.datasheet("patient_notes", run_id=ended, obtained="from the hospital")
        workspace = api.this_session().workspace
        run, *addenda = read_sealed(workspace.store, ended, [workspace.signer.public_key])
        (dataset,) = distinct_datasets(Dossier.of(run, addenda))
        assert [told.body.provenance for told in dataset.every] == [{}, {"obtained": "from the hospital"}]

    @pytest.mark.parametrize(
        ("name", "said", "message"),
        [
            ("patient_nodes", {"licence": "x"}, "no dataset called 'patient_nodes'; its datasets: ds_patient_notes_v3"),
            ("patient_notes", {}, "nothing is said"),
            ("patient_notes", {"source_category": "priv"}, "source_category cannot be 'priv'; it is one of public"),
            ("patient_notes", {"labelings": "x"}, "documents look for 'labelling'"),
            ("patient_notes", {"license": "x", "licence": "y"}, "licence is said twice"),
        ],
    )
    def test_what_cannot_be_is_refused(self, ended: str, name: str, said: dict[str, Any], message: str) -> None:
        with pytest.raises(ConfigurationError, match=message):
            api.datasheet(name, run_id=ended, **said)
        assert said_after(ended) == []

    def test_the_same_words_are_checked_before_a_run(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigurationError, match="documents look for 'personal_data'"):
            api.dataset(tmp_path, name="rows", personaldata="none")
        assert api.dataset(tmp_path, name="rows", license="MIT").name == "rows"
        (declared,) = api.this_session().declared
        assert declared.provenance == {"licence": "MIT"}


class TestReleases:
    def test_a_run_is_released_by_somebody_else_than_who_ran_it(self, ended: str) -> None:
        said = api.release(ended, approved_by="C. Officer", role="head", ran_by="B. Engineer", market_date="2026-03-01")
        assert said_after(ended) == [said]
        assert (said.ran_by, said.on, said.market_date, said.supersedes) == ("B. Engineer", today(), "2026-03-01", None)
        assert api.verify(ended).exit_code == 0

    @pytest.mark.parametrize("name", ["B. Engineer", "b.  engineer ", "B.\u00a0ENGINEER"])
    def test_nobody_approves_what_they_ran(self, ended: str, name: str) -> None:
        with pytest.raises(ConfigurationError, match="ran it: a run is released by somebody else"):
            api.release(ended, approved_by=name, role="head", ran_by="B. Engineer")
        assert said_after(ended) == []

    def test_the_user_behind_the_runs_commitment_does_not_approve_it(self, ended: str) -> None:
        with pytest.raises(ConfigurationError, match="is the user who ran it"):
            api.release(ended, approved_by=this_user().upper(), role="head", ran_by="somebody else")

    def test_who_ran_it_may_stay_a_commitment(self, ended: str) -> None:
        said = api.release(ended, approved_by="C. Officer", role="head")
        assert said.ran_by.startswith("not named; the user behind the commitment sha256:")
        assert this_user() not in said.ran_by.partition("sha256:")[2]

    def test_where_nothing_tells_who_ran_it_it_is_asked(self, ended: str) -> None:
        api.this_session().workspace.store.erase_openings(ended)
        with pytest.raises(ConfigurationError, match="nothing here tells who ran it"):
            api.release(ended, approved_by="C. Officer", role="head")
        assert api.release(ended, approved_by="C. Officer", role="head", ran_by="B").ran_by == "B"

    def test_a_later_release_supersedes_the_one_before(self, ended: str) -> None:
        with api.run("second") as second:
            second.log({"loss": 1}, step=1)
        with api.run("third", project="another") as third:
            third.log({"loss": 1}, step=1)
        for run_id, before in (
            (ended, None),
            (second.id, ended),
            (second.id, None),
            (ended, second.id),
            (third.id, None),
        ):
            said = api.release(run_id, approved_by="C. Officer", role="head", ran_by="B")
            assert said.supersedes == before
        assert released_run(api.this_session().workspace.store, "triage") == ended

    def test_a_run_that_has_ended_is_sealed_first(self) -> None:
        with api.run(seal="manual") as run:
            run.log({"loss": 1}, step=1)
        api.release(run.id, approved_by="C. Officer", role="head", ran_by="B")
        assert api.show(run.id).row.status is Status.AUDIT_SEALED

    def test_a_run_that_goes_on_is_not_released(self) -> None:
        with api.run() as run, pytest.raises(RunStateError, match="is going on"):
            api.release(run.id, approved_by="C. Officer", role="head", ran_by="B")

    def test_an_addendum_is_not_released(self, ended: str) -> None:
        api.release(ended, approved_by="C. Officer", role="head", ran_by="B")
        (addendum,) = api.this_session().workspace.store.addenda(ended)
        with pytest.raises(RunStateError, match="release the run that it amends"):
            api.release(addendum.run_id, approved_by="C. Officer", role="head", ran_by="B")
        with pytest.raises(RunNotFoundError, match="no run answers"):
            api.release("run_no", approved_by="C. Officer", role="head", ran_by="B")

    @pytest.mark.parametrize("field", ["on", "market_date"])
    def test_a_day_is_a_day(self, ended: str, field: str) -> None:
        words: dict[str, Any] = {field: "tomorrow"}
        with pytest.raises(ConfigurationError, match=f"{field}: "):
            api.release(ended, approved_by="C", role="head", ran_by="B", **words)

    def test_hostile_names_are_names(self, ended: str) -> None:
        said = api.release(ended, approved_by=HOSTILE, role=HOSTILE, ran_by="B", meaning=HOSTILE)
        assert [type(body) for body in said_after(ended)] == [Release]
        assert said.approved_by == HOSTILE
        assert api.verify(api.export_audit(ended)).exit_code == 0


def test_where_nothing_is_recorded_nothing_is_attested(tmp_path: Path) -> None:
    api.init(home=tmp_path, mode="off", quiet=True)
    assert api.attest("x", by="A", role="lead") is None
    assert api.datasheet("rows", licence="x").name == "rows"
    api.note("x", kind="limitation")
    assert isinstance(Attestation(claim="x", by="A", role="lead"), Body)
    api.init(home=tmp_path, mode="on", quiet=True)
