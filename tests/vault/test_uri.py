from __future__ import annotations

import pytest

from cognify_core.errors import ConfigurationError, VaultError
from cognify_core.model.digest import Digest
from cognify_core.vault.keys import object_key
from cognify_core.vault.opening import open_vault
from cognify_core.vault.protocol import Mode
from cognify_core.vault.uri import VaultUri

RUN = "run_20250912_143022_a7f3c"
URIS = (
    "s3://bucket",
    "s3://bucket/some/prefix?mode=COMPLIANCE",
    "s3://bucket/p?endpoint_url=http%3A%2F%2F127.0.0.1%3A8333&region=eu-central-1",
    "gs://bucket/prefix?project=test",
    "az://container/prefix?account_url=https%3A%2F%2Fme.blob.core.windows.net",
    "file:///srv/vault",
    "file:///srv/my%20vault?immutable=no",
)
WRONG = {
    "": "names no vault",
    "bucket/prefix": "names no vault",
    "http://bucket": "names no vault",
    "s3:///prefix": "names no bucket",
    "s3://bucket/../c": "a prefix is made of",
    "s3://bucket/%2e%2e/x": "a prefix is made of",
    "s3://bucket/a//b": "a prefix is made of",
    "s3://bucket/a%00b": "a prefix is made of",
    "s3://bucket?mode=LEGAL": "GOVERNANCE or COMPLIANCE",
    "s3://bucket?mode=COMPLIANCE&mode=GOVERNANCE": "given once",
    "s3://bucket?lock=no": "takes endpoint_url, mode, region, and no 'lock'",
    "s3://bucket?mode": "do not read",
    "s3://key:secret@bucket/x": "takes no user, password",
    "s3://bucket?endpoint_url=http://me:secret@host": "without user, password",
    "s3://bucket?endpoint_url=file:///etc": "without user, password",
    "az://c?account_url=https://me.blob.core.windows.net/?sig=secret": "without user, password or signature",
    "file:///": "names no folder",
    "file://host/srv": "names no folder",
    "file:///srv/../etc": "names no folder",
    "file:///srv?mode=COMPLIANCE": "a folder cannot lock in COMPLIANCE mode",
}


@pytest.mark.parametrize("text", URIS)
def test_a_uri_is_written_as_it_was_read(text: str) -> None:
    assert str(VaultUri.parse(text)) == text


@pytest.mark.parametrize(("text", "because"), WRONG.items(), ids=list(WRONG))
def test_what_names_no_vault_is_refused_and_says_why(text: str, because: str) -> None:
    with pytest.raises(ConfigurationError, match=because) as refusal:
        VaultUri.parse(text)
    assert "secret" not in str(refusal.value)


def test_the_mode_is_governance_where_nothing_else_was_asked_for() -> None:
    assert VaultUri.parse("s3://bucket").mode is Mode.GOVERNANCE
    assert VaultUri.parse("s3://bucket?mode=compliance").mode is Mode.COMPLIANCE


def test_a_place_is_shown_without_options() -> None:
    assert VaultUri.parse(URIS[2]).place == "s3://bucket/p"
    assert open_vault("file:///srv/vault?immutable=no").uri == "file:///srv/vault"


def test_a_key_is_the_run_the_package_and_the_name() -> None:
    digest = Digest.of(b"")
    assert object_key(RUN, digest, f"{RUN}.a1.hipaa.json.sigstore.json").startswith(f"{RUN}/{digest.hex}/{RUN}.a1")
    assert VaultUri.parse("s3://bucket/p/q").full_key("a/b") == "p/q/a/b"
    assert VaultUri.parse("s3://bucket").full_key("a/b") == "a/b"


@pytest.mark.parametrize("run_id", ["../x", "run_1", "", f"{RUN}/x", f"{RUN}\n"])
def test_what_is_no_run_id_gives_no_key(run_id: str) -> None:
    with pytest.raises(VaultError, match="not a run id"):
        object_key(run_id, Digest.of(b""), "x.json")


@pytest.mark.parametrize("name", ["../x", "", ".x", "a/b", "a b", "ü.json", "x\n", "x" * 201])
def test_what_is_no_plain_name_gives_no_key(name: str) -> None:
    with pytest.raises(VaultError, match="cannot be a name in a vault"):
        object_key(RUN, Digest.of(b""), name)
