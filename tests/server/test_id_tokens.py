"""Id tokens that a provider has not signed, or not for us, now, and this attempt: an issuer of our own forges them."""

from __future__ import annotations

import hmac
import json
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jws
from joserfc.jwk import ECKey, OctKey, RSAKey

from cognify_core.server.login.provider import Provider
from tests.server.browsing import Browser
from tests.server.serving import Served, serving

PATHS = {"authorization_endpoint": "/auth", "token_endpoint": "/token", "jwks_uri": "/jwks", "userinfo_endpoint": "/me"}
ROLES = {
    "groups": {"ops": "admin"},
    "realm_access.roles": {"cognify": ["viewer"]},
    "email": {"a@example.org": "viewer"},
}
RSA = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
ANOTHER = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
ELLIPTIC = ECKey.generate_key("P-256", {"kid": "curve"})


@dataclass
class Issuer:
    """A provider whose answers a test chooses."""

    url: str = ""
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def begin(self) -> None:
        """Answer as a provider does that has one key."""
        self.answers.clear()
        self.asked.clear()
        named = {name: self.url + path for name, path in PATHS.items()}
        self.answers["/.well-known/openid-configuration"] = {"issuer": self.url, **named}
        self.keys(RSA.as_dict(private=False))
        self.answers["/me"] = {"sub": "17"}

    def keys(self, *keys: Mapping[str, Any]) -> None:
        """Have these keys."""
        self.answers["/jwks"] = {"keys": list(keys)}


@pytest.fixture(scope="module")
def running() -> Iterator[Issuer]:
    issuer = Issuer()

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.asked.append(urlsplit(self.path).path)
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = json.dumps(issuer.answers.get(urlsplit(self.path).path, {})).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 - as above

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    issuer.url = f"http://127.0.0.1:{server.server_port}"
    yield issuer
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def issuer(running: Issuer) -> Issuer:
    running.begin()
    return running


