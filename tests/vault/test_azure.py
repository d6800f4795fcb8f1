"""Azure, against an emulator that drops every lock and keeps no versions: requests, reading back, errors."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from email.utils import parsedate_to_datetime
from itertools import count
from typing import Any

import pytest

from cognify_core.errors import ConfigurationError, VaultError, VaultUnavailableError
from cognify_core.vault.opening import open_vault
from cognify_core.vault.protocol import LockState, Mode, Vault
from cognify_core.vault.uri import VaultUri
from tests.servers.objects import azure
from tests.servers.starting import free_ports
from tests.vault.buckets import in_environment
from tests.vault.contract import DATA, DIGEST, OTHER_DATA, VaultContract, key, lock

__all__ = ["key"]
pytestmark = pytest.mark.slow
_numbers = count()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with azure(tmp_path_factory.mktemp("azure")) as environ, in_environment(environ):
        yield environ["AZURE_STORAGE_CONNECTION_STRING"]


@pytest.fixture
def container(server: str) -> str:
    from azure.storage.blob import ContainerClient

    name = f"container-{next(_numbers)}"
    ContainerClient.from_connection_string(server, name).create_container()
    return name


@pytest.fixture
def vault(container: str) -> Vault:
    return open_vault(f"az://{container}/audit/trail")


class TestContract(VaultContract):
    """All that every vault promises; what the emulator drops reads back as unlocked."""

    when_locked = LockState.UNLOCKED


def test_one_request_carries_the_policy_the_checksum_and_the_condition(server: str, container: str, key: str) -> None:
    from azure.storage.blob import ContainerClient

    from cognify_core.vault.azure import AzureVault

    seen, asked = list[Any](), lock(mode=Mode.COMPLIANCE, held=True)
    client = ContainerClient.from_connection_string(
        server, container, raw_request_hook=lambda request: seen.append(request.http_request)
    )
    AzureVault(VaultUri.parse(f"az://{container}"), client).put_once(key, DATA, asked)
    (put,) = [request for request in seen if request.method == "PUT"]
    headers = {name.lower(): value for name, value in put.headers.items()}
    assert headers["if-none-match"] == "*"
    assert headers["content-md5"]
    assert headers["x-ms-immutability-policy-mode"] == "Locked"
    assert parsedate_to_datetime(headers["x-ms-immutability-policy-until-date"]).astimezone(UTC) == asked.until
    assert headers["x-ms-legal-hold"] in ("true", "True")


def test_a_lock_that_the_server_drops_is_told_as_unlocked(vault: Vault, key: str) -> None:
    asked = lock(mode=Mode.COMPLIANCE, held=True)
    put = vault.put_once(key, DATA, asked)
    assert (put.mode, put.until, put.held) == (None, None, False)
    assert vault.extend(key, put.version, asked).state(asked, DIGEST) is LockState.UNLOCKED


def test_bytes_that_were_written_over_are_missing(vault: Vault, server: str, container: str, key: str) -> None:
    from azure.storage.blob import ContainerClient

    put = vault.put_once(key, DATA, lock())
    client = ContainerClient.from_connection_string(server, container)
    client.upload_blob(f"audit/trail/{key}", OTHER_DATA, overwrite=True)
    assert vault.look(key, put.version).state(lock(), DIGEST) is LockState.MISSING
    with pytest.raises(VaultError, match="is not there in the version"):
        vault.read(key, put.version)
    vault.remove(key, put.version)
    assert client.download_blob(f"audit/trail/{key}").readall() == OTHER_DATA


def test_an_emulator_that_does_not_lock_is_found_out(container: str) -> None:
    from cognify_core.api.vaulting import try_out

    found = {finding.name: finding.ok for finding in try_out(VaultUri.parse(f"az://{container}"), put=True)}
    assert (found["put"], found["read back"], found["enforced"]) == (True, False, False)


def test_no_container_is_named(server: str, key: str) -> None:
    vault = open_vault("az://nowhere/x")
    for ask in (lambda: vault.put_once(key, DATA, lock()), lambda: vault.look(key, "etag:1"), vault.examine):
        with pytest.raises(VaultError, match=r"ContainerNotFound|404"):
            ask()


def test_a_wrong_key_is_refused_and_not_shown(server: str, container: str, key: str) -> None:
    wrong = server.replace("AccountKey=Eby8", "AccountKey=AAAA")
    with (
        in_environment({"AZURE_STORAGE_CONNECTION_STRING": wrong}),
        pytest.raises(VaultError, match="403") as refusal,
    ):
        open_vault(f"az://{container}/x").put_once(key, DATA, lock())
    assert "AAAA" not in str(refusal.value)


def test_a_server_that_is_not_there_may_be_tried_again(key: str) -> None:
    pytest.importorskip("azure.storage.blob")
    (port,) = free_ports(1)
    nowhere = f"AccountName=me;AccountKey=AAAA;BlobEndpoint=http://127.0.0.1:{port}/me;"
    with in_environment({"AZURE_STORAGE_CONNECTION_STRING": nowhere}):
        vault = open_vault("az://container/x")
        with pytest.raises(VaultUnavailableError, match="does not answer"):
            vault.look(key, "etag:1")


def test_no_account_is_named() -> None:
    pytest.importorskip("azure.storage.blob")
    with (
        in_environment({}, without=("AZURE_STORAGE_CONNECTION_STRING",)),
        pytest.raises(ConfigurationError, match="which account"),
    ):
        open_vault("az://container/x")
    with in_environment({"AZURE_STORAGE_CONNECTION_STRING": "hunter2"}):
        with pytest.raises(ConfigurationError, match="is no connection string") as refusal:
            open_vault("az://container/x")
        assert "hunter2" not in str(refusal.value)
