"""The example that checks packages without Cognify: it believes what is true, and says what it did not look at."""

from __future__ import annotations

import ast
import os
import shutil
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

from cognify_core import api
from cognify_core.canonical import encode, parse
from cognify_core.model.digest import Digest
from cognify_core.model.events import Phase
from tests.factories import OTHER_SIGNER, SIGNER, default_bodies, sealed_run, whole
from tests.installed import needs
from tests.tamper.attacking import Home
from tests.tamper.offline import PROGRAM, offline, offline_alone
from tests.tamper.packaging import TRUSTED, amended, edited, package, receipt_of, verify

GOLDENS = Path(__file__).parents[1] / "data" / "goldens"


@dataclass(frozen=True)
class Handed:
    """What an auditor got: a real package with its receipt, and two keys by another way."""

    folder: Path
    words: tuple[str, ...]


@pytest.fixture
def handed(home: Home, tmp_path: Path) -> Handed:
    folder = tmp_path / "auditor"
    folder.mkdir()
    for name in (home.late, home.late.with_name(home.late.name + ".sigstore.json")):
        shutil.copy(name, folder)
    (folder / "signer.pub").write_bytes(api.keys().signer().public_key.pem)
    (folder / "log.vkey").write_text(f"{api.ledger().key}\n")
    return Handed(folder, (home.late.name, "--key", "signer.pub", "--log", "log.vkey"))


@pytest.fixture(scope="session")
def cryptography(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which `cryptography` and what it is made of can be imported, and nothing else."""
    folder = tmp_path_factory.mktemp("cryptography")
    for name in ("cryptography", "cffi", "_cffi_backend", "pycparser", "typing_extensions"):
        spec = find_spec(name)
        if spec is not None and spec.origin is not None:
            origin = Path(spec.origin)
            source = origin.parent if origin.name == "__init__.py" else origin
            (folder / source.name).symlink_to(source)
    return folder


def test_it_is_one_file_that_imports_the_standard_library_and_cryptography() -> None:
    text = PROGRAM.read_text("utf-8")
    tree = list(ast.walk(ast.parse(text)))
    names = {alias.name for each in tree if isinstance(each, ast.Import) for alias in each.names}
    names |= {each.module or "" for each in tree if isinstance(each, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in names} - sys.stdlib_module_names == {"cryptography"}
    assert len(text.splitlines()) < 300


def test_a_package_holds_where_there_is_cryptography_alone(handed: Handed, cryptography: Path) -> None:
    found = offline_alone(handed.folder, *handed.words, library=cryptography, path="/nowhere")
    assert found.returncode == 0, found.stdout + found.stderr
    assert "addendum 1: the seal: leaf" in found.stdout
    assert "not give" not in found.stdout
    assert found.stdout.endswith("holds\n")


@needs("openssl")
def test_a_package_holds_where_there_is_openssl_alone(handed: Handed) -> None:
    found = offline_alone(handed.folder, *handed.words, library=None, path=os.environ["PATH"])
    assert found.returncode == 0, found.stdout + found.stderr


def test_where_neither_is_there_nothing_is_believed(handed: Handed) -> None:
    found = offline_alone(handed.folder, *handed.words, library=None, path="/nowhere")
    assert (found.returncode, "could not be checked" in found.stdout) == (2, True)


@needs("openssl")
def test_openssl_refuses_what_the_library_refuses(handed: Handed) -> None:
    path = handed.folder / handed.words[0]
    data, receipt = path.read_bytes(), path.with_name(path.name + ".sigstore.json")
    value, seal = parse(receipt.read_bytes()), parse(parse(data)["seal"]["bundle"].encode())
    value["dsseEnvelope"]["signatures"] = seal["dsseEnvelope"]["signatures"]
    receipt.write_bytes(encode(value))
    found = offline_alone(handed.folder, *handed.words, library=None, path=os.environ["PATH"])
    assert (found.returncode, "the receipt: the signature of" in found.stdout) == (1, True)


def test_it_says_what_it_did_not_look_at(handed: Handed, cryptography: Path) -> None:
    found = offline_alone(handed.folder, handed.words[0], library=cryptography, path="/nowhere")
    assert found.returncode == 2
    assert "which you did not give with --key" in found.stdout
    assert "(not given with --log)" in found.stdout
    assert "not looked at: data and checkpoints where they lie" in found.stdout


def test_a_package_without_its_receipt_is_not_checked_in_full() -> None:
    run, addenda = amended(2)
    data = package(run, addenda)
    assert offline(data, TRUSTED) == 2
    assert offline(data, TRUSTED, receipt_of(data, run, addenda)) == 0


def test_a_count_that_no_integer_of_json_holds_exactly_is_no_fault_of_a_package() -> None:
    """A training of any size counts more operations than 2^53, and RFC 8785 writes out a double up to 10^21."""
    counted = Phase(phase="training_ended", facts={"total_flos": 7.2e19, "tokens": 123456789012345680000.0})
    run = sealed_run(whole((*default_bodies(), counted)))
    data = package(run)
    assert b"72000000000000000000" in data
    assert verify(data, receipt=receipt_of(data, run)).exit_code == 0
    assert offline(data, TRUSTED, receipt_of(data, run)) == 0


def test_what_no_seal_speaks_of_is_held_against_the_receipt() -> None:
    run, _ = amended(0)
    data = package(run)
    forged = edited(data, lambda value: value.update(gaps=[]))
    assert offline(forged, TRUSTED, receipt_of(data, run)) == 1


def test_a_signer_who_is_not_given_is_not_believed() -> None:
    run, _ = amended(0)
    data = package(run)
    assert offline(data, (OTHER_SIGNER.public_key,), receipt_of(data, run)) == 2
    assert offline(data, TRUSTED, receipt_of(data, run, signer=OTHER_SIGNER)) == 2


def test_a_key_that_is_none_is_an_error_of_whoever_asks(tmp_path: Path) -> None:
    (tmp_path / "none.pub").write_text("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n")
    assert offline(package(), (), None, "--key", str(tmp_path / "none.pub")) != 0
    assert offline(package(), (), None, "--key", str(tmp_path / "nowhere.pub")) == 2


def test_packages_from_before_there_was_a_ledger_hold(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = (GOLDENS / "package.json").read_bytes()
    assert offline(data, (SIGNER.public_key,)) == 2
    told = capsys.readouterr().out
    assert str(Digest.of(data)) in told
    assert "\u2713 addendum 1: 3 events" in told


def test_what_a_package_says_does_not_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    for key in ("run_id", "sealed_at", "status"):
        forged = edited(package(), lambda value, key=key: value.update({key: "\x1b[31m\u202e\n"}))  # type: ignore[misc]
        assert offline(forged, TRUSTED) == 1
    forged = edited(package(), lambda value: value["manifests"].update({"sha256:\x1b]0;\x07": "x"}))
    assert offline(forged, TRUSTED) == 1
    told = capsys.readouterr().out
    assert "\x1b" not in told
    assert "\u202e" not in told
