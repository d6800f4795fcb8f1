"""S3 Object Lock, against a server that enforces it (SeaweedFS)."""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Callable
from datetime import timedelta
from typing import Any, ClassVar

import pytest

from cognify_core.errors import VaultConflictError, VaultError, VaultRefusedError, VaultUnavailableError
from cognify_core.vault.protocol import Lock, LockState, Mode
from cognify_core.vault.s3 import S3Vault
from cognify_core.vault.uri import VaultUri
from tests.servers.starting import free_ports
from tests.vault.buckets import Seaweed, in_environment
from tests.vault.contract import DATA, DIGEST, OTHER_DATA, LockingContract, key, lock

__all__ = ["key"]
pytestmark = pytest.mark.slow
FULL_KEY = "audit/trail/{}"


@pytest.fixture(scope="module")
def bucket(seaweed: Seaweed) -> str:
    return seaweed.bucket()


@pytest.fixture
def vault(seaweed: Seaweed, bucket: str) -> S3Vault:
    return seaweed.vault(bucket)


class TestContract(LockingContract):
    """All that every vault promises; `vault` is the module's."""


def put(vault: S3Vault, key: str, mode: Mode, seconds: float = 86_400) -> tuple[Lock, dict[str, Any]]:
    """Put an object; the lock asked for, and the words by which S3 names the version."""
    asked = lock(seconds, mode=mode)
    reading = vault.put_once(key, DATA, asked)
    where = VaultUri.parse(f"{vault.uri}")
    return asked, {"Bucket": where.bucket, "Key": where.full_key(key), "VersionId": reading.version}


def test_credentials_are_those_of_when_a_vault_is_opened(seaweed: Seaweed, bucket: str, key: str) -> None:
    where = VaultUri.parse(f"s3://{bucket}/audit?endpoint_url={seaweed.url}")
    asked = lock()
    with in_environment(seaweed.environ | {"AWS_ACCESS_KEY_ID": "nobody", "AWS_SECRET_ACCESS_KEY": "x"}):
        others = S3Vault.connect(where)
    with in_environment(seaweed.environ):
        assert S3Vault.connect(where).put_once(key, DATA, asked).state(asked, DIGEST) is LockState.LOCKED
    with pytest.raises(VaultError, match="InvalidAccessKeyId"):
        others.put_once(key, DATA, asked)


def test_one_request_carries_the_lock_the_checksum_and_the_condition(seaweed: Seaweed, bucket: str, key: str) -> None:
    client, seen = seaweed.client(), list[Any]()
    client.meta.events.register("before-send.s3.PutObject", lambda request, **_: seen.append(request))
    asked = lock(mode=Mode.COMPLIANCE, held=True)
    S3Vault(VaultUri.parse(f"s3://{bucket}"), client).put_once(key, DATA, asked)
    (request,) = seen
    headers = {
        name.lower(): value.decode() if isinstance(value, bytes) else value for name, value in request.headers.items()
    }
    assert headers["if-none-match"] == "*"
    assert headers["x-amz-checksum-sha256"] == b64encode(bytes.fromhex(DIGEST.hex)).decode()
    assert headers["x-amz-object-lock-mode"] == "COMPLIANCE"
    assert headers["x-amz-object-lock-retain-until-date"].startswith(f"{asked.until:%Y-%m-%dT%H:%M:%S}")
    assert headers["x-amz-object-lock-legal-hold"] == "ON"


