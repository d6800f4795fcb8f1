"""Heads that leave the host, published ledgers, proof files, and what `verify --head` makes of them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from base64 import b64decode
from pathlib import Path

import pytest

from cognify_core import api
from cognify_core.errors import CannotVerifyError, LedgerError, VerificationError
from cognify_core.merkle import consistency_proof, leaf_hash, verify_consistency
from cognify_core.seal.ledger_tiles import Tiles, tile_path
from cognify_core.seal.notes import SignedHead
from cognify_core.seal.trusted_root import trusted_root_of
from tests.cli.running import cognify
from tests.installed import MODULES, needs
from tests.ledger.homes import Lived, codes, names
from tests.tamper.attacking import refused, report_of


def grow(count: int = 1) -> None:
    for number in range(count):
        with api.run(f"later {number}"):
            pass


def test_the_ledger_continues_each_head_that_it_was_at(lived: Lived, tmp_path: Path) -> None:
    old = lived.head_file("old")
    grow()
    new = lived.head_file("new")
    grow()
    for later in (None, new):
        found = lived.ledger.consistency(old, later)
        head = found.new.head
        verify_consistency(found.old.size, head.size, found.old.root, head.root, found.proof)
    with pytest.raises(CannotVerifyError, match="no proof leads"):
        lived.ledger.consistency(new, old)


def test_a_seal_under_a_head_from_outside_is_anchored_by_it(lived: Lived, tmp_path: Path) -> None:
    grow()
    head = lived.head_file()
    for target in (lived.home.late, lived.sealed):
        report = api.verify(target, head=head)
        assert (report.exit_code, report.verdict("ledger"), report.verdict("anchor")) == (0, "ok", "ok")
        assert any("published head" in each.message for each in report.findings if each.section == "anchor")


def test_an_older_head_is_of_the_same_ledger_and_anchors_nothing(lived: Lived, tmp_path: Path) -> None:
    head = lived.head_file()
    with api.run("later") as later:
        pass
    report = report_of(later.id, head=head)
    assert (report.exit_code, report.verdict("anchor")) == (2, "unchecked")
    assert any("older than leaf" in finding.message for finding in report.findings)


def test_an_auditor_checks_a_package_with_the_head_and_the_published_ledger(lived: Lived, tmp_path: Path) -> None:
    """On another machine: a package, two public keys, a head by another way, and the tiles."""
    auditor = tmp_path / "auditor"
    auditor.mkdir()
    package = shutil.copy(lived.home.late, auditor)
    grow()
    head = lived.head_file("auditor/head")
    lived.ledger.publish(tmp_path / "published")
    (auditor / "log.vkey").write_text(f"{lived.ledger.key}\n")
    (auditor / "signer.pub").write_bytes(api.keys().signer().public_key.pem)
    for key in ("log.vkey", "signer.pub"):
        assert cognify(auditor, "keys", "trust", auditor / key).exit_code == 0
    assert cognify(auditor, "verify", package).exit_code == 0
    alone = cognify(auditor, "verify", package, "--head", head)
    assert (alone.exit_code, "nothing here leads" in alone.output) == (2, True)
    held = cognify(auditor, "verify", package, "--head", head, "--tiles", tmp_path / "published")
    assert (held.exit_code, "published head" in held.output) == (0, True)
    (tile,) = (tmp_path / "published/tile/0").glob("000.p/*")
    tile.write_bytes(bytes(len(tile.read_bytes())))
    forged = cognify(auditor, "verify", package, "--head", head, "--tiles", tmp_path / "published")
    assert (forged.exit_code, "is not in the ledger of" in forged.output) == (1, True)


def test_a_proof_file_proves_a_seal_under_a_later_head(lived: Lived, tmp_path: Path) -> None:
    grow()
    _, proof = lived.ledger.prove(lived.sealed)
    path = tmp_path / "sealed.tlog-proof"
    path.write_bytes(proof.encode())
    assert api.verify(lived.home.early, head=path).verdict("anchor") == "ok"
    _, of_another = lived.ledger.prove("0")
    path.write_bytes(of_another.encode())
    assert report_of(lived.home.early, head=path).verdict("anchor") == "unchecked"


def test_publishing_twice_writes_what_is_new(lived: Lived, tmp_path: Path) -> None:
    folder = tmp_path / "published"
    first = lived.ledger.publish(folder)
    again = lived.ledger.publish(folder)
    assert (first.before, again.before, again.files) == (0, first.head.head.size, 1)
    grow()
    third = lived.ledger.publish(folder)
    assert SignedHead.parse((folder / "checkpoint").read_bytes()) == third.head
    hashes = [leaf_hash(leaf.body) for leaf in lived.ledger.leaves()]
    old, new = first.head.head.size, third.head.head.size
    assert Tiles(folder).consistency(old, new) == consistency_proof(hashes, old)


def test_a_rolled_back_ledger_is_not_published_over_a_longer_one(lived: Lived, tmp_path: Path) -> None:
    lived.ledger.publish(tmp_path / "published")
    lived.edit("DELETE FROM leaves WHERE position >= 8", "DELETE FROM nodes WHERE (place + 1) << level > 8")
    with pytest.raises(VerificationError, match="it was rolled back"):
        lived.ledger.publish(tmp_path / "published")


@pytest.mark.parametrize(
    ("level", "index", "width", "path"),
    [
        ("0", 0, 256, "tile/0/000"),
        ("0", 1234067, 256, "tile/0/x001/x234/067"),
        ("1", 999, 3, "tile/1/999.p/3"),
        ("entries", 1000, 1, "tile/entries/x001/000.p/1"),
    ],
)
def test_tiles_lie_where_tlog_tiles_says(level: str, index: int, width: int, path: str) -> None:
    assert tile_path(level, index, width) == path


def test_what_is_published_says_nothing_of_what_was_said(lived: Lived, tmp_path: Path) -> None:
    lived.ledger.publish(tmp_path / "published")
    data = b"".join(path.read_bytes() for path in (tmp_path / "published").rglob("*") if path.is_file())
    assert lived.sealed.encode() not in data
    assert b"a typo" not in data


def test_a_new_key_is_introduced_by_the_old_one_and_both_seals_hold(lived: Lived) -> None:
    done = api.rotate_key(reason="a year has passed")
    assert api.keys().signer().public_key.key_id == done.new != done.old
    with api.run("after") as after:
        pass
    assert api.verify(after.id).exit_code == api.verify(lived.home.late).exit_code == 0
    assert lived.fsck().exit_code == 0
    assert lived.ledger.prove(str(done.leaf))[0] == done.leaf
    assert not (lived.home.keys / "next.pem").exists()
    assert (lived.home.keys / "signing.pem").stat().st_mode & 0o777 == 0o600


def test_a_leaf_of_a_key_that_was_replaced_is_named(lived: Lived) -> None:
    kept = (lived.home.keys / "signing.pem").read_bytes(), (lived.home.keys / "signing.pub").read_bytes()
    api.rotate_key(reason="it was stolen")
    grow()
    (lived.home.keys / "signing.pem").write_bytes(kept[0])
    (lived.home.keys / "signing.pub").write_bytes(kept[1])
    grow()
    assert names(lived.fsck(), "ledger_key", "replaced from leaf")


def test_a_key_that_no_leaf_introduced_is_not_taken(lived: Lived) -> None:
    for name in ("signing.pem", "signing.pub"):
        (lived.home.keys / name).unlink()
    grow()
    report = lived.fsck()
    assert (report.exit_code, "which no leaf has introduced" in str(report.findings)) == (2, True)
    api.keys().distrust(api.keys().signer().public_key.key_id)
    assert "ledger_key" in codes(lived.fsck())


def test_a_rotation_that_was_cut_off_goes_on_with_the_key_that_it_had_made(lived: Lived) -> None:
    def fail(*_: object) -> None:
        raise LedgerError("the disk is full")

    ring = api.keys()
    before = ring.signer().public_key
    with pytest.raises(LedgerError, match="the disk is full"):
        ring.rotate(fail)
    assert ring.signer().public_key == before
    waiting = (ring.path / "next.pem").read_bytes()
    api.rotate_key(reason="again")
    assert (ring.path / "signing.pem").read_bytes() == waiting


def test_a_ledger_that_cannot_be_written_is_a_recorded_failure_and_no_exception(lived: Lived) -> None:
    lived.edit("DELETE FROM nodes WHERE level = 0 AND place = 9", "DELETE FROM nodes WHERE level = 1 AND place = 4")
    with api.run("all the same", seal="manual") as run:
        pass
    (row,) = [row for row in api.runs() if row.run_id == run.id]
    assert (row.status, row.complete) == ("COMPLETED", False)
    assert "the ledger" in str(list(api.this_session().workspace.store.events(run.id))[-1])
    assert isinstance(refused(api.seal, run.id), LedgerError)
    assert api.this_session().workspace.store.bundle(run.id) is None


VERIFY = """
const { Verifier, toSignedEntity, toTrustMaterial } = require('@sigstore/verify');
const { bundleFromJSON } = require('@sigstore/bundle');
const { TrustedRoot, PublicKey } = require('@sigstore/protobuf-specs');
const fs = require('fs');
const [bundlePath, rootPath, keyPath] = process.argv.slice(2);
const bundle = bundleFromJSON(JSON.parse(fs.readFileSync(bundlePath)));
const root = TrustedRoot.fromJSON(JSON.parse(fs.readFileSync(rootPath)));
const der = fs.readFileSync(keyPath, 'utf8').split('\\n').slice(1, -2).join('');
const hint = bundle.verificationMaterial.content.publicKey.hint;
const key = PublicKey.fromJSON({ rawBytes: der, keyDetails: 'PKIX_ECDSA_P256_SHA_256' });
const material = toTrustMaterial(root, { [hint]: key });
new Verifier(material, { tlogThreshold: 1, timestampThreshold: 0 }).verify(toSignedEntity(bundle));
console.log('verified');
"""


@needs("node", package="@sigstore/verify")
def test_npms_sigstore_verifies_seals_and_receipts_with_their_log_entries(lived: Lived, tmp_path: Path) -> None:
    bundle = json.loads(lived.home.late.read_bytes())["seal"]["bundle"].encode()
    receipt = lived.home.late.with_name(lived.home.late.name + ".sigstore.json").read_bytes()
    (tmp_path / "root.json").write_bytes(trusted_root_of(lived.ledger.key))
    (tmp_path / "signer.pub").write_bytes(api.keys().signer().public_key.pem)
    (tmp_path / "verify.js").write_text(VERIFY)

    def verify(data: bytes) -> subprocess.CompletedProcess[str]:
        (tmp_path / "bundle.json").write_bytes(data)
        command = ["node", "verify.js", "bundle.json", "root.json", "signer.pub"]
        environment = {"PATH": os.environ["PATH"], "NODE_PATH": str(MODULES)}
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    for data in (bundle, receipt):
        assert verify(data).stdout == "verified\n", verify(data).stderr
        value = json.loads(data)
        (entry,) = value["verificationMaterial"]["tlogEntries"]
        note = entry["inclusionProof"]["checkpoint"]["envelope"]
        for broken in (
            note.replace("\n", "\n1", 1),
            note.replace(note.split("\n")[2], "A" * 43 + "="),
        ):
            entry["inclusionProof"]["checkpoint"]["envelope"] = broken
            assert "VerificationError" in verify(json.dumps(value).encode()).stderr
        del value["verificationMaterial"]["tlogEntries"]
        assert "tlog entries" in verify(json.dumps(value).encode()).stderr


def test_the_trusted_root_holds_the_key_as_openssl_writes_it(lived: Lived, tmp_path: Path) -> None:
    root = json.loads(trusted_root_of(lived.ledger.key))
    private = lived.home.keys / "log.pem"
    command = ["openssl", "pkey", "-in", str(private), "-pubout", "-outform", "DER"]
    assert subprocess.run(command, capture_output=True, check=True).stdout == b64decode(
        root["tlogs"][0]["publicKey"]["rawBytes"]
    )
