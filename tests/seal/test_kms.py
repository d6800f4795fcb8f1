"""Keys that lie in AWS KMS: boto3 against moto's server, over HTTP."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cognify_core import api
from cognify_core.errors import ConfigurationError, SignerUnavailableError, SigningKeyError
from cognify_core.seal.keys import OWN_NAME, KeyRing
from cognify_core.seal.signers import open_signer
from cognify_core.seal.signing import low_s
from tests.servers.kms import client_of, kms, new_key
from tests.tamper.attacking import leave, report_of, use

pytest.importorskip("boto3")


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A KMS for the tests of this file, which this process finds."""
    before = dict(os.environ)
    with kms(tmp_path_factory.mktemp("kms")) as environ:
        os.environ.update(environ)
        yield environ
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture
def uri(cloud: dict[str, str]) -> str:
    """A key of its own for each test."""
    return f"awskms:///{new_key(cloud)[0]}"


def test_a_key_in_kms_signs_as_one_in_a_file_does(uri: str) -> None:
    signer = open_signer(uri)
    message = b"m" * 100_000  # more than KMS would take as a message
    signature = signer.sign(message)
    signer.public_key.verify(signature, message)
    assert low_s(signature) == signature


def test_it_is_found_by_its_arn_and_by_an_alias(cloud: dict[str, str]) -> None:
    key_id, arn = new_key(cloud)
    client_of(cloud).create_alias(AliasName=f"alias/of-{key_id}", TargetKeyId=key_id)
    found = {
        open_signer(uri).public_key.key_id
        for uri in (f"awskms:///{key_id}", f"awskms:///{arn}", f"awskms:///alias/of-{key_id}")
    }
    assert len(found) == 1


def test_the_key_is_pinned_the_first_time_and_no_private_key_lies_here(uri: str, tmp_path: Path) -> None:
    ring = KeyRing(tmp_path, signer=uri)
    signer = ring.signer()
    assert [(pin.name, pin.key) for pin in ring.pinned()] == [(OWN_NAME, signer.public_key)]
    assert not (tmp_path / "signing.pem").exists()
    ring.distrust(OWN_NAME)
    assert KeyRing(tmp_path, signer=uri).signer().public_key == signer.public_key
    assert ring.pinned() == []  # what was distrusted stays so


def test_an_alias_that_came_to_name_another_key_is_refused(cloud: dict[str, str], tmp_path: Path) -> None:
    first, second = new_key(cloud)[0], new_key(cloud)[0]
    alias = f"alias/moved-{first}"
    client_of(cloud).create_alias(AliasName=alias, TargetKeyId=first)
    KeyRing(tmp_path, signer=f"awskms:///{alias}").signer()
    client_of(cloud).update_alias(AliasName=alias, TargetKeyId=second)
    with pytest.raises(SigningKeyError, match="now names another key"):
        KeyRing(tmp_path, signer=f"awskms:///{alias}").signer()


def test_a_key_of_another_kind_or_none_at_all_is_refused(cloud: dict[str, str]) -> None:
    for spec in ("ECC_NIST_P384", "RSA_2048"):
        with pytest.raises(SigningKeyError, match="ECC_NIST_P256"):
            open_signer(f"awskms:///{new_key(cloud, spec=spec)[0]}")
    with pytest.raises(SigningKeyError, match="NotFound"):
        open_signer("awskms:///00000000-0000-0000-0000-000000000000")


@pytest.mark.parametrize(
    ("uri", "named"),
    [
        ("awskms://", "no URI of a signer"),
        ("awskms:///", "names no key"),
        ("awskms:///key?x=1", "names no key"),
        ("azurekms://vault/key", "no signer of the scheme 'azurekms' is installed; there are: awskms"),
        ("signing.pem", "no URI of a signer"),
        ("awskms://me:hunter2@host/key", "no user and password"),
    ],
)
def test_what_names_no_signer_is_refused(uri: str, named: str) -> None:
    with pytest.raises(ConfigurationError, match=named) as caught:
        open_signer(uri)
    assert "hunter2" not in str(caught.value)