class TestCompliance:
    """Nobody, the administrator included, undoes it."""

    ATTACKS: ClassVar[dict[str, Callable[[Any, dict[str, Any], Lock], object]]] = {
        "delete": lambda s3, at, _: s3.delete_object(**at),
        "bypass": lambda s3, at, _: s3.delete_object(**at, BypassGovernanceRetention=True),
        "shorten": lambda s3, at, asked: s3.put_object_retention(
            **at, Retention={"Mode": "COMPLIANCE", "RetainUntilDate": asked.until - timedelta(hours=1)}
        ),
        "shorten with bypass": lambda s3, at, asked: s3.put_object_retention(
            **at,
            Retention={"Mode": "COMPLIANCE", "RetainUntilDate": asked.until - timedelta(hours=1)},
            BypassGovernanceRetention=True,
        ),
        "downgrade": lambda s3, at, asked: s3.put_object_retention(
            **at, Retention={"Mode": "GOVERNANCE", "RetainUntilDate": asked.until}, BypassGovernanceRetention=True
        ),
        "take away": lambda s3, at, _: s3.put_object_retention(**at, Retention={}, BypassGovernanceRetention=True),
    }

    @pytest.mark.parametrize("attack", ATTACKS)
    def test_an_attack_is_refused_and_leaves_the_lock(
        self, seaweed: Seaweed, vault: S3Vault, key: str, attack: str
    ) -> None:
        from botocore.exceptions import ClientError

        asked, at = put(vault, key, Mode.COMPLIANCE)
        with pytest.raises(ClientError, match=r"AccessDenied|InvalidRequest|MalformedXML"):
            self.ATTACKS[attack](seaweed.client(), at, asked)
        assert vault.look(key, at["VersionId"]).state(asked, DIGEST) is LockState.LOCKED

    def test_an_overwrite_makes_another_version_and_the_first_stays(
        self, seaweed: Seaweed, vault: S3Vault, key: str
    ) -> None:
        asked, at = put(vault, key, Mode.COMPLIANCE)
        seaweed.client().put_object(Bucket=at["Bucket"], Key=at["Key"], Body=OTHER_DATA)
        assert vault.look(key, at["VersionId"]).state(asked, DIGEST) is LockState.LOCKED
        assert vault.read(key, at["VersionId"]) == DATA
        assert vault.put_once(key, DATA, asked).version == at["VersionId"]

    def test_a_delete_marker_hides_the_key_and_not_the_version(
        self, seaweed: Seaweed, vault: S3Vault, key: str
    ) -> None:
        asked, at = put(vault, key, Mode.COMPLIANCE)
        seaweed.client().delete_object(Bucket=at["Bucket"], Key=at["Key"])
        assert vault.look(key, at["VersionId"]).state(asked, DIGEST) is LockState.LOCKED
        assert (key, at["VersionId"]) in list(vault.versions(key))

    def test_it_expires_after_its_seconds(self, seaweed: Seaweed, vault: S3Vault, key: str) -> None:
        asked, at = put(vault, key, Mode.COMPLIANCE, 3)
        with pytest.raises(VaultRefusedError, match="AccessDenied"):
            vault.remove(key, at["VersionId"])
        time.sleep(3.2)
        assert vault.look(key, at["VersionId"]).state(asked, DIGEST) is LockState.EXPIRED
        vault.remove(key, at["VersionId"])
        assert vault.look(key, at["VersionId"]).state(asked, DIGEST) is LockState.MISSING

    def test_governance_asked_for_later_does_not_weaken_it(self, vault: S3Vault, key: str) -> None:
        _, at = put(vault, key, Mode.COMPLIANCE)
        longer = lock(200_000)
        assert vault.extend(key, at["VersionId"], longer).mode is Mode.COMPLIANCE
        assert vault.look(key, at["VersionId"]).until == longer.until

    def test_a_bucket_with_locked_versions_is_not_deleted(self, seaweed: Seaweed) -> None:
        from botocore.exceptions import ClientError

        name = seaweed.bucket()
        put(seaweed.vault(name), "a", Mode.COMPLIANCE)
        with pytest.raises(ClientError, match="BucketNotEmpty"):
            seaweed.client().delete_bucket(Bucket=name)


class TestGovernanceBypassed:
    """Who has the right to lift it may, and it is seen."""

    def test_a_lock_that_was_shortened_is_less_than_was_asked_for(
        self, seaweed: Seaweed, vault: S3Vault, key: str
    ) -> None:
        asked, at = put(vault, key, Mode.GOVERNANCE)
        less = {"Mode": "GOVERNANCE", "RetainUntilDate": asked.until - timedelta(hours=12)}
        seaweed.client().put_object_retention(**at, Retention=less, BypassGovernanceRetention=True)
        assert vault.look(key, at["VersionId"]).state(asked, DIGEST) is LockState.RETAINED

    def test_an_object_that_was_deleted_is_missing(self, seaweed: Seaweed, vault: S3Vault, key: str) -> None:
        asked, at = put(vault, key, Mode.GOVERNANCE)
        seaweed.client().delete_object(**at, BypassGovernanceRetention=True)
        assert vault.look(key, at["VersionId"]).state(asked, DIGEST) is LockState.MISSING

    def test_an_identity_that_may_set_no_lock_puts_nothing_and_is_told(
        self, seaweed: Seaweed, bucket: str, key: str
    ) -> None:
        with pytest.raises(VaultRefusedError, match=r"PutObject: AccessDenied .*the rights of these credentials"):
            seaweed.as_writer(bucket).put_once(key, DATA, lock())
        assert list(seaweed.vault(bucket).versions(key)) == []

    def test_an_identity_without_that_right_lifts_nothing(self, seaweed: Seaweed, vault: S3Vault, key: str) -> None:
        from botocore.exceptions import ClientError

        asked, at = put(vault, key, Mode.GOVERNANCE)
        with pytest.raises(ClientError, match="AccessDenied"):
            seaweed.client(key="writer", secret="writer").delete_object(**at, BypassGovernanceRetention=True)
        assert vault.look(key, at["VersionId"]).state(asked, DIGEST) is LockState.LOCKED


