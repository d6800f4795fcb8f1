"""The page for auditors, command by command, where no Cognify is installed."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from cognify_core import api
from tests.cli.running import cognify, json_of
from tests.docs.blocks import ROOT, blocks
from tests.installed import MODULES, needs
from tests.tamper.attacking import leave, use

PAGE = "docs/verify-without-cognify.md"
BLOCKS = dict(
    zip(
        ("files", "signatures", "signed", "tree", "read", "time", "model", "ledger", "root", "rest"),
        blocks(PAGE, "bash"),
        strict=True,
    )
)
PROGRAMS = (
    *("base64", "bash", "cat", "cmp", "cut", "grep", "ls", "node", "openssl", "python3", "sed", "sha256sum", "stat"),
    *("tail", "tr"),
)

pytestmark = needs("bash", "openssl", "sha256sum", "python3")


AUTHORITY = """
cd ..
new() { openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$1.key" -subj "/CN=$1" "${@:2}"; }
new root -x509 -days 3650 -out root.pem
new clock -out clock.csr
printf '%s\\n' extendedKeyUsage=critical,timeStamping keyUsage=critical,digitalSignature > clock.ext
openssl x509 -req -in clock.csr -CA root.pem -CAkey root.key -CAcreateserial -days 99 -extfile clock.ext -out clock.pem
printf '%s\\n' '[here]' serial=serial signer_digest=sha256 default_policy=1.2.3.4.1 digests=sha256 \\
  ess_cert_id_alg=sha256 > clock.cnf
openssl ts -query -data handed/seal/signature.der -sha256 -cert -out query
openssl ts -reply -queryfile query -signer clock.pem -inkey clock.key -config clock.cnf -section here \\
  -out handed/seal/timestamp-1.tsr
cd handed
"""
"""A time stamping authority, as one makes it by `openssl` alone, that stamps the seal's signature."""


@dataclass(frozen=True)
class Auditor:
    """A folder that was handed over, a checkpoint, and keys by another way."""

    folder: Path
    programs: Path

    def run(self, *scripts: str) -> subprocess.CompletedProcess[str]:
        """Run commands one after the other in one shell, with the few programs that an auditor has."""
        parent = self.folder.parent
        given = {
            name: str(parent / file)
            for name, file in (("KEY", "signer.pub"), ("LOG", "log.vkey"), ("TSA", "root.pem"), ("MODEL", "model"))
        }
        given |= {
            "PATH": str(self.programs),
            "NODE_PATH": str(MODULES),
            "OFFLINE": str(ROOT / "examples/verify_offline.py"),
        }
        command = ["bash", "-euo", "pipefail", "-c", "\n".join(scripts)]
        return subprocess.run(
            command, cwd=self.folder, env=given, capture_output=True, text=True, check=False, timeout=120
        )

    def said(self, *scripts: str) -> list[str]:
        done = self.run(*scripts)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.splitlines()


@pytest.fixture(scope="module")
def handed(tmp_path_factory: pytest.TempPathFactory) -> Auditor:
    folder = tmp_path_factory.mktemp("audit")
    use(folder / "home")
    model = folder / "model"
    (model / "deep").mkdir(parents=True)
    for name in ("weights.bin", "deep/more.bin", ".gitattributes", "a \\ name\nof two lines"):
        (model / name).write_bytes(name.encode() * 100)
    with api.run("audited") as run:
        run.config({"learning_rate": 0.1})
        run.checkpoint(model, step=20)
    api.eval({"f1": 0.5}, name="holdout", run_id=run.id)
    api.export_folder(run.id, folder / "handed")
    (folder / "signer.pub").write_bytes(api.keys().signer().public_key.pem)
    (folder / "log.vkey").write_text(f"{api.ledger().key}\n")
    leave()
    programs = folder / "programs"
    programs.mkdir()
    found = {name: shutil.which(name) for name in PROGRAMS}
    for name, path in found.items():
        if path is not None:
            (programs / name).symlink_to(path)
    (programs / "python3").unlink()
    (programs / "python3").symlink_to(sys.base_prefix + "/bin/python3")
    signing = Path(sys.executable).with_name("model_signing")
    if signing.is_file():
        (programs / "model_signing").symlink_to(signing)
    return Auditor(folder / "handed", programs)


@pytest.fixture
def auditor(handed: Auditor, tmp_path: Path) -> Auditor:
    """What was handed over, to be altered on the way."""
    shutil.copytree(handed.folder.parent, tmp_path / "copy", ignore=shutil.ignore_patterns("home", "programs"))
    return Auditor(tmp_path / "copy" / "handed", handed.programs)


def test_an_auditor_has_no_cognify(handed: Auditor) -> None:
    assert handed.run("cognify --help").returncode == 127
    assert "No module named" in handed.run("python3 -c 'import cognify_core'").stderr


def test_the_files_are_whole(handed: Auditor) -> None:
    said = handed.said(BLOCKS["files"])
    assert [line for line in said if not line.endswith(": OK")] == said[-2:]
    assert len(said) > 20


def test_the_signatures_hold(handed: Auditor) -> None:
    assert handed.said(BLOCKS["signatures"]) == ["Verified OK"] * 3


def test_what_was_signed_lies_there(handed: Auditor) -> None:
    said = handed.said(BLOCKS["signed"], BLOCKS["tree"])
    assert len(said) == 9
    assert all(line.endswith("OK") for line in said)
    assert said[-1] == "checkpoint: OK"


def test_what_lies_there_to_be_read_is_what_was_signed(handed: Auditor) -> None:
    said = handed.said(BLOCKS["signed"], BLOCKS["read"])
    assert said[-2:] == ["seal/events.jsonl: OK", "addendum-1/events.jsonl: OK"]
    manifests = [path for path in handed.folder.glob("*/manifests/*") if path.is_file()]
    assert len([line for line in said if "/manifests/" in line and line.endswith(": OK")]) == len(manifests) > 3


@pytest.mark.parametrize("files", ["seal/events.jsonl", "addendum-1/events.jsonl", "seal/manifests/*"])
def test_a_file_to_be_read_that_was_changed_with_its_sums_is_refused(auditor: Auditor, files: str) -> None:
    changed(next(path for path in sorted(auditor.folder.glob(files)) if path.is_file()))
    assert auditor.run(BLOCKS["signed"], BLOCKS["read"]).returncode != 0


def test_there_is_no_timestamp_to_check(handed: Auditor) -> None:
    assert handed.said(BLOCKS["time"]) == []


def test_a_timestamp_holds_for_the_signature_that_it_is_over(auditor: Auditor) -> None:
    made = auditor.run(AUTHORITY)
    assert made.returncode == 0, made.stderr
    assert auditor.said(BLOCKS["time"]) == ["Verification: OK"]
    shutil.copy(auditor.folder / "receipt/signature.der", auditor.folder / "seal/signature.der")
    assert auditor.run(BLOCKS["time"]).returncode != 0


@pytest.mark.slow
def test_model_signing_accepts_the_checkpoint(handed: Auditor) -> None:
    if not (handed.programs / "model_signing").exists():
        pytest.skip("model_signing is not here")
    assert "Verification succeeded" in handed.said(BLOCKS["model"])


@needs("node", package="@sigstore/verify")
def test_npms_sigstore_accepts_seal_and_receipt(auditor: Auditor) -> None:
    assert [line.rpartition(": ")[2] for line in auditor.said(BLOCKS["ledger"])] == ["OK", "OK"]


def test_the_trusted_root_holds_the_logs_key(handed: Auditor) -> None:
    assert handed.said(BLOCKS["root"]) == ["trusted root: OK"]


def test_the_one_file_computes_the_rest(handed: Auditor) -> None:
    (name,) = (path.name for path in handed.folder.glob("run_*.json") if "sigstore" not in path.name)
    package = f"package={name}"
    assert handed.said(package, BLOCKS["rest"])[-1] == "holds"


def changed(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))


