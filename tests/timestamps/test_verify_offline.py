"""`examples/verify_offline.py --tsa-ca` on a real seal, in a Python that knows nothing of Cognify."""

from __future__ import annotations

import os
import shutil
import subprocess
from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest

from cognify_core import api
from cognify_core.canonical import encode, parse
from cognify_core.seal.bundle import Bundle
from cognify_core.seal.timestamps import Timestamp, read_timestamps
from tests.servers.tsa import Tsa, issuer
from tests.tamper.attacking import rewritten
from tests.tamper.offline import offline_alone


@dataclass(frozen=True)
class Handed:
    """What an auditor got: a package, dated by an authority, with its receipt; a key and a root by another way."""

    folder: Path
    package: Path
    bundle: Bundle

    @classmethod
    def of(cls, folder: Path, name: str) -> Handed:
        """Record, seal and export a run for real."""
        with api.run(name) as run:
            run.config({"learning_rate": 0.1})
        source = api.export_audit(run.id).path
        folder.mkdir(exist_ok=True)
        for path in (source, source.with_name(source.name + ".sigstore.json")):
            shutil.copy(path, folder)
        (folder / "signer.pub").write_bytes(api.keys().signer().public_key.pem)
        (folder / "log.vkey").write_text(f"{api.ledger().key}\n")
        return cls(folder, folder / source.name, Bundle.parse(parse(source.read_bytes())["seal"]["bundle"].encode()))

    @property
    def token(self) -> Timestamp:
        """The seal's timestamp."""
        (stamp,) = read_timestamps(self.bundle.timestamps)
        return stamp

    def check(self, *options: str) -> subprocess.CompletedProcess[str]:
        """Run the example there, where there is `openssl` and nothing else."""
        words = (self.package.name, "--key", "signer.pub", "--log", "log.vkey", *options)
        return offline_alone(self.folder, *words, library=None, path=os.environ["PATH"])

    def put(self, *tokens: bytes) -> None:
        """Put other timestamps into the seal's bundle, and leave all else as it is."""

        def edit(value: dict[str, dict[str, str]]) -> None:
            bundle = parse(value["seal"]["bundle"].encode())
            listed = [{"signedTimestamp": b64encode(token).decode()} for token in tokens]
            bundle["verificationMaterial"]["timestampVerificationData"] = {"rfc3161Timestamps": listed}
            value["seal"]["bundle"] = encode(bundle).decode()

        rewritten(self.package, edit)


@pytest.fixture
def handed(home: Path, tmp_path: Path, tsa: Tsa) -> Handed:
    api.set_timestamp_urls([tsa.url])
    handed = Handed.of(tmp_path / "auditor", "dated")
    (handed.folder / "root.pem").write_bytes(tsa.root.pem)
    return handed


def test_a_timestamp_that_is_good_holds_under_its_root(handed: Handed) -> None:
    found = handed.check("--tsa-ca", "root.pem")
    assert (found.returncode, found.stderr) == (0, "")
    assert f"✓ the seal: timestamp of '{handed.token.time:%b %e %H:%M:%S %Y} GMT'" in found.stdout


def test_without_a_root_the_seal_holds_and_its_timestamp_is_named(handed: Handed) -> None:
    found = handed.check()
    assert (found.returncode, "give the authority's certificates with --tsa-ca" in found.stdout) == (0, True)


def test_a_timestamp_does_not_hold_under_the_root_of_another_authority(handed: Handed) -> None:
    for other in (issuer("somebody else"), issuer("the root of a test's authority")):
        (handed.folder / "other.pem").write_bytes(other.pem)
        found = handed.check("--tsa-ca", "other.pem")
        assert (found.returncode, "the seal: a timestamp does not hold" in found.stdout) == (1, True)


def test_a_root_that_is_none_is_not_believed(handed: Handed) -> None:
    (handed.folder / "junk.pem").write_bytes(b"junk")
    for name in ("junk.pem", "nowhere.pem"):
        assert handed.check("--tsa-ca", name).returncode != 0


def test_the_timestamp_of_another_run_does_not_hold(handed: Handed, tmp_path: Path) -> None:
    handed.put(Handed.of(tmp_path / "other", "another").token.data)
    found = handed.check("--tsa-ca", "root.pem")
    assert (found.returncode, "the seal: a timestamp does not hold" in found.stdout) == (1, True)


def test_a_timestamp_that_was_altered_does_not_hold(handed: Handed) -> None:
    data = handed.token.data
    imprint, subject = data.index(sha256(handed.bundle.signature).digest()), data.index(b"a test's authority")
    for at in (imprint, subject, len(data) - 1):
        handed.put(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        found = handed.check("--tsa-ca", "root.pem")
        assert (found.returncode, "the seal: a timestamp does not hold" in found.stdout) == (1, True)


def test_a_timestamp_that_stands_there_twice_is_refused(handed: Handed) -> None:
    handed.put(handed.token.data, handed.token.data)
    found = handed.check("--tsa-ca", "root.pem")
    assert (found.returncode, "timestamps of another form" in found.stdout) == (1, True)


def test_a_second_timestamp_of_which_one_is_another_runs_does_not_hold(handed: Handed, tmp_path: Path) -> None:
    handed.put(handed.token.data, Handed.of(tmp_path / "other", "another").token.data)
    assert handed.check("--tsa-ca", "root.pem").returncode == 1
