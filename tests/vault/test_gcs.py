"""GCS, against an emulator that keeps retentions and enforces none, and drops holds: requests, reading back, errors."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from cognify_core.errors import VaultError, VaultUnavailableError
from cognify_core.vault.opening import open_vault
from cognify_core.vault.protocol import Lock, LockState, Mode, Vault
from cognify_core.vault.uri import VaultUri
from tests.servers.objects import gcs
from tests.servers.starting import free_ports
from tests.vault.buckets import in_environment
from tests.vault.contract import DATA, DIGEST, VaultContract, key, lock

__all__ = ["key"]
pytestmark = pytest.mark.slow
_numbers = count()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with gcs(tmp_path_factory.mktemp("gcs")) as environ, in_environment(environ):
        yield environ


@pytest.fixture
def bucket(server: dict[str, str]) -> str:
    from google.cloud import storage

    name = f"bucket-{next(_numbers)}"
    storage.Client(project="test").create_bucket(name, enable_object_retention=True)
    return name


@pytest.fixture
def vault(bucket: str) -> Vault:
    return open_vault(f"gs://{bucket}/audit/trail")


class TestContract(VaultContract):
    """All that every vault promises, but for what the emulator does not tell."""

    def test_an_examination_finds_it_usable(self, vault: Vault) -> None:
        (finding,) = vault.examine()
        assert (finding.name, finding.detail) == ("lock", "object retention is not enabled")  # it never says it is


def test_one_request_carries_the_retention_the_checksum_and_the_condition(bucket: str, key: str) -> None:
    from google.cloud import storage

    client, asked = storage.Client(project="test"), lock(mode=Mode.COMPLIANCE, held=True)
    seen: list[Any] = []
    client._http.hooks["response"] = [lambda answer, **_: seen.append(answer.request)]
    from cognify_core.vault.gcs import GcsVault

    GcsVault(VaultUri.parse(f"gs://{bucket}"), client).put_once(key, DATA, asked)
    (put,) = [request for request in seen if request.method == "POST"]
    assert "ifGenerationMatch=0" in put.url
    assert f'"retainUntilTime": "{asked.until:%Y-%m-%dT%H:%M:%S}' in put.body.decode()
    for part in ('"mode": "Locked"', '"crc32c": "'):
        assert part in put.body.decode()
    (hold,) = [request for request in seen if request.method == "PATCH"]
    assert hold.body == '{"temporaryHold": true}'


def test_what_reads_back_as_locked_for_good_is_compliance(vault: Vault, key: str) -> None:
    asked = lock(mode=Mode.COMPLIANCE)
    assert vault.put_once(key, DATA, asked).state(asked, DIGEST) is LockState.LOCKED
    weaker = lock()
    put = vault.put_once(key[:-5] + "2.json", DATA, weaker)
    assert put.state(Lock(Mode.COMPLIANCE, weaker.until), DIGEST) is LockState.RETAINED


def test_a_retention_is_made_stronger(vault: Vault, key: str) -> None:
    put = vault.put_once(key, DATA, lock())
    asked = lock(mode=Mode.COMPLIANCE)
    assert vault.extend(key, put.version, asked).state(asked, DIGEST) is LockState.LOCKED


def test_a_hold_that_a_server_drops_is_told(vault: Vault, key: str) -> None:
    asked = lock(held=True)
    put = vault.put_once(key, DATA, asked)
    assert (put.held, put.state(asked, DIGEST)) == (False, LockState.RETAINED)


def test_what_was_put_without_a_retention_is_unlocked(vault: Vault, bucket: str, key: str) -> None:
    from google.cloud import storage

    blob = storage.Client(project="test").bucket(bucket).blob(f"audit/trail/{key}")
    blob.upload_from_string(DATA)
    assert vault.look(key, str(blob.generation)).state(lock(), DIGEST) is LockState.UNLOCKED


def test_an_emulator_that_does_not_enforce_is_found_out(bucket: str) -> None:
    from cognify_core.api.vaulting import try_out

    found = {finding.name: finding.ok for finding in try_out(VaultUri.parse(f"gs://{bucket}"), put=True)}
    assert (found["put"], found["read back"], found["enforced"]) == (True, True, False)


def test_no_bucket_is_named(server: dict[str, str], key: str) -> None:
    vault = open_vault("gs://nowhere/x")
    for ask in (lambda: vault.put_once(key, DATA, lock()), vault.examine):
        with pytest.raises(VaultError, match="404"):
            ask()


def test_a_server_that_is_not_there_may_be_tried_again(key: str) -> None:
    pytest.importorskip("google.cloud.storage")
    (port,) = free_ports(1)
    with in_environment({"STORAGE_EMULATOR_HOST": f"http://127.0.0.1:{port}", "GOOGLE_CLOUD_PROJECT": "test"}):
        vault = open_vault("gs://bucket/x")
        with pytest.raises(VaultUnavailableError, match="does not answer"):
            vault.look(key, "1")


def test_no_credentials_are_named(tmp_path: Path) -> None:
    pytest.importorskip("google.cloud.storage")
    nowhere = {"GOOGLE_APPLICATION_CREDENTIALS": str(tmp_path / "none.json"), "STORAGE_EMULATOR_HOST": ""}
    with in_environment(nowhere), pytest.raises(VaultError, match="GOOGLE_APPLICATION_CREDENTIALS"):
        open_vault("gs://bucket/x")
