"""The policy for a bucket, put on somebody by a server that enforces it: enough for a vault, and for nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from cognify_core.model.names import utc_now
from cognify_core.vault.protocol import Lock, LockState, Mode
from cognify_core.vault.s3 import S3Vault
from cognify_core.vault.uri import VaultUri
from tests.deploy.files import DEPLOY
from tests.servers.objects import aws_client, s3
from tests.vault.contract import DATA, DIGEST

pytestmark = pytest.mark.slow
EVERYTHING = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}'
BUCKET, PREFIX = "records", "audit"
KEY = "run_20250912_143022_a7f3c/package.json"
_numbers = count()


@dataclass(frozen=True)
class Account:
    """A server with a bucket that locks, as its administrator has it."""

    environ: dict[str, str]

    def client(self, service: str = "s3", environ: dict[str, str] | None = None) -> Any:
        return aws_client(service, self.environ["MLFLOW_S3_ENDPOINT_URL"], environ or self.environ)

    def somebody(self, *policies: str) -> Any:
        """A client of somebody to whom these policies are given, and nothing else."""
        iam, name = self.client("iam"), f"somebody-{next(_numbers)}"
        iam.create_user(UserName=name)
        for number, policy in enumerate(policies):
            made = iam.create_policy(PolicyName=f"{name}-{number}", PolicyDocument=policy)
            iam.attach_user_policy(UserName=name, PolicyArn=made["Policy"]["Arn"])
        key = iam.create_access_key(UserName=name)["AccessKey"]
        who = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
        return self.client(environ=self.environ | who)


def policy() -> str:
    """The policy, with the names of this bucket in it; it reads."""
    text = (DEPLOY / "s3-policy.json").read_text("utf-8").replace("BUCKET", BUCKET).replace("PREFIX", PREFIX)
    return json.dumps(json.loads(text))


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with s3(tmp_path_factory.mktemp("s3")) as environ:
        account = Account(environ)
        for name in (BUCKET, "another"):
            account.client().create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
        yield account


@pytest.fixture(scope="module")
def server(account: Account) -> Any:
    """What the server has: the policy, and beside it one that would allow everything."""
    return account.somebody(policy(), EVERYTHING)


def lock_of(minutes: int, *, held: bool = False) -> Lock:
    return Lock(Mode.GOVERNANCE, utc_now().replace(microsecond=0) + timedelta(minutes=minutes), held=held)


def vault_of(client: Any) -> S3Vault:
    return S3Vault(VaultUri.parse(f"s3://{BUCKET}/{PREFIX}"), client)


def test_it_is_enough_for_all_that_a_vault_does_but_delete(account: Account) -> None:
    vault, key = vault_of(account.somebody(policy())), f"{next(_numbers)}/{KEY}"
    asked = lock_of(1)
    first = vault.put_once(key, DATA, asked)
    assert first.state(asked, DIGEST) is LockState.LOCKED
    assert vault.put_once(key, DATA, asked).version == first.version
    assert vault.read(key, first.version) == DATA
    longer = lock_of(2, held=True)
    assert vault.extend(key, first.version, longer).state(longer, DIGEST) is LockState.LOCKED
    assert (key, first.version) in vault.versions()
    assert [(each.name, each.ok) for each in vault.examine()] == [("versions", True), ("lock", True)]


OUTSIDE: dict[str, Callable[[Any, str], object]] = {
    "delete": lambda s3, _: s3.delete_object(Bucket=BUCKET, Key=f"{PREFIX}/{KEY}"),
    "delete a version": lambda s3, v: s3.delete_object(Bucket=BUCKET, Key=f"{PREFIX}/{KEY}", VersionId=v),
    "delete a version past its lock": lambda s3, v: s3.delete_object(
        Bucket=BUCKET, Key=f"{PREFIX}/{KEY}", VersionId=v, BypassGovernanceRetention=True
    ),
    "shorten a lock": lambda s3, v: s3.put_object_retention(
        Bucket=BUCKET,
        Key=f"{PREFIX}/{KEY}",
        VersionId=v,
        Retention={"Mode": "GOVERNANCE", "RetainUntilDate": utc_now() + timedelta(seconds=9)},
        BypassGovernanceRetention=True,
    ),
    "keep no more versions": lambda s3, _: s3.put_bucket_versioning(
        Bucket=BUCKET, VersioningConfiguration={"Status": "Suspended"}
    ),
    "change what the bucket locks by itself": lambda s3, _: s3.put_object_lock_configuration(
        Bucket=BUCKET, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"}
    ),
    "give the bucket a policy": lambda s3, _: s3.put_bucket_policy(
        Bucket=BUCKET, Policy=EVERYTHING.replace('"Effect"', '"Principal": "*", "Effect"')
    ),
    "delete the bucket": lambda s3, _: s3.delete_bucket(Bucket=BUCKET),
}
"""What even somebody who may do everything else may not, where this policy is put on them."""


@pytest.fixture(scope="module")
def version(account: Account) -> str:
    """A version that lies there, locked."""
    return vault_of(account.client()).put_once(KEY, DATA, lock_of(10)).version


@pytest.mark.parametrize("what", OUTSIDE)
def test_it_denies_what_would_undo_a_lock_whatever_else_allows_it(server: Any, version: str, what: str) -> None:
    with pytest.raises(Exception, match="AccessDenied"):
        OUTSIDE[what](server, version)


ELSEWHERE: dict[str, Callable[[Any], object]] = {
    "put beside the prefix": lambda s3: s3.put_object(Bucket=BUCKET, Key="elsewhere/x", Body=b"x"),
    "put into another bucket": lambda s3: s3.put_object(Bucket="another", Key=f"{PREFIX}/x", Body=b"x"),
    "list another bucket": lambda s3: s3.list_objects_v2(Bucket="another"),
    "set a rule that lets objects expire": lambda s3: s3.put_bucket_lifecycle_configuration(
        Bucket=BUCKET,
        LifecycleConfiguration={
            "Rules": [{"ID": "x", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}]
        },
    ),
}


@pytest.mark.parametrize("what", ELSEWHERE)
def test_it_allows_nothing_elsewhere(account: Account, what: str) -> None:
    with pytest.raises(Exception, match="AccessDenied"):
        ELSEWHERE[what](account.somebody(policy()))
