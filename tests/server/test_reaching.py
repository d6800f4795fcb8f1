"""Where a caller can make the server go: to public addresses over TLS, to what its operator has named, nowhere else."""

from __future__ import annotations

import logging
import re
import ssl
import threading
import time
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest

import cognify_core
from cognify_core.errors import ConfigurationError
from cognify_core.server.reaching import NotReachedError, Reach, is_public
from tests.looping import finished
from tests.server.serving import Room, Served
from tests.servers.receiving import Receiver, receiving

NOWHERE = ".".join("0000")
INSIDE = [
    *("127.0.0.1", "127.8.8.8", NOWHERE, "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
    *("224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1"),
    *("::", "::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "fe80::1", "fc00::1", "fec0::1", "ff02::1"),
    *("64:ff9b::7f00:1", "64:ff9b::808:808", "2002:7f00:1::", "2001:0:7f00:1::", "2001:db8::1"),
]
"""Addresses of the machine, of its network, of the cloud around it, and public forms that wrap one."""
TRICKS = [
    "http://127.0.0.1/",
    "http://example.org/",
    "https://2130706433/",
    "https://0177.0.0.1/",
    "https://0x7f.0.0.1/",
    "https://0x7f000001/",
    "https://127.1/",
    "https://127.0.0.1./",
    "https://1.2.3.4.5/",
    "https://[fe80::1%25eth0]/",
    "https://user@example.org/",
    "https://user:secret@example.org/",
    "https://example.org@127.0.0.1/",
    "https://@127.0.0.1/",
    "https://example.org\\@127.0.0.1/",
    "https://example.org#@127.0.0.1/",
    "https://example.org/ https://127.0.0.1/",
    "https://exa\tmple.org/",
    "https://exämple.org/",
    "https://ⅼocalhost/",
    "https://１２７.0.0.1/",
    "https://",
    "https:///path",
    "https:127.0.0.1",
    "//127.0.0.1/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:70/_x",
    "ftp://example.org/",
    "javascript:alert(1)",
    "https://example.org:99999/",
    "https://example.org:x/",
    "https://-example.org/",
    "https://" + "a" * 64 + ".org/",
    "https://example.org/" + "a" * 2000,
    "",
]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


def never(host: str) -> list[str]:
    raise AssertionError(f"{host} was looked up")


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_that_is_not_public_is_refused_however_it_is_come_by(address: str) -> None:
    assert not is_public(ip_address(address))
    written = f"[{address}]" if ":" in address else address
    with pytest.raises(ConfigurationError, match="no address, or one that is not public"):
        Reach(lookup=never).check(f"https://{written}/hook")
    with pytest.raises(NotReachedError, match=r"example\.org has no address, or one that is not public"):
        Reach(lookup=lambda _: ["8.8.8.8", address]).addresses("https://example.org/")


@pytest.mark.parametrize("url", TRICKS)
def test_a_url_that_means_another_host_than_it_seems_to_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Reach(lookup=never).check(url)
    assert "secret" not in str(caught.value)


def test_public_addresses_are_reached() -> None:
    reach = Reach(lookup=lambda _: ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"])
    assert len(reach.addresses("https://example.org/hook?x=1")) == 2
    assert Reach(lookup=never).addresses("https://8.8.8.8:8443/") == ["8.8.8.8"]
    assert Reach(lookup=never).addresses("https://[2606:4700::1111]/") == ["2606:4700::1111"]


@pytest.mark.parametrize("name", ["localhost", "LOCALHOST", "localhost."])
def test_a_name_of_this_very_machine_is_refused_and_a_name_that_nobody_has_is_refused_alike(name: str) -> None:
    said = []
    for host in (name, "no-such-name.invalid"):
        with pytest.raises(NotReachedError) as caught:
            Reach().addresses(f"https://{host}/")
        said.append(str(caught.value).replace(host.lower(), "…"))
    assert said[0] == said[1]


def test_a_lookup_without_an_end_is_given_up() -> None:
    enough = threading.Event()

    def endless(_host: str) -> list[str]:
        enough.wait(60)
        return ["8.8.8.8"]

    try:
        with pytest.raises(NotReachedError, match="no address"):
            Reach(lookup=endless, lookup_seconds=0.1).addresses("https://example.org/")
    finally:
        enough.set()


def test_in_clear_only_a_named_host_of_this_machine_is_asked() -> None:
    assert Reach(frozenset({"127.0.0.1"})).addresses("http://127.0.0.1:9/") == ["127.0.0.1"]
    assert Reach(frozenset({"127.0.0.1:9"})).addresses("http://127.0.0.1:9/") == ["127.0.0.1"]
    assert Reach(frozenset({"[::1]:9"})).addresses("http://[::1]:9/") == ["::1"]
    for hosts, url in (
        ({"127.0.0.1:9"}, "http://127.0.0.1:10/"),
        ({"127.0.0.1"}, "http://127.0.0.2/"),
        ({"10.0.0.1"}, "http://10.0.0.1/"),
        ({"example.org"}, "http://8.8.8.8/"),
    ):
        with pytest.raises(ConfigurationError):
            Reach(frozenset(hosts), never).check(url)
    with pytest.raises(NotReachedError):
        Reach(frozenset({"intranet"}), lambda _: ["10.0.0.1"]).addresses("http://intranet/")
    assert Reach(frozenset({"intranet"}), lambda _: ["10.0.0.1"]).addresses("https://intranet/") == ["10.0.0.1"]


def test_a_name_is_looked_up_once_and_what_was_looked_at_is_asked(receiver: Receiver) -> None:
    answers = [["127.0.0.1"], ["10.9.8.7"]]
    port = receiver.url.rpartition(":")[2]
    reach = Reach(frozenset({"hooks.example.org"}), lambda _: answers.pop(0))
    assert reach.post(f"http://hooks.example.org:{port}/a?b=c", b"{}", {}) == 204
    assert (receiver.told[0].path, receiver.told[0].headers["host"]) == ("/a?b=c", f"hooks.example.org:{port}")
    assert answers == [["10.9.8.7"]]


def test_the_next_address_is_asked_where_nobody_answers_at_the_first(receiver: Receiver) -> None:
    port = receiver.url.rpartition(":")[2]
    reach = Reach(frozenset({"hooks.example.org"}), lambda _: ["127.9.9.9", "127.0.0.1"])
    assert reach.post(f"http://hooks.example.org:{port}/", b"{}", {}) == 204


def test_over_tls_the_certificate_is_that_of_the_name_and_not_of_the_address(tmp_path: Path) -> None:
    with receiving(tmp_path) as secure:
        port = secure.url.rpartition(":")[2]
        tls = ssl.create_default_context(cafile=tmp_path / "ca.pem")
        hosts = frozenset({"127.0.0.1", "hooks.example.org"})
        assert Reach(hosts, tls=tls).post(f"https://127.0.0.1:{port}/", b"{}", {}) == 204
        for reach, url in (
            (Reach(hosts, lambda _: ["127.0.0.1"], tls), f"https://hooks.example.org:{port}/"),
            (Reach(hosts), f"https://127.0.0.1:{port}/"),
        ):
            with pytest.raises(NotReachedError, match="its TLS certificate does not hold"):
                reach.post(url, b"{}", {})
        assert len(secure.told) == 1


def test_nobody_is_followed_elsewhere(receiver: Receiver) -> None:
    with receiving() as elsewhere:
        receiver.answers += [
            f"HTTP/1.1 {status} Moved\r\nLocation: {elsewhere.url}/\r\nContent-Length: 0\r\n\r\n".encode()
            for status in (301, 302, 303, 307, 308)
        ]
        reach = Reach(frozenset({"127.0.0.1"}))
        assert [reach.post(receiver.url, b"{}", {}) for _ in range(5)] == [301, 302, 303, 307, 308]
        assert elsewhere.connections == 0


def test_it_is_asked_from_a_thread_that_has_a_loop_of_its_own(receiver: Receiver) -> None:
    async def in_a_notebook() -> int:
        return Reach(frozenset({"127.0.0.1"})).post(receiver.url, b"{}", {})

    assert finished(in_a_notebook()) == 204


def test_no_proxy_of_the_environment_is_asked(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "https_proxy"):
            monkeypatch.setenv(name, proxy.url)
        assert Reach(frozenset({"127.0.0.1"})).post(receiver.url, b"{}", {}) == 204
        assert proxy.connections == 0


@pytest.mark.parametrize("begin", [b"H", b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_whoever_answers_drop_by_drop_is_left(receiver: Receiver, begin: bytes) -> None:
    drops = iter([begin, *[b"x"] * 1200])

    def drip() -> bytes:
        time.sleep(0.05)
        return next(drops) or b" "

    receiver.answers.append(drip)
    with pytest.raises(NotReachedError, match="did not answer within"):
        Reach(frozenset({"127.0.0.1"}), seconds=0.5).post(receiver.url, b"{}", {})
    assert next(drops) == b"x"  # it has not come to its end


def test_of_an_answer_no_more_than_a_little_is_read_and_it_is_not_unpacked(receiver: Receiver) -> None:
    sent = []

    def endless() -> bytes:
        sent.append(1)
        return b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" if len(sent) == 1 else b"z" * 100_000

    receiver.answers.append(endless)
    assert Reach(frozenset({"127.0.0.1"})).post(receiver.url, b"{}", {}) == 200
    assert len(sent) < 200
    assert receiver.told[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("answer", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1"])
def test_whoever_speaks_something_else_is_told_so(receiver: Receiver, answer: bytes) -> None:
    receiver.answers.append(answer)
    with pytest.raises(NotReachedError, match="broke off, or answered in something else"):
        Reach(frozenset({"127.0.0.1"})).post(receiver.url, b"{}", {})


def test_a_port_on_which_nobody_listens_is_told_apart_from_nothing_else() -> None:
    with pytest.raises(NotReachedError, match=r"^nobody answers there$"):
        Reach(frozenset({"127.0.0.1"})).post("http://127.0.0.1:9/", b"{}", {})


def test_no_log_has_the_path_of_a_url(receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        Reach(frozenset({"127.0.0.1"})).post(f"{receiver.url}/T0/s3cr3t?k=s3cr3t", b"{}", {})
    assert "s3cr3t" not in caplog.text


REACHES = {
    "api/accesses.py": "this machine's own address; nothing is sent",
    "record/owner.py": "this machine's own name",
    "capture/environment.py": "this machine's own name",
    "cli/serving.py": "listens",
    "server/processes.py": "listens",
    "server/login/provider.py": "COGNIFY_OIDC_ISSUER, and what that names: the operator's alone",
    "http.py": "what the modules below ask",
    "record/server.py": "a client's; the URL is COGNIFY_URL",
    "seal/timestamping.py": "authorities: COGNIFY_TIMESTAMP_URLS or `cognify timestamp set`, the operator's alone",
    "seal/shelves.py": "`ledger publish`, `verify --head URL`: the command line's alone",
    "aws.py": "clients for those below that name it",
    "seal/awskms.py": "COGNIFY_SIGNER, or `cognify keys rotate`: the operator's alone",
    "vault/s3.py": "storage: endpoints that the operator has named",
    "vault/gcs.py": "storage: endpoints that the operator has named",
    "vault/azure.py": "storage: endpoints that the operator has named",
    "vault/azure_errors.py": "errors of the same",
    "vault/gcs_errors.py": "errors of the same",
    "server/reaching.py": "webhooks: this guard",
}
"""Every module that can speak to another machine, and who says to which."""
_SPEAKS = re.compile(
    r"^\s*(?:import|from) (?:socket|http\.client|urllib\.request|httpx|requests|boto3|azure|google"
    r"|cognify_core\.http|cognify_core\.aws|ftplib|smtplib|aiohttp|urllib3)\b",
    re.MULTILINE,
)


def test_every_module_that_can_reach_another_machine_stands_in_the_table() -> None:
    core = Path(cognify_core.__file__).parent
    found = {str(path.relative_to(core)) for path in core.rglob("*.py") if _SPEAKS.search(path.read_text("utf-8"))}
    assert found - REACHES.keys() == set()


@pytest.mark.parametrize("field", ["acceptable_use_policy", "incident_policy"])
def test_the_url_of_a_policy_is_kept_and_never_asked(room: Room, receiver: Receiver, field: str) -> None:
    said = room.ask("PUT", "/profile", json={field: {"url": f"{receiver.url}/policy", "sha256": f"sha256:{'0' * 64}"}})
    assert said.status_code == 200, said.text
    run_id = room.sealed()
    room.ask("POST", f"/runs/{run_id}/exports", json={"format": "pdf", "template": "eu_ai_act"}).raise_for_status()
    assert receiver.connections == 0


@pytest.mark.parametrize(
    "url",
    [
        *(f"https://{address}/" for address in ("127.0.0.1", "169.254.169.254", NOWHERE, "[::1]", "10.0.0.1")),
        *("https://[::ffff:127.0.0.1]/", "https://localhost/", "http://localhost/", *TRICKS),
    ],
)
def test_a_webhook_that_leads_inside_is_refused(room: Room, url: str) -> None:
    refused = room.ask("POST", "/webhooks", json={"url": url, "events": ["run.sealed"]})
    assert refused.status_code == 422, refused.text
    assert room.ask("GET", "/webhooks").json() == []


@pytest.mark.parametrize(
    "vault",
    [
        *(f"s3://bucket?endpoint_url={url}" for url in ("http://169.254.169.254", "http://[::1]:1", "http://0.0.0.0")),
        *(f"gs://bucket?endpoint_url={url}" for url in ("http://2130706433", "http://0177.0.0.1", "https://127.1")),
        *(f"az://container?account_url={url}" for url in ("http://[::ffff:127.0.0.1]", "https://a@127.0.0.1")),
        "s3://bucket?endpoint_url=https://localhost",
        "s3://bucket?region=127.0.0.1:80/",
        "s3://bucket?region=x@127.0.0.1",
        "s3://bucket?region=evil.example.org%23",
        "s3://bucket?endpoint_url=https://s3.amazonaws.com@127.0.0.1",
    ],
)
def test_storage_that_leads_inside_is_refused(room: Room, vault: str) -> None:
    refused = room.ask("PUT", "/storage", json={"vault": vault})
    assert refused.status_code == 422, refused.text


def test_a_package_that_is_sent_makes_the_server_ask_nobody(served: Served, room: Room, receiver: Receiver) -> None:
    for body in (receiver.url.encode(), f'{{"$schema": "{receiver.url}/schema"}}'.encode()):
        room.ask("POST", "/verify", content=body)
    assert receiver.connections == 0