class TestLesserBuckets:
    """What a bucket cannot do is found out, and never called more than it is."""

    def test_a_bucket_without_locks_takes_nothing_and_says_why(self, seaweed: Seaweed, key: str) -> None:
        vault = seaweed.vault(seaweed.bucket(lock=False))
        with pytest.raises(VaultError, match="the bucket may have no Object Lock"):
            vault.put_once(key, DATA, lock())
        assert list(vault.versions()) == []
        assert {finding.name: finding.ok for finding in vault.examine()} == {"versions": False, "lock": False}

    def test_what_the_bucket_locks_by_itself_is_retained_by_default(self, seaweed: Seaweed, key: str) -> None:
        name, asked = seaweed.bucket(), lock(10 * 86_400, mode=Mode.COMPLIANCE)
        default = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}
        seaweed.client().put_object_lock_configuration(
            Bucket=name, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": default}
        )
        vault = seaweed.vault(name)
        version = seaweed.client().put_object(Bucket=name, Key=f"audit/trail/{key}", Body=DATA)["VersionId"]
        assert vault.look(key, version).state(asked, DIGEST) is LockState.RETAINED
        again = vault.put_once(key, DATA, asked)  # a mode is changed by nobody without the right to lift it
        assert (again.mode, again.until, again.state(asked, DIGEST)) == (
            Mode.GOVERNANCE,
            asked.until,
            LockState.RETAINED,
        )
        assert [finding.detail for finding in vault.examine()][-1].endswith("gets GOVERNANCE, 1 days")

    def test_what_was_put_without_a_lock_is_unlocked_until_it_is_put_again(
        self, seaweed: Seaweed, vault: S3Vault, bucket: str, key: str
    ) -> None:
        version = seaweed.client().put_object(Bucket=bucket, Key=f"audit/trail/{key}", Body=DATA)["VersionId"]
        assert vault.look(key, version).state(lock(), DIGEST) is LockState.UNLOCKED
        asked = lock()
        assert vault.put_once(key, DATA, asked).state(asked, DIGEST) is LockState.LOCKED
        assert list(vault.versions(key)) == [(key, version)]

    def test_bytes_of_somebody_else_without_a_checksum_are_hashed(
        self, seaweed: Seaweed, vault: S3Vault, bucket: str, key: str
    ) -> None:
        seaweed.client().put_object(Bucket=bucket, Key=f"audit/trail/{key}", Body=OTHER_DATA)
        with pytest.raises(VaultConflictError, match="other bytes"):
            vault.put_once(key, DATA, lock())

    def test_no_bucket_is_named(self, seaweed: Seaweed, key: str) -> None:
        with pytest.raises(VaultError, match=r"NoSuchBucket|there is no such bucket"):
            seaweed.vault("nowhere").put_once(key, DATA, lock())
        with pytest.raises(VaultError, match=r"404|NoSuchBucket"):
            seaweed.vault("nowhere").examine()

    def test_a_date_that_is_past_is_refused(self, vault: S3Vault, key: str) -> None:
        with pytest.raises(VaultError, match="the date is past"):
            vault.put_once(key, DATA, lock(-3600))

    def test_a_wrong_secret_is_named_and_not_shown(self, seaweed: Seaweed, bucket: str, key: str) -> None:
        with pytest.raises(VaultError, match="the secret key is wrong") as refusal:
            seaweed.vault(bucket, secret="hunter2").put_once(key, DATA, lock())
        assert "hunter2" not in str(refusal.value)

    def test_a_server_that_is_not_there_may_be_tried_again(self, seaweed: Seaweed, bucket: str, key: str) -> None:
        (port,) = free_ports(1)
        with pytest.raises(VaultUnavailableError, match="does not answer"):
            seaweed.vault(bucket, url=f"http://127.0.0.1:{port}").put_once(key, DATA, lock())


def test_a_rule_for_archiving_keeps_those_of_others_and_a_server_that_has_none_is_told(seaweed: Seaweed) -> None:
    name, client, seen = seaweed.bucket(), seaweed.client(), list[Any]()
    theirs = {"ID": "theirs", "Status": "Enabled", "Filter": {"Prefix": "tmp/"}, "Expiration": {"Days": 7}}
    client.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": [theirs]})
    client.meta.events.register(
        "before-send.s3.PutBucketLifecycleConfiguration", lambda request, **_: seen.append(request)
    )
    said = S3Vault(VaultUri.parse(f"s3://{name}/audit"), client).archive(90)
    assert (
        said
        == f"s3://{name}/audit has no storage classes to move to (NotImplemented); nothing older than 90 days moves"
    )
    body = bytes(seen[0].body).decode()
    assert "<ID>theirs</ID>" in body
    assert "<Days>90</Days><StorageClass>GLACIER_IR</StorageClass>" in body
    assert "<NoncurrentDays>90</NoncurrentDays><StorageClass>GLACIER_IR</StorageClass>" in body
    assert body.count("<Prefix>audit/</Prefix>") == 1
