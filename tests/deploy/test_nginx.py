"""nginx before the server, as `deploy/nginx.conf` has it: TLS outside, and what of a request reaches the server."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from cognify_core.server.roles import Role
from cognify_core.server.tokens import issue
from cognify_core.store.sql import open_store
from tests.cli.running import environment
from tests.deploy.files import written
from tests.installed import needs
from tests.server.started import started
from tests.server.test_remote import TRAINING
from tests.servers.answering import Answering, listening
from tests.servers.starting import free_ports, serving

pytestmark = [pytest.mark.slow, needs("nginx", "openssl")]
MAIN = """
daemon off; pid nginx.pid; error_log stderr; worker_processes 1;
events {{}}
http {{
    access_log off; client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path f; uwsgi_temp_path u;
    scgi_temp_path s;
    include {site};
}}
"""


@dataclass(frozen=True)
class Front:
    """A proxy that runs."""

    secure: str
    clear: str
    certificate: Path

    def client(self) -> httpx.Client:
        trusting = ssl.create_default_context(cafile=str(self.certificate))
        return httpx.Client(base_url=self.secure, verify=trusting, timeout=60)


@contextmanager
def proxied(folder: Path, upstream: str) -> Iterator[Front]:
    """nginx before `upstream`, with a certificate for this machine."""
    clear, secure = free_ports(2)
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    command = ["openssl", "req", "-x509", *curve, *names, "-keyout", "key.pem", "-out", "cert.pem"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    site = written(
        "nginx.conf",
        folder / "cognify",
        ("    listen [::]:80;\n", ""),
        ("    listen [::]:443 ssl;\n", ""),
        ("listen 80;", f"listen 127.0.0.1:{clear};"),
        ("listen 443 ssl;", f"listen 127.0.0.1:{secure} ssl;"),
        ("audit.example.org", "localhost"),
        ("/etc/ssl/cognify/fullchain.pem", folder / "cert.pem"),
        ("/etc/ssl/cognify/privkey.pem", folder / "key.pem"),
        ("http://127.0.0.1:8400", upstream),
    )
    (folder / "nginx.conf").write_text(MAIN.format(site=site))
    tried = subprocess.run(
        ["nginx", "-t", "-q", "-p", folder, "-c", folder / "nginx.conf"], capture_output=True, text=True, check=False
    )
    assert (tried.returncode, tried.stderr) == (0, "")
    with serving(["nginx", "-p", folder, "-c", folder / "nginx.conf"], secure, folder / "nginx.log"):
        yield Front(f"https://localhost:{secure}", f"http://localhost:{clear}", folder / "cert.pem")


@pytest.fixture(scope="module")
def key_and_front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Front]]:
    """The real server behind a real proxy, and the key of an administrator."""
    home = tmp_path_factory.mktemp("behind") / "home"
    store = open_store(home / "cognify.db")
    key = issue(store, Role.ADMIN, workspace=None, label="of a test", created_by="a test", days=1).key
    store.close()
    with started(home, "--behind-tls") as server, proxied(tmp_path_factory.mktemp("front"), server.url) as front:
        yield key, front


@pytest.fixture
def front(key_and_front: tuple[str, Front]) -> Front:
    return key_and_front[1]


def test_the_api_is_reached_over_tls(key_and_front: tuple[str, Front]) -> None:
    key, front = key_and_front
    with front.client() as client:
        answer = client.get("/v2/workspaces", headers={"Authorization": f"Bearer {key}"})
    assert [each["workspace"] for each in answer.json()] == ["default"]
    assert answer.headers["strict-transport-security"] == "max-age=63072000"


def test_who_comes_in_clear_is_sent_to_tls(front: Front) -> None:
    moved = httpx.get(f"{front.clear}/v2/workspaces")
    assert (moved.status_code, moved.headers["location"]) == (301, "https://localhost/v2/workspaces")


@pytest.mark.parametrize("path", ["/metrics", "/healthz"])
def test_what_is_for_those_who_watch_is_not_reached_from_outside(front: Front, path: str) -> None:
    with front.client() as client:
        assert client.get(path).status_code == 404


def test_a_training_records_through_it(key_and_front: tuple[str, Front], tmp_path: Path) -> None:
    key, front = key_and_front
    told = {"COGNIFY_URL": front.secure, "COGNIFY_API_KEY": key, "SSL_CERT_FILE": str(front.certificate)}
    command = [sys.executable, str(TRAINING), "300", "0", str(tmp_path / "model")]
    done = subprocess.run(
        command, env=environment(tmp_path / "home", **told), capture_output=True, text=True, check=False, timeout=120
    )
    run_id = done.stdout.split()[-1]
    with front.client() as client:
        run = client.get(f"/v2/workspaces/default/runs/{run_id}", headers={"Authorization": f"Bearer {key}"}).json()
    assert (run["status"], run["complete"]) == ("AUDIT_SEALED", True), done.stderr


def test_a_body_that_the_server_takes_passes_and_a_larger_one_does_not(key_and_front: tuple[str, Front]) -> None:
    key, front = key_and_front
    who = {"Authorization": f"Bearer {key}"}
    with front.client() as client:
        taken = client.post("/v2/workspaces/default/verify", content=bytes(60 << 20), headers=who)
        refused = client.post("/v2/workspaces/default/verify", content=bytes(65 << 20), headers=who)
    assert (taken.status_code, taken.json()["exit_code"]) == (200, 1)
    assert refused.status_code == 413


def test_what_a_client_says_of_its_own_address_does_not_reach_the_server(tmp_path: Path) -> None:
    class Told(Answering):
        def do_GET(self) -> None:  # noqa: N802 - http.server's own name
            self.answer(200, json.dumps({name.lower(): value for name, value in self.headers.items()}).encode())

    said = {
        "X-Forwarded-For": "10.9.8.7",
        "X-Forwarded-Proto": "gopher",
        "X-Forwarded-Host": "evil.example",
        "Forwarded": "for=10.9.8.7",
    }
    with listening(Told) as upstream, proxied(tmp_path, upstream) as front, front.client() as client:
        heard = client.get("/", headers=said).json()
    assert heard["x-forwarded-for"] == "127.0.0.1"
    assert heard["x-forwarded-proto"] == "https"
    assert heard["host"] == front.secure.removeprefix("https://")
    assert not any(each in str(heard) for each in ("10.9.8.7", "evil.example"))
