"""Seals with timestamps: what a bundle holds, what is said of it where, and what `verify` makes of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from cognify_core import api
from cognify_core.canonical import encode, parse
from cognify_core.errors import CognifyError, RunStateError, TimestampError
from cognify_core.model.names import utc_now
from cognify_core.seal.bundle import Bundle
from cognify_core.seal.timestamps import read_timestamps
from cognify_core.seal.trusted_root import trusted_root_of
from cognify_core.verify.report import Report
from cognify_core.verify.timestamp_check import Clocks, check_late, check_timestamps, late_fact
from tests.cli.running import ROOT, cognify, environment, json_of
from tests.installed import MODULES, needs
from tests.ledger.test_heads import VERIFY
from tests.servers.tsa import Tsa, authority, issuer, served
from tests.tamper.attacking import leave, report_of, rewritten, use


@pytest.fixture
def stamped(home: Path, tsa: Tsa) -> Path:
    """The package of a run that was sealed with a timestamp, whose authority is pinned."""
    api.keys().authorities.trust(tsa.root.pem, "tsa")
    api.set_timestamp_urls([tsa.url])
    return sealed()


def sealed() -> Path:
    with api.run("dated") as run:
        run.config({"learning_rate": 0.1})
    return api.export_audit(run.id).path


def bundle_of(package: Path) -> Bundle:
    return Bundle.parse(parse(package.read_bytes())["seal"]["bundle"].encode())


def anchors(report: Report) -> dict[str, str]:
    """What was found of anchors: the verdict by its code."""
    return {finding.code: finding.verdict for finding in report.findings if finding.section == "anchor"}


def with_timestamps(package: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """The package, rendered anew around a bundle whose timestamps were changed. Nothing signs them."""

    def edit(value: dict[str, Any]) -> None:
        bundle = json.loads(value["seal"]["bundle"])
        change(bundle["verificationMaterial"])
        value["seal"]["bundle"] = encode(bundle).decode()

    copy = package.with_name("forged.json")
    shutil.copy(package, copy)
    rewritten(copy, edit)
    return copy


def test_a_seal_carries_a_timestamp_over_its_signature_that_openssl_verifies(stamped: Path, tsa: Tsa) -> None:
    bundle = bundle_of(stamped)
    (stamp,) = read_timestamps(bundle.timestamps)
    done = tsa.verify(stamp.data, bundle.signature)
    assert (done.returncode, done.stdout.strip()) == (0, "Verification: OK"), done.stderr
    assert tsa.verify(stamp.data, bundle.payload).returncode != 0


def test_verify_says_that_the_timestamp_holds_and_when(stamped: Path) -> None:
    report = api.verify(stamped, require_timestamp=True)
    assert (report.exit_code, report.verdict("anchor"), anchors(report)) == (0, "ok", {"timestamp": "ok"})
    (run_id,) = [row.run_id for row in api.runs()]
    assert api.verify(run_id, require_timestamp=True).exit_code == 0


def test_what_a_seal_is_anchored_by_is_said_in_its_package(stamped: Path) -> None:
    seal = parse(stamped.read_bytes())["seal"]
    assert "(time: timestamped)" in cognify(stamped.parents[3], "show", "last").output
    (stamp,) = read_timestamps(bundle_of(stamped).timestamps)
    assert seal["anchor"] == [{"authority": "CN=a test's authority", "kind": "timestamp", "time": stamp.told}]
    assert seal["time"] == "timestamped"
    schema = json.loads((ROOT / "cognify_core/export/package.schema.json").read_bytes())
    jsonschema.validate(parse(stamped.read_bytes()), schema)


def test_a_workbook_and_a_certificate_say_it_too(stamped: Path) -> None:
    from cognify_core.export.document.sections_seal import seal_certificate
    from cognify_core.export.dossier import Dossier

    (run,) = api.verify(stamped).runs
    text = str(seal_certificate(Dossier.of(run)))
    assert "by CN=a test's authority (RFC 3161)" in text
    assert "time claimed" not in text


def test_without_an_authority_the_time_is_claimed(home: Path) -> None:
    package = sealed()
    seal = parse(package.read_bytes())["seal"]
    assert (seal["time"], seal["anchor"], bundle_of(package).timestamps) == ("claimed", [], None)
    assert api.verify(package).exit_code == 0
    report = report_of(package, require_timestamp=True)
    assert (report.exit_code, anchors(report)) == (2, {"anchor": "unchecked", "no_timestamp": "unchecked"})


def test_an_authority_that_nobody_pinned_dates_nothing(stamped: Path) -> None:
    api.keys().authorities.distrust("tsa")
    report = api.verify(stamped)
    assert (report.exit_code, anchors(report)) == (0, {"timestamp": "unchecked"})
    assert report_of(stamped, require_timestamp=True).exit_code == 2


def test_an_authority_that_is_down_does_not_cost_the_seal(home: Path, tsa: Tsa, capsys: Any) -> None:
    tsa.behave = lambda *_: (403, b"")
    api.init(home=home, quiet=False, project="tests")
    api.set_timestamp_urls([tsa.url])
    package = sealed()
    said = capsys.readouterr().err
    assert f"no timestamp of {tsa.url}: " in said
    assert "cognify timestamp renew" in said
    assert parse(package.read_bytes())["seal"]["time"] == "claimed"


def test_an_answer_that_does_not_hold_is_not_kept(home: Path, tsa: Tsa) -> None:
    api.keys().authorities.trust(issuer("somebody else").pem, "else")
    api.set_timestamp_urls([tsa.url])
    assert bundle_of(sealed()).timestamps is None


def test_an_addendum_is_dated_as_well(stamped: Path, tsa: Tsa) -> None:
    (run_id,) = [row.run_id for row in api.runs()]
    api.note("fails on negation", kind="limitation", run_id=run_id)
    package = api.export_audit(run_id).path
    report = api.verify(package, require_timestamp=True)
    assert [finding.code for finding in report.findings if finding.section == "anchor"] == ["timestamp"] * 2
    assert len(tsa.asked) == 2


def test_an_addendum_that_is_not_dated_is_named_where_all_must_be(stamped: Path) -> None:
    api.set_timestamp_urls([])
    (run_id,) = [row.run_id for row in api.runs()]
    api.note("fails on negation", kind="limitation", run_id=run_id)
    package = api.export_audit(run_id).path
    assert api.verify(package).exit_code == 0
    report = report_of(package, require_timestamp=True)
    assert report.exit_code == 2
    assert any(f.code == "no_timestamp" and f.message.startswith("addendum 1") for f in report.findings)


def test_a_second_timestamp_that_nobody_knows_does_not_take_away_from_the_first(
    home: Path, tmp_path: Path, tsa: Tsa
) -> None:
    other = authority(tmp_path / "other", "nobody knows")
    with served(other):
        api.set_timestamp_urls([tsa.url, other.url])
        package = sealed()
    api.keys().authorities.trust(tsa.root.pem, "tsa")
    report = api.verify(package, require_timestamp=True)
    assert (report.exit_code, anchors(report)) == (0, {"timestamp": "ok", "timestamp_other": "ok"})


def test_timestamps_that_were_tampered_with_are_a_contradiction(stamped: Path, tsa: Tsa) -> None:
    def put(data: bytes) -> Callable[[dict[str, Any]], object]:
        listed = [{"signedTimestamp": b64encode(data).decode()}]
        return lambda material: material.update(timestampVerificationData={"rfc3161Timestamps": listed})

    (stamp,) = read_timestamps(bundle_of(stamped).timestamps)
    broken = stamp.data[:-1] + bytes([stamp.data[-1] ^ 1])
    web = tsa.signed_by(issuer("a web server", tsa.root, purposes=()), bundle_of(stamped).signature)
    for data in (tsa.stamp(b"something else"), broken, b"junk", web):
        report = report_of(with_timestamps(stamped, put(data)))
        assert (report.exit_code, anchors(report).get("timestamp")) == (1, "contradiction")
    report = report_of(with_timestamps(stamped, lambda each: each.update(timestampVerificationData={"by": "me"})))
    assert (report.exit_code, anchors(report).get("timestamp")) == (1, "contradiction")


def test_a_timestamp_that_was_taken_away_shows_where_one_is_asked_for_and_in_the_receipt(stamped: Path) -> None:
    def undated(value: dict[str, Any]) -> None:
        bundle = json.loads(value["seal"]["bundle"])
        del bundle["verificationMaterial"]["timestampVerificationData"]
        value["seal"] |= {"bundle": encode(bundle).decode(), "anchor": [], "time": "claimed"}

    rewritten(stamped, undated)
    assert report_of(stamped).exit_code == 1  # the receipt beside it is of another file
    stamped.with_name(stamped.name + ".sigstore.json").unlink()
    assert api.verify(stamped).exit_code == 0
    assert report_of(stamped, require_timestamp=True).exit_code == 2


def sealed_at(days: int, tsa: Tsa) -> str:
    """A run that was sealed and dated now, with a clock that is so many days ahead."""
    from cognify_core.seal.sealing import seal_run

    api.keys().authorities.trust(tsa.root.pem, "tsa")
    api.set_timestamp_urls([tsa.url])
    with api.run("another time", seal="manual") as run:
        pass
    workspace = api.this_session().workspace
    now = utc_now() + timedelta(days=days)

    def stamp(signature: bytes) -> Any:
        return workspace.clock.stamp(signature).timestamps

    seal_run(workspace.store, run.id, workspace.signer, now=now, ledger=workspace.ledger, stamp=stamp)
    return run.id


def test_a_seal_that_claims_a_later_time_than_its_timestamp_is_doubted(home: Path, tsa: Tsa) -> None:
    report = report_of(sealed_at(30, tsa), require_timestamp=True)
    assert (report.exit_code, report.verdict("anchor")) == (2, "unchecked")
    assert any("one of these clocks is wrong" in finding.message for finding in report.findings)


def test_a_seal_that_was_dated_back_has_no_timestamp_of_that_time(home: Path, tsa: Tsa) -> None:
    """The claim stays, and beside it stands from when on the seal can be shown to have been there."""
    package = api.export_audit(sealed_at(-30, tsa)).path
    (told,) = [finding.message for finding in api.verify(package).findings if finding.code == "timestamp"]
    claimed = parse(package.read_bytes())["sealed_at"]
    assert f"its signature was there at {utc_now():%Y-%m-%d}" in told
    assert claimed < f"{utc_now() - timedelta(days=29):%Y-%m-%d}"


def test_a_timestamp_of_a_time_that_is_not_there_yet_dates_nothing(stamped: Path) -> None:
    pinned, now = api.keys().authorities.trusted(), utc_now()
    bundle = bundle_of(stamped)
    for then, verdict in ((now, "ok"), (now - timedelta(days=1), "unchecked"), (now + timedelta(days=9), "ok")):
        (found,) = check_timestamps(bundle, Clocks(pinned, now=then), "the seal")
        assert (found.code, found.verdict) == ("timestamp", verdict)
        assert ("a time that is not there yet" in found.message) == (verdict == "unchecked")
    (late,) = [late_fact(stamp, bundle.signature) for stamp in read_timestamps(bundle.timestamps)]
    assert [each.verdict for each in check_late(bundle.signature, [late], Clocks(pinned, now=now))] == ["ok"]
    (found,) = check_late(bundle.signature, [late], Clocks(pinned, now=now - timedelta(days=1)))
    assert (found.verdict, "it does not count" in found.message) == ("unchecked", True)


def test_late_timestamps_are_added_beside_the_package_each_over_the_one_before(home: Path, tsa: Tsa) -> None:
    package = sealed()
    with pytest.raises(RunStateError, match="no time stamping authority is configured"):
        api.renew_timestamp(package)
    before = package.read_bytes()
    api.keys().authorities.trust(tsa.root.pem, "tsa")
    api.set_timestamp_urls([tsa.url])
    first = api.renew_timestamp(package)
    kept = json.loads(first.evidence.read_bytes())["facts"]
    api.renew_timestamp("last")
    facts = json.loads(first.evidence.read_bytes())["facts"]
    assert (package.read_bytes(), facts[:1], len(facts)) == (before, kept, 2)
    tokens = [b64decode(fact["signedTimestamp"]) for fact in facts]
    assert tsa.verify(tokens[0], before).returncode == 0
    assert tsa.verify(tokens[1], tokens[0]).returncode == 0
    report = api.verify(package, require_timestamp=True)
    found = {"anchor": "unchecked", "no_timestamp": "unchecked", "late_timestamp": "ok"}
    assert (report.exit_code, anchors(report)) == (0, found)


def test_a_late_timestamp_that_does_not_hold_counts_for_nothing(home: Path, tsa: Tsa) -> None:
    package = sealed()
    api.keys().authorities.trust(tsa.root.pem, "tsa")
    api.set_timestamp_urls([tsa.url])
    evidence = api.renew_timestamp(package).evidence
    value = json.loads(evidence.read_bytes())
    (fact,) = value["facts"]
    for change in (
        {"signedTimestamp": b64encode(tsa.stamp(b"something else")).decode()},
        {"signedTimestamp": "AAAA"},
        {"signedTimestamp": None},
        {"over": "sha256:" + "0" * 64},
    ):
        evidence.write_bytes(encode(value | {"facts": [fact | change]}) + b"\n")
        report = report_of(package, require_timestamp=True)
        assert (report.exit_code, anchors(report)["late_timestamp"]) == (2, "unchecked")
        assert api.verify(package).exit_code == 0
    evidence.write_bytes(b"junk")
    assert anchors(report_of(package, require_timestamp=True))["evidence"] == "unchecked"


def test_a_renewal_that_fails_writes_nothing(home: Path, tsa: Tsa) -> None:
    package = sealed()
    tsa.behave = lambda *_: (403, b"")
    api.set_timestamp_urls([tsa.url])
    with pytest.raises(TimestampError, match="403"):
        api.renew_timestamp(package)
    assert not package.with_name(package.name + ".evidence.json").exists()


def test_the_variable_comes_before_what_was_said(tmp_path: Path, tsa: Tsa) -> None:
    script = "from cognify_core import api; print(api.timestamp_urls())"

    def asked(**more: str) -> str:
        where = environment(tmp_path / "home", **more)
        done = subprocess.run([sys.executable, "-c", script], env=where, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    use(tmp_path / "home")
    api.set_timestamp_urls(["https://said.example/"])
    leave()
    assert asked() == "('https://said.example/',)"
    assert asked(COGNIFY_TIMESTAMP_URLS="https://one.example/ https://two.example/") == (
        "('https://one.example/', 'https://two.example/')"
    )
    assert asked(COGNIFY_TIMESTAMP_URLS="none") == "()"


def test_the_command_line_names_tries_and_renews(tmp_path: Path, tsa: Tsa) -> None:
    (tmp_path / "root.pem").write_bytes(tsa.root.pem)
    assert "nobody is asked" in cognify(tmp_path, "timestamp", "show").output
    assert json_of(tmp_path, "timestamp", "set", tsa.url) == {"urls": [tsa.url]}
    assert cognify(tmp_path, "timestamp", "set").exit_code == 2
    assert cognify(tmp_path, "timestamp", "set", "not a url").exit_code == 2
    unpinned = json_of(tmp_path, "timestamp", "test", code=2)["authorities"]
    assert [(each["pinned"], each["authority"]) for each in unpinned] == [(False, "CN=a test's authority")]
    trusted = json_of(tmp_path, "keys", "trust", tmp_path / "root.pem", "--name", "tsa")
    assert (trusted["of"], trusted["subject"]) == ("timestamps", "CN=the root of a test's authority")
    assert "timestamps" in cognify(tmp_path, "keys", "list").output
    assert cognify(tmp_path, "timestamp", "test").exit_code == 0
    use(tmp_path / "home")
    package = sealed()
    assert cognify(tmp_path, "verify", package, "--require-timestamp").exit_code == 0
    renewed = json_of(tmp_path, "timestamp", "renew", package)
    assert [each["authority"] for each in renewed["timestamps"]] == ["CN=a test's authority"]
    assert json_of(tmp_path, "keys", "distrust", "tsa")["distrusted"] == [trusted["key_id"]]
    held = cognify(tmp_path, "verify", package, "--require-timestamp")
    assert (held.exit_code, "does not show how old it is" in held.output) == (2, True)
    assert json_of(tmp_path, "timestamp", "set", "--none") == {"urls": []}
    leave()


def test_a_damaged_pin_stops_the_seal_with_a_sentence_and_loses_nothing(home: Path, tsa: Tsa) -> None:
    api.set_timestamp_urls([tsa.url])
    authority_ = api.keys().authorities.trust(tsa.root.pem, "tsa")
    path = api.keys().path / "trusted" / f"tsa.{authority_.authority_id}.crt"
    path.write_bytes(b"junk")
    with api.run("later", seal="manual") as run:
        pass
    with pytest.raises(CognifyError, match="not PEM certificates"):
        api.seal(run.id)
    path.unlink()
    assert api.seal(run.id).run_id == run.id


@needs("node", package="@sigstore/verify")
def test_npms_sigstore_verifies_a_seal_with_its_timestamp(stamped: Path, tmp_path: Path, tsa: Tsa) -> None:
    api.keys().authorities.trust(tsa.signer.pem + tsa.root.pem, "chain")
    root = trusted_root_of(api.ledger().key, api.keys().authorities.trusted())
    (tmp_path / "root.json").write_bytes(root)
    (tmp_path / "signer.pub").write_bytes(api.keys().signer().public_key.pem)
    (tmp_path / "verify.js").write_text(VERIFY.replace("timestampThreshold: 0", "timestampThreshold: 1"))

    def verify(bundle: Bundle) -> subprocess.CompletedProcess[str]:
        (tmp_path / "bundle.json").write_bytes(bundle.encode())
        command = ["node", "verify.js", "bundle.json", "root.json", "signer.pub"]
        where = {"PATH": os.environ["PATH"], "NODE_PATH": str(MODULES)}
        return subprocess.run(command, cwd=tmp_path, env=where, capture_output=True, text=True, check=False)

    from dataclasses import replace

    bundle = bundle_of(stamped)
    assert verify(bundle).stdout == "verified\n", verify(bundle).stderr
    assert "timestamps" in verify(replace(bundle, timestamps=None)).stderr
    other = {"rfc3161Timestamps": [{"signedTimestamp": b64encode(tsa.stamp(b"something else")).decode()}]}
    assert "timestamp" in verify(replace(bundle, timestamps=other)).stderr