def test_a_run_is_sealed_and_verified_with_a_key_in_kms(uri: str, tmp_path: Path) -> None:
    os.environ["COGNIFY_SIGNER"] = uri
    use(tmp_path / "home")
    del os.environ["COGNIFY_SIGNER"]
    with api.run("in the cloud") as run:
        run.config({"learning_rate": 0.1})
    assert api.verify(run.id).exit_code == 0
    assert api.ledger().check().exit_code == 0
    assert api.verify(api.export_audit(run.id)).exit_code == 0
    assert not (tmp_path / "home/keys/signing.pem").exists()
    leave()


def test_a_file_hands_over_to_kms_and_both_seals_hold(uri: str, tmp_path: Path) -> None:
    use(tmp_path / "home")
    with api.run("before") as before:
        pass
    done = api.rotate_key(reason="into the cloud", to=uri)
    assert done.old != done.new == open_signer(uri).public_key.key_id
    assert {done.old, done.new} & api.keys().signing() == {done.new}
    with api.run("after") as after:
        pass
    assert api.verify(before.id).exit_code == api.verify(after.id).exit_code == 0
    assert api.ledger().check().exit_code == 0
    assert not (tmp_path / "home/keys/signing.pem").exists()
    for named in (dict[str, str](), {"to": uri}):
        with pytest.raises(SigningKeyError, match=r"rotate --to URI|signs already"):
            api.rotate_key(reason="again", **named)
    leave()


def test_a_kms_that_is_down_costs_no_run_which_is_sealed_when_it_is_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It goes away while the run is on. What is kept is the closed record; the seal comes later."""
    from tests.servers.starting import free_ports

    (port,) = free_ports(1)
    before = dict(os.environ)
    with kms(tmp_path / "first", port) as environ:
        os.environ.update(environ, COGNIFY_SIGNER=f"awskms:///{new_key(environ)[0]}")
        api.init(home=tmp_path / "home", quiet=False, project="tests")
        live = api.run("caught")
        run = live.__enter__()
    try:
        live.__exit__(None, None, None)
        said = capsys.readouterr().err
        assert "but not sealed: " in said
        assert f"nothing is lost: `cognify seal {run.id}` seals it later" in said
        (row,) = api.runs()
        assert (row.status, row.complete) == ("COMPLETED", True)
        with pytest.raises(SignerUnavailableError, match="did not answer"):
            api.seal(run.id)
        with kms(tmp_path / "second", port) as environ:  # moto forgets its keys: the same run, with another key
            os.environ["COGNIFY_SIGNER"] = f"awskms:///{new_key(environ)[0]}"
            use(tmp_path / "home")
            api.seal(run.id)
            assert report_of(run.id).exit_code == 0
    finally:
        leave()
        os.environ.clear()
        os.environ.update(before)


def test_others_bring_signers_by_an_entry_point(tmp_path: Path) -> None:
    """A distribution as `pip install` leaves it, on the path."""
    (tmp_path / "theirs.py").write_text(
        "from cognify_core.seal.signing import LocalSigner, new_private_pem\n"
        "PEM = new_private_pem()\n"
        "def open_signer(uri):\n"
        "    if uri.endswith('broken'):\n"
        "        raise OSError('no such slot')\n"
        "    return LocalSigner(PEM)\n"
    )
    about = tmp_path / "theirs-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[cognify.signers]\npkcs11 = theirs:open_signer\nbad = theirs:nothing\n")
    sys.path.insert(0, str(tmp_path))
    try:
        signer: Any = KeyRing(tmp_path / "keys", signer="pkcs11:///slot").signer()
        signer.public_key.verify(signer.sign(b"message"), b"message")
        with pytest.raises(SigningKeyError, match="no such slot"):
            open_signer("pkcs11:///broken")
        with pytest.raises(ConfigurationError, match="cannot be loaded"):
            open_signer("bad:///x")
    finally:
        sys.path.remove(str(tmp_path))