@pytest.fixture(scope="module")
def served(running: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    known: dict[str, Any] = {"oidc_issuer": running.url, "oidc_client_id": "cognify", "oidc_roles": ROLES}
    with serving(tmp_path_factory.mktemp("forged"), **known) as server:
        yield server


@pytest.fixture
def browser(served: Served, issuer: Issuer) -> Browser:
    """Of a server that has asked the issuer nothing yet."""
    assert served.settings.oidc_issuer == issuer.url
    served.app.state.provider = Provider.of(served.settings)
    return Browser(served)


Signing = Callable[[dict[str, Any]], str]


def signed(key: Any = RSA, algorithm: str = "RS256", **header: Any) -> Signing:
    said = {"alg": algorithm, "kid": "one"} | header
    known = {name: value for name, value in said.items() if value is not None}
    return lambda claims: jws.serialize_compact(known, json.dumps(claims).encode(), key, algorithms=[algorithm])


def told(algorithm: str, claims: dict[str, Any]) -> str:
    parts = (json.dumps({"alg": algorithm, "kid": "one"}), json.dumps(claims))
    return ".".join(as_text(part.encode()) for part in parts)


def as_text(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def unsigned(claims: dict[str, Any]) -> str:
    return told("none", claims) + "."


def come_back(browser: Browser, issuer: Issuer, sign: Signing, **other: Any) -> httpx.Response:
    """Begin, and be sent back by an issuer whose token says that, besides what is right; with None, without it."""
    begun = browser.get("/login/provider")
    said = parse_qs(urlsplit(begun.headers["location"]).query)
    now = int(time.time())
    right = {"iss": issuer.url, "sub": "17", "aud": "cognify", "exp": now + 60, "iat": now, "nonce": said["nonce"][0]}
    claims = {name: value for name, value in (right | {"groups": ["ops"]} | other).items() if value is not None}
    issuer.answers["/token"] = {"access_token": "a", "token_type": "Bearer", "id_token": sign(claims)}
    return browser.get("/login/callback", params={"code": "c", "state": said["state"][0]})


@pytest.mark.parametrize(
    ("sign", "key"),
    [
        (signed(), RSA),
        (signed(kid=None), RSA),
        (signed(algorithm="PS256"), RSA),
        (signed(ELLIPTIC, "ES256", kid="curve"), ELLIPTIC),
    ],
)
def test_what_the_provider_signed_is_believed(browser: Browser, issuer: Issuer, sign: Signing, key: Any) -> None:
    issuer.keys(key.as_dict(private=False))
    answer = come_back(browser, issuer, sign, aud=["cognify"])
    assert (answer.status_code, browser.get("/v2/workspaces").status_code) == (303, 200)


def by_public_key_as_a_secret(claims: dict[str, Any]) -> str:
    said = told("HS256", claims)
    return f"{said}.{as_text(hmac.digest(RSA.as_pem(private=False), said.encode(), 'sha256'))}"


@pytest.mark.parametrize(
    "sign",
    [
        unsigned,
        signed(ANOTHER),
        by_public_key_as_a_secret,
        signed(OctKey.import_key("cognify" * 8), "HS256"),
        lambda claims: signed()(claims)[:-4] + "AAAA",
        lambda claims: signed()(claims).rpartition(".")[0] + ".",
        lambda claims: ".".join([signed()(claims).split(".")[0], *signed()(claims | {"sub": "1"}).split(".")[1:]])[:-9],
        signed(ANOTHER, jwk=ANOTHER.as_dict(private=False)),
        signed(ANOTHER, kid="two"),
        lambda _: "",
        lambda _: "a.b.c",
        lambda _: "a.b.c.d.e",
    ],
)
def test_what_the_provider_has_not_signed_is_not_believed(browser: Browser, issuer: Issuer, sign: Signing) -> None:
    answer = come_back(browser, issuer, sign)
    assert (answer.status_code, browser.session) == (403, None)
    assert "does not prove who you are" in answer.text


@pytest.mark.parametrize(
    "other",
    [
        {"iss": "https://evil.example"},
        {"iss": None},
        {"aud": "another"},
        {"aud": ["another"]},
        {"aud": ["cognify", "another"]},
        {"aud": ["cognify", "another"], "azp": "another"},
        {"azp": "another"},
        {"aud": None},
        {"aud": []},
        {"exp": 1},
        {"exp": None},
        {"exp": "tomorrow"},
        {"iat": None},
        {"nbf": 1 << 40},
        {"nonce": "another"},
        {"nonce": None},
        {"nonce": ""},
        {"at_hash": "AAAA"},
        {"sub": None},
        {"sub": 17},
    ],
)
def test_what_was_signed_for_others_or_another_time_is_not_believed(
    browser: Browser, issuer: Issuer, other: dict[str, Any]
) -> None:
    answer = come_back(browser, issuer, signed(), **other)
    assert (answer.status_code, browser.session) == (403, None)


@pytest.mark.parametrize("sub", ["", "\x00", "a" * 300, "\ud800", "two\nlines"])
def test_a_subject_that_is_none_lets_nobody_in(browser: Browser, issuer: Issuer, sub: str) -> None:
    assert come_back(browser, issuer, signed(), sub=sub).status_code == 403
    assert browser.session is None


def test_a_token_that_was_used_is_of_another_attempt(browser: Browser, issuer: Issuer) -> None:
    come_back(browser, issuer, signed())
    used = issuer.answers["/token"]
    again = Browser(browser.served)
    state = parse_qs(urlsplit(again.get("/login/provider").headers["location"]).query)["state"][0]
    assert issuer.answers["/token"] is used
    assert again.get("/login/callback", params={"code": "c", "state": state}).status_code == 403


def test_keys_are_asked_for_anew_where_one_is_not_known_yet(browser: Browser, issuer: Issuer) -> None:
    come_back(browser, issuer, signed())
    browser.served.app.state.provider._keys_at -= 60
    issuer.keys(RSA.as_dict(private=False), ELLIPTIC.as_dict(private=False))
    assert come_back(browser, issuer, signed(ELLIPTIC, "ES256", kid="curve")).status_code == 303
    for _ in range(3):
        assert come_back(browser, issuer, signed(ANOTHER, kid="three")).status_code == 403
    assert issuer.asked.count("/jwks") == 2


def test_a_shared_secret_among_the_keys_is_none(browser: Browser, issuer: Issuer) -> None:
    shared = OctKey.generate_key(256, {"kid": "shared"})
    issuer.keys(RSA.as_dict(private=False), shared.as_dict(private=True), {"kty": "unknown"}, {"kty": "RSA", "n": 1})
    assert come_back(browser, issuer, signed(shared, "HS256", kid="shared")).status_code == 403
    assert come_back(browser, issuer, signed()).status_code == 303


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({"groups": None}, {"sub": "17", "groups": ["ops"]}),
        ({"groups": "ops"}, {}),
        ({"groups": None, "realm_access": {"roles": ["cognify"]}}, {"sub": "17"}),
        ({"groups": None, "email": "a@example.org", "email_verified": True}, {"sub": "17"}),
    ],
)
def test_roles_come_from_the_token_or_from_what_the_provider_tells_besides(
    browser: Browser, issuer: Issuer, other: dict[str, Any], told: dict[str, Any]
) -> None:
    issuer.answers["/me"] = told or {"sub": "17"}
    assert come_back(browser, issuer, signed(), **other).status_code == 303


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({"groups": None}, {"sub": "18", "groups": ["ops"]}),
        ({"groups": None}, {"groups": ["ops"]}),
        ({"groups": ["OPS", "ops ", "*", 1, None, ["ops"]]}, {"sub": "17"}),
        ({"groups": {"ops": True}}, {"sub": "17"}),
        ({"groups": None, "email": "a@example.org"}, {"sub": "17"}),
        ({"groups": None, "email": "a@example.org", "email_verified": "true"}, {"sub": "17"}),
        ({"groups": None, "realm_access": ["roles"]}, {"sub": "17"}),
    ],
)
def test_what_is_told_of_somebody_else_or_unverified_gives_no_role(
    browser: Browser, issuer: Issuer, other: dict[str, Any], told: dict[str, Any]
) -> None:
    issuer.answers["/me"] = told
    assert come_back(browser, issuer, signed(), **other).status_code == 403
    assert browser.session is None


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/.well-known/openid-configuration", {}),
        ("/.well-known/openid-configuration", {"issuer": "https://evil.example"}),
        ("/.well-known/openid-configuration", {"authorization_endpoint": "http://evil.example/auth"}),
        ("/.well-known/openid-configuration", {"authorization_endpoint": "javascript:alert(1)"}),
    ],
)
def test_a_provider_that_is_another_one_is_not_gone_to(
    browser: Browser, issuer: Issuer, path: str, answer: dict[str, Any]
) -> None:
    issuer.answers[path] = (issuer.answers[path] | answer) if answer else {}
    begun = browser.get("/login/provider")
    assert (begun.status_code, "location" in begun.headers) == (502, False)
    assert "cannot be asked now" in begun.text


def test_a_name_is_kept_short_and_of_characters_that_show(browser: Browser, issuer: Issuer) -> None:
    issuer.answers["/me"] = {"sub": "18"}
    come_back(browser, issuer, signed(), sub="18", name="\x00\u202eAda\n" + "a" * 500)
    (ada,) = (each for each in browser.served.store.people() if each.subject.endswith(" 18"))
    assert ada.name == "��Ada�" + "a" * 194
