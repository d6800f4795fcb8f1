"""Packages in vaults: what is put, what is read back, what is kept of it, and what never goes in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from cognify_core import api
from cognify_core.api.evidence_file import add_evidence, read_evidence
from cognify_core.api.exporting import Package
from cognify_core.api.vaulting import Plan, deliver, plan_for
from cognify_core.errors import ConfigurationError, FormatError, VaultUnavailableError, VerificationError
from cognify_core.model.digest import Digest
from cognify_core.model.names import utc_now
from tests.servers.objects import s3
from tests.servers.starting import free_ports
from tests.store.old_runs import OLD, old_run
from tests.vault.buckets import Seaweed, in_environment


@pytest.fixture(autouse=True)
def home(tmp_path: Path) -> Iterator[Path]:
    home = tmp_path / "home"
    api.init(home=home, quiet=True, project="triage", mode="on")
    yield home
    session = api.this_session()
    session.settle(timeout=30)
    session.workspace.close()


@pytest.fixture
def run_id() -> str:
    """A sealed run."""
    return sealed()


def sealed() -> str:
    with api.run("toy") as run:
        run.log({"loss": 0.5}, step=1)
    return run.id


def made_with(package: Package, template: str) -> None:
    """Say that a document was made of the run with a template, as an export does."""
    store = api.this_session().workspace.store
    (receipt,) = store.receipts(package.run_id)
    store.put_receipt(replace(receipt, package_hash=Digest.of(template.encode()), template=template))


@pytest.fixture
def folder(tmp_path: Path) -> str:
    """A folder as a vault, in which nothing is made immutable."""
    return f"file://{tmp_path / 'vault'}?immutable=no"


def facts_beside(package: Package) -> list[dict[str, object]]:
    said = json.loads(package.path.with_name(package.path.name + ".evidence.json").read_bytes())
    assert (said["format"], said["package_hash"]) == ("cognify.evidence/v1", str(package.package_hash))
    facts: list[dict[str, object]] = said["facts"]
    return facts


def test_the_package_and_its_receipt_go_into_the_vault(run_id: str, folder: str, tmp_path: Path) -> None:
    package = api.export_audit(run_id, vault=folder)
    place = tmp_path / "vault" / run_id / package.package_hash.hex
    assert (place / f"{run_id}.json").read_bytes() == package.path.read_bytes()
    assert (place / f"{run_id}.json.sigstore.json").read_bytes() == package.receipt_path.read_bytes()
    assert [fact.part for fact in package.kept] == ["package", "receipt"]


def test_what_was_read_back_is_told_and_nothing_better(run_id: str, folder: str) -> None:
    package = api.export_audit(run_id, vault=folder)
    assert {fact.state for fact in package.kept} == {"unlocked"}
    assert api.vault_facts(run_id) == list(package.kept)


def test_what_was_read_back_stands_beside_the_package_and_is_added_to(run_id: str, folder: str) -> None:
    package = api.export_audit(run_id, vault=folder)
    first = facts_beside(package)
    assert [fact["part"] for fact in first] == ["package", "receipt"]
    api.export_audit(run_id, vault=folder)
    assert facts_beside(package)[:2] == first
    assert len(facts_beside(package)) == 4


def test_verify_tells_what_a_vault_said_last_and_believes_it_no_further(run_id: str, folder: str) -> None:
    api.export_audit(run_id, vault=folder)
    found = [finding for finding in api.verify(run_id).findings if finding.code == "vault_copy"]
    assert [(finding.section, finding.verdict) for finding in found] == [("anchor", "unchecked")]
    assert "was unlocked when it was read at 2" in found[0].message
    assert f"`cognify vault list {run_id} --check` asks again" in found[0].message


def test_the_lock_ends_after_the_last_day_of_retention() -> None:
    api.set_retention(retention_years=3)
    today = utc_now().date()
    lock = api.plan_vault(sealed()).lock
    assert lock.until.date() == today.replace(year=today.year + 3) + timedelta(days=1)
    assert (str(lock.mode), lock.held) == ("GOVERNANCE", False)


def test_an_export_to_another_place_has_the_name_of_its_own_in_the_vault(
    run_id: str, folder: str, tmp_path: Path
) -> None:
    package = api.export_audit(run_id, vault=folder, path=tmp_path / "audit of mine.json")
    assert [fact.key.rpartition("/")[2] for fact in package.kept] == [f"{run_id}.json", f"{run_id}.json.sigstore.json"]
    assert len(facts_beside(package)) == 2


def test_a_package_that_was_changed_on_its_way_does_not_go_in(run_id: str, folder: str) -> None:
    workspace = api.this_session().workspace
    package = api.export_audit(run_id)
    package.path.write_bytes(b"{}")
    with pytest.raises(VerificationError, match="has changed since it was exported"):
        deliver(workspace, package, plan_for(workspace, run_id, folder))
    assert api.vault_facts() == []


def test_personal_data_never_goes_where_it_could_not_be_erased(run_id: str) -> None:
    workspace = api.this_session().workspace
    package = replace(api.export_audit(run_id), personal_data=True)
    plan = plan_for(workspace, run_id, "s3://bucket/x?mode=COMPLIANCE")
    with pytest.raises(ConfigurationError, match="personal data in clear, which must stay erasable"):
        deliver(workspace, package, plan)


def test_a_document_with_personal_data_is_refused_before_anything_is_made(run_id: str) -> None:
    pytest.importorskip("reportlab")
    pytest.importorskip("pikepdf")
    pytest.importorskip("openpyxl")
    with pytest.raises(ConfigurationError, match="does not go into s3://bucket/x in COMPLIANCE mode"):
        api.export_audit(run_id, format="pdf", template="hipaa", vault="s3://bucket/x?mode=COMPLIANCE")
    assert api.show(run_id).addenda == ()


def test_no_clear_value_is_in_the_vault(run_id: str, folder: str, tmp_path: Path) -> None:
    api.export_audit(run_id, vault=folder)
    names = {path.name.removeprefix(run_id) for path in (tmp_path / "vault").rglob("*.json")}
    assert names == {".json", ".json.sigstore.json"}


def test_a_dry_run_puts_nothing_into_a_vault(folder: str, tmp_path: Path) -> None:
    api.init(home=tmp_path / "dry", mode="dry", quiet=True)
    with api.run() as run:
        run.log({"loss": 1.0}, step=1)
    with pytest.raises(ConfigurationError, match="a dry run keeps nothing"):
        api.export_audit(run.id, vault=folder)
    assert not (tmp_path / "vault").exists()


def test_the_vault_in_force_is_a_folder_until_another_is_named(run_id: str, home: Path, folder: str) -> None:
    assert str(api.vault()) == f"file://{home}/vault"
    api.set_vault(folder)
    assert str(api.vault()) == folder
    api.set_vault("s3://bucket/prefix?endpoint_url=http%3A%2F%2F127.0.0.1%3A1")
    assert api.vault().place == "s3://bucket/prefix"
    with pytest.raises(ConfigurationError, match="takes no user, password"):
        api.set_vault("s3://key:secret@bucket")


def test_evidence_of_another_package_is_not_added_to(tmp_path: Path) -> None:
    package, one, other = tmp_path / "p.json", Digest.of(b"one"), Digest.of(b"other")
    path = add_evidence(package, one, [{"kind": "x"}])
    assert read_evidence(path, one) == [{"kind": "x"}]
    before = path.read_bytes()
    with pytest.raises(FormatError, match="is of another package"):
        add_evidence(package, other, [{"kind": "y"}])
    assert path.read_bytes() == before


@pytest.mark.parametrize("damaged", [b"", b"[]", b'{"facts":[1],"format":"cognify.evidence/v1"}', b'{"a":1', b"\xff"])
def test_evidence_that_is_damaged_is_not_written_over(tmp_path: Path, damaged: bytes) -> None:
    path = tmp_path / "p.json.evidence.json"
    path.write_bytes(damaged)
    with pytest.raises(FormatError):
        add_evidence(tmp_path / "p.json", Digest.of(b"one"), [])
    assert path.read_bytes() == damaged


# -- on a server that enforces


@pytest.fixture(scope="module")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seaweed]:
    with s3(tmp_path_factory.mktemp("seaweed")) as environ, in_environment(environ):
        yield Seaweed(environ)


def locked(seaweed: Seaweed, mode: str = "GOVERNANCE") -> str:
    return f"s3://{seaweed.bucket()}/audit?mode={mode}&endpoint_url={seaweed.url}&region=us-east-1"


@pytest.mark.slow
def test_a_package_in_compliance_mode_is_told_first_and_then_locked(seaweed: Seaweed, run_id: str) -> None:
    asked: list[Plan] = []

    def yes(plan: Plan) -> bool:
        asked.append(plan)
        return True

    package = api.export_audit(run_id, vault=locked(seaweed, "COMPLIANCE"), confirm=yes)
    assert {(fact.state, fact.mode, fact.held) for fact in package.kept} == {("locked", "COMPLIANCE", False)}
    assert "COMPLIANCE cannot be undone" in str(asked[0].warning)
    assert f"until {asked[0].lock.until:%Y-%m-%d}" in str(asked[0].warning)


@pytest.mark.slow
def test_who_says_no_puts_nothing(seaweed: Seaweed, run_id: str) -> None:
    uri = locked(seaweed, "COMPLIANCE")
    with pytest.raises(ConfigurationError, match="nothing was put into s3://"):
        api.export_audit(run_id, vault=uri, confirm=lambda _: False)
    assert (api.vault_facts(), list(seaweed.vault(uri.split("/")[2], prefix="audit").versions())) == ([], [])


@pytest.mark.slow
def test_an_unknown_market_date_is_a_hold_and_ends_when_it_is_known(seaweed: Seaweed, run_id: str) -> None:
    api.set_vault(locked(seaweed))
    made_with(api.export_audit(run_id, vault="default"), "eu_ai_act")
    api.sync()
    assert {(fact.state, fact.held) for fact in api.vault_facts(run_id)} == {("locked", True)}
    api.release(run_id, approved_by="B. Person", role="lead", ran_by="A. Person", market_date="2030-05-06")
    _, said = api.sync()
    assert [line.partition(": ")[2] for line in said] == ["locked until 2040-05-07T00:00:00Z"] * 2
    assert {fact.until for fact in api.vault_facts(run_id)} == {"2040-05-07T00:00:00Z"}


@pytest.mark.slow
def test_longer_retention_lengthens_locks_and_shorter_leaves_them(seaweed: Seaweed) -> None:
    api.set_retention(retention_years=2)
    run_id = sealed()
    api.set_vault(locked(seaweed))
    before = api.export_audit(run_id, vault="default").kept[0].until
    api.set_retention(retention_years=1)
    assert api.sync() == ([], [])
    _, longer = api.set_retention(retention_years=5)
    _, said = api.sync()
    after = api.vault_facts(run_id, check=True)
    assert (longer, len(said), {fact.state for fact in after}) == (1, 2, {"locked"})
    assert before is not None
    assert {fact.until for fact in after} == {f"{int(before[:4]) + 3}{before[4:]}"}


@pytest.mark.slow
def test_what_a_compliance_lock_holds_outlives_a_purge(seaweed: Seaweed, home: Path) -> None:
    old_run(home)
    kept = api.export_audit(OLD, vault=(uri := locked(seaweed, "COMPLIANCE"))).kept
    api.set_vault(uri)
    done = api.purge(OLD, by="A. Person", approved_by="B. Person", reason="its time has come")
    assert [(each["key"], each["state"], each["mode"]) for each in done.remains] == [
        (fact.key, "held", "COMPLIANCE") for fact in kept
    ]
    assert [fact.state for fact in api.vault_facts(OLD, check=True)] == ["locked", "locked"]


@pytest.mark.slow
def test_a_copy_that_was_deleted_below_is_told_as_missing(seaweed: Seaweed, run_id: str) -> None:
    uri = locked(seaweed)
    api.set_vault(uri)
    fact = api.export_audit(run_id, vault="default").kept[0]
    at = {"Bucket": uri.split("/")[2].partition("?")[0], "Key": f"audit/{fact.key}", "VersionId": fact.version}
    seaweed.client().delete_object(**at, BypassGovernanceRetention=True)
    assert [each.state for each in api.vault_facts(run_id, check=True)] == ["missing", "locked"]


@pytest.mark.slow
def test_a_trial_finds_that_locks_are_enforced(seaweed: Seaweed) -> None:
    found = {finding.name: finding.ok for finding in api.try_vault(locked(seaweed))}
    assert found == {"versions": True, "lock": True, "put": True, "read back": True, "enforced": True}


def test_a_trial_of_a_folder_says_that_it_does_not_lock(folder: str) -> None:
    found = {finding.name: finding.ok for finding in api.try_vault(folder)}
    assert (found["folder"], found["put"], found["read back"]) == (True, True, False)


def test_a_vault_that_does_not_answer_is_left_to_the_outbox(run_id: str) -> None:
    pytest.importorskip("boto3")
    (port,) = free_ports(1)
    with pytest.raises(VaultUnavailableError, match="it waits in the outbox, and `cognify sync` tries again"):
        api.export_audit(run_id, vault=f"s3://bucket?endpoint_url=http://127.0.0.1:{port}&region=us-east-1")
    (job,) = api.retention().waiting
    assert job.run_id == run_id