def test_every_file_that_is_changed_on_the_way_is_seen_by_sha256sum(auditor: Auditor) -> None:
    listed = (auditor.folder / "SHA256SUMS").read_text().splitlines()
    files = {str(path.relative_to(auditor.folder)) for path in auditor.folder.rglob("*") if path.is_file()}
    assert {line.partition("  ")[2] for line in listed} == files - {"SHA256SUMS"}
    changed(auditor.folder / "seal" / "events.jsonl")
    assert auditor.run(BLOCKS["files"]).returncode != 0


@pytest.mark.parametrize("file", ["seal/statement.json", "receipt/statement.json", "addendum-1/signature.der"])
def test_openssl_refuses_what_was_changed_with_its_sums(auditor: Auditor, file: str) -> None:
    changed(auditor.folder / file)
    assert auditor.run(BLOCKS["signatures"]).returncode != 0


@pytest.mark.parametrize("file", ["seal/record.json", "addendum-1/lineage.json"])
def test_what_is_not_what_was_signed_is_refused(auditor: Auditor, file: str) -> None:
    changed(auditor.folder / file)
    assert auditor.run(BLOCKS["signed"]).returncode != 0


def test_a_checkpoint_that_was_changed_is_refused(auditor: Auditor) -> None:
    changed(auditor.folder.parent / "model" / ".gitattributes")
    assert auditor.run(BLOCKS["signed"], BLOCKS["tree"]).returncode != 0


def test_a_key_that_came_by_another_way_decides(auditor: Auditor) -> None:
    make = "openssl ecparam -name prime256v1 -genkey -noout | openssl ec -pubout > ../signer.pub 2>/dev/null"
    assert auditor.run(make).returncode == 0
    assert auditor.run(BLOCKS["signatures"]).returncode != 0
    assert auditor.run(BLOCKS["ledger"]).returncode != 0


def test_the_command_line_makes_the_folder_and_overwrites_nothing(handed: Auditor, tmp_path: Path) -> None:
    shutil.copytree(handed.folder.parent / "home", tmp_path / "home")
    told = json_of(tmp_path, "export", "last", "--format", "folder", "-o", tmp_path / "new")
    new = tmp_path / "new"
    assert set(told["files"]) == {str(path.relative_to(new)) for path in new.rglob("*") if path.is_file()}
    again = cognify(tmp_path, "export", "last", "--format", "folder", "-o", tmp_path / "new")
    assert (again.exit_code != 0, "is not empty" in again.output) == (True, True)
    nowhere = cognify(tmp_path, "export", "last", "--format", "folder")
    assert "--output" in nowhere.output
    leave()


def test_every_command_of_the_page_is_run() -> None:
    text = (ROOT / PAGE).read_text("utf-8")
    assert set(re.findall(r"^```(\w+)$", text, re.MULTILINE)) == {"bash", "console"}
    assert len(BLOCKS) == text.count("```bash")
