"""AWS KMS as moto plays it, behind HTTP: boto3 speaks to it as to the real one."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.servers.objects import KEY, SECRET, aws_client
from tests.servers.starting import free_ports, serving


@contextmanager
def kms(folder: Path, port: int | None = None) -> Iterator[dict[str, str]]:
    """A KMS without keys; the environment in which boto3 finds it. At the end of the block it is killed."""
    for module in ("boto3", "moto.server", "flask_cors"):
        pytest.importorskip(module)
    port = port or free_ports(1)[0]
    folder.mkdir(parents=True, exist_ok=True)
    server = Path(__file__).with_name("moto_kms.py")
    words: list[str | Path] = [sys.executable, "-W", "ignore", server, "-H", "127.0.0.1", "-p", str(port)]
    with serving(words, port, folder / "moto.log"):
        yield {
            "AWS_ENDPOINT_URL_KMS": f"http://127.0.0.1:{port}",
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,  # boto3 keeps what it found first: the same as for S3
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }


def client_of(environ: dict[str, str]) -> Any:
    """A client of that KMS."""
    return aws_client("kms", environ["AWS_ENDPOINT_URL_KMS"], environ)


def new_key(environ: dict[str, str], *, spec: str = "ECC_NIST_P256", usage: str = "SIGN_VERIFY") -> Sequence[str]:
    """The id and the ARN of a new key."""
    told = client_of(environ).create_key(KeySpec=spec, KeyUsage=usage)["KeyMetadata"]
    return told["KeyId"], told["Arn"]
