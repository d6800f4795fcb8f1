"""Hostile values in every field of every route: what they reach is what they name, and nothing else."""

from __future__ import annotations

import http.client
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import pytest
from sqlalchemy import create_engine, select

from cognify_core.model.digest import Digest
from cognify_core.store.columns import metadata
from cognify_core.store.protocol import Receipt
from tests.server.serving import Room, Served, metric, opening, serving
from tests.server.test_authority import BODIES, OF_ALL, PARTS, ROOM, RUN_ID

INJECTIONS = (
    "' OR '1'='1",
    "'; DROP TABLE runs; --",
    '"; DELETE FROM events; --',
    "%' OR 1=1 --",
    "x' UNION SELECT secret_hash FROM tokens --",
    "\\'; SELECT pg_sleep(9); --",
    "$$; DROP TABLE runs; $$",
    "a\x00b",
    "\u202e\U0001f48a",
)
PATHS = (
    "..",
    "../..",
    "../../../../etc/passwd",
    "%2e%2e",
    "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "..%2f..%2f..%2fetc%2fpasswd",
    "..%5c..%5cwindows",
    "%252e%252e%252fetc",
    "....//....//etc",
    "%2fetc%2fpasswd",
    "%00",
    "x%00.json",
    "%ff%fe",
    "~root",
    "x" * 5000,
)
TAKES_ANY_NAME = {("PUT", f"{ROOM}/profile")}
"""A project may be called anything: what is said of it is another one's nowhere."""
OWN_ACTS = {"accesses", "access_openings", "nodes", "ledgers", "arrivals", "jobs"}
"""What grows when somebody asks."""


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest) -> Iterator[str | None]:
    if request.param == "sqlite":
        yield None
    else:
        server, shared = request.getfixturevalue("server"), request.getfixturevalue("shared_database")
        name = server.create(template=shared)
        yield server.url(name)
        server.drop(name)


@pytest.fixture(scope="module")
def anywhere(place: str | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("hostile"), place=place) as served:
        yield served


@pytest.fixture(scope="module")
def guarded(anywhere: Served) -> tuple[Room, str]:
    """A workspace with a sealed run, and another one beside it that nobody may see."""
    anywhere.new_workspace().sealed()
    room = anywhere.new_workspace()
    return room, room.sealed()


def rows(served: Served) -> dict[str, set[tuple[Any, ...]]]:
    """Every row of every table that asking does not fill."""
    engine = create_engine(served.url_of_store)
    with engine.connect() as connection:
        found = {
            name: {tuple(row) for row in connection.execute(select(table))}
            for name, table in metadata.tables.items()
            if name not in OWN_ACTS
        }
    engine.dispose()
    return found


def operations(served: Served) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in served.ask("GET", "/v2/openapi.json").json()["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def parameters(operation: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for each in operation.get("parameters", []):
        if each["in"] in ("path", "query"):
            yield each["in"], each["name"]


def test_sql_in_a_parameter_finds_nothing_and_changes_nothing(anywhere: Served, guarded: tuple[Room, str]) -> None:
    room, run_id = guarded
    before = rows(anywhere)
    known = {**PARTS, "workspace_id": room.name, "run_id": run_id}
    for method, path, operation in operations(anywhere):
        if (method, path) in OF_ALL | TAKES_ANY_NAME:
            continue
        for where, name in parameters(operation):
            for text in INJECTIONS:
                parts = {part: quote(value, safe="/") for part, value in known.items()}
                query: dict[str, Any] = {"old": 1} if path.endswith("/consistency") else {}
                if where == "path":
                    parts[name] = quote(text, safe="")
                else:
                    query[name] = text
                filled = path.format(**parts)
                answer = anywhere.ask(method, filled, room.key, params=query, json=BODIES.get((method, path)))
                told = (method, path, name, text, answer.status_code, answer.text[:200])
                if answer.status_code == 200:
                    assert is_empty(answer.json()), told
                else:
                    assert 400 <= answer.status_code < 500, told
    assert rows(anywhere) == before


def is_empty(answer: Any) -> bool:
    """Whether an answer lists nothing."""
    if isinstance(answer, dict):
        return any(answer.get(listed) == [] for listed in ("runs", "accesses", "datasets", "contents"))
    return bool(answer == [])


@pytest.mark.parametrize("text", INJECTIONS)
def test_sql_in_a_body_is_text_and_comes_back_as_it_was(anywhere: Served, guarded: tuple[Room, str], text: str) -> None:
    room, run_id = guarded
    before = rows(anywhere)
    begun = room.ask("POST", "/runs", json=opening(_new_id(), name=text, project=text, tags={text: text}))
    noted = room.ask("POST", f"/runs/{run_id}/notes", json={"text": text})
    token = room.ask("POST", "/tokens", json={"role": "viewer", "label": text})
    if "\x00" in text and not anywhere.store.place.startswith("/"):
        assert 400 <= begun.status_code < 500
        assert 400 <= token.status_code < 500
    else:
        assert (begun.json()["name"], begun.json()["project"]) == (text, text)
        assert token.json()["label"] == text
    assert noted.status_code == 201
    after = rows(anywhere)
    assert all(before[table] <= after[table] for table in before)


def _new_id() -> str:
    return f"run_20260101_000000_{os.urandom(3).hex()[:5]}"


def test_what_stands_for_anything_in_a_search_stands_for_itself(anywhere: Served) -> None:
    room = anywhere.new_workspace()
    room.begin(name="a%b")
    room.begin(name="a_b")
    room.begin(name="axb")
    for text, found in (("%", ["a%b"]), ("a_b", ["a_b"]), ("\\", []), ("A%", ["a%b"]), ("__", [])):
        names = [run["name"] for run in room.ask("GET", "/runs", params={"text": text}).json()["runs"]]
        assert names == found, text


def files(served: Served) -> set[Path]:
    return {path for path in served.settings.home.parent.rglob("*") if ".db" not in path.name}


def raw(served: Served, method: str, target: str, key: str, body: bytes | None = None) -> tuple[int, bytes]:
    """Send a target exactly as it is written: a client would tidy it up."""
    parts = urlsplit(str(served.client.base_url))
    connection = http.client.HTTPConnection(str(parts.hostname), int(parts.port or 0), timeout=30)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json", "Cognify-Run-Secret": "s" * 32}
    try:
        connection.request(method, target, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_no_parameter_leads_out_of_its_folder(anywhere: Served, guarded: tuple[Room, str]) -> None:
    room, run_id = guarded
    known = {**PARTS, "workspace_id": room.name, "run_id": run_id}
    before, written = files(anywhere), rows(anywhere)
    for method, path, operation in operations(anywhere):
        if (method, path) in OF_ALL:
            continue
        for name in (name for where, name in parameters(operation) if where == "path"):
            for way in PATHS:
                target = path.replace("{" + name + "}", way).format(**known)
                status, body = raw(anywhere, method, target, room.key)
                assert 400 <= status < 500 or (way in ("..", "../..") and status < 500), (method, target, status)
                assert b"root:" not in body
    assert files(anywhere) == before
    assert rows(anywhere) == written


@pytest.mark.parametrize("way", [*PATHS[:3], "/etc/passwd", "a/b", "x\x00", "json\n", "x" * 5000, "", " json"])
def test_no_body_names_a_file(anywhere: Served, guarded: tuple[Room, str], way: str) -> None:
    room, run_id = guarded
    before = files(anywhere)
    for method, path, body in (
        ("POST", f"/runs/{run_id}/exports", {"format": way}),
        ("POST", f"/runs/{run_id}/exports", {"format": "json", "template": way}),
        ("PATCH", "/retention", {"auto_export_format": way}),
        ("PUT", "/storage", {"vault": way}),
        ("PUT", "/storage", {"vault": f"file://{way}"}),
        ("POST", "/runs", opening(way)),
        ("PUT", "/profile", {"acceptable_use_policy": {"path": way}}),
    ):
        refused = room.ask(method, path, json=body)
        assert 400 <= refused.status_code < 500, (path, body, refused.status_code)
    made = anywhere.ask("POST", "/v2/workspaces", anywhere.key(), json={"workspace": way})
    assert 400 <= made.status_code < 500
    assert files(anywhere) == before


HOSTILE_JSON = {
    "a key twice": b'{"retention_years": 9, "retention_years": 1}',
    "a key twice, deep": b'{"retention_years": 9, "x": [{"a": 1, "a": 2}]}',
    "nested without end": b"[" * 50_000,
    "nested without end, in objects": b'{"a":' * 50_000,
    "nested, and ended": b"[" * 3000 + b"]" * 3000,
    "a number beyond all numbers": b'{"retention_years": 1e999}',
    "a number of very many digits": b'{"retention_years": ' + b"9" * 50_000 + b"}",
    "no number": b'{"retention_years": NaN}',
    "infinity": b'{"retention_years": -Infinity}',
    "no UTF-8": b'{"override_reason": "\xff"}',
    "a lone surrogate": b'{"override_reason": "\\ud800"}',
    "a byte order mark": b'\xef\xbb\xbf{"retention_years": 9}',
    "another width of text": '{"retention_years": 9}'.encode("utf-16"),
    "many keys": b"{" + b",".join(b'"k%d": 1' % n for n in range(100_000)) + b"}",
    "two documents": b'{"retention_years": 9}{"retention_years": 9}',
    "a long text": b'{"override_reason": "' + b"x" * 5_000_000 + b'"}',
    "nothing": b"",
}


@pytest.mark.parametrize("what", HOSTILE_JSON)
def test_json_that_readers_disagree_about_or_choke_on_is_refused(guarded: tuple[Room, str], what: str) -> None:
    room, _ = guarded
    headers = {"Content-Type": "application/json"}
    refused = room.ask("PATCH", "/retention", content=HOSTILE_JSON[what], headers=headers)
    assert 400 <= refused.status_code < 500, refused.status_code
    assert refused.headers["content-type"] == "application/problem+json"
    assert len(refused.content) < 20_000
    assert room.ask("GET", "/retention").json()["version"] == 0


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
        "application/octet-stream",
        "nonsense",
        "",
    ],
)
def test_a_body_of_another_type_is_not_read_as_json(guarded: tuple[Room, str], content_type: str) -> None:
    """Pages of others can send these without asking the server first."""
    room, _ = guarded
    refused = room.ask("PATCH", "/retention", content=b'{"retention_years": 9}', headers={"Content-Type": content_type})
    assert refused.status_code in (415, 422), refused.status_code
    assert room.ask("GET", "/retention").json()["version"] == 0


@pytest.mark.parametrize(
    "name", ['a".json', "a\r\nSet-Cookie: a=b\r\n\r\n<script>.json", "ä\u202e💊.json", "a;b='c'.json", "%22.json"]
)
def test_a_file_name_stays_within_its_header(anywhere: Served, guarded: tuple[Room, str], name: str) -> None:
    room, run_id = guarded
    data = f"the bytes of {name!r}".encode()
    folder = anywhere.settings.home / "workspaces" / room.name / "packages" / run_id
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name.replace("/", "_")).write_bytes(data)
    receipt = Receipt(Digest.of(data), run_id, "json", None, "r", (), str(folder / name.replace("/", "_")), b"{}")
    anywhere.store.put_receipt(receipt)
    answer = room.ask("GET", f"/runs/{run_id}/exports/{receipt.package_hash}")
    assert (answer.status_code, answer.content) == (200, data)
    assert "set-cookie" not in answer.headers
    plain, _, exact = answer.headers["content-disposition"].removeprefix("attachment;").partition(";")
    assert unquote(exact.removeprefix(" filename*=UTF-8''")) == name.replace("/", "_")
    assert all(mark.isascii() and (mark.isalnum() or mark in ' ="._-') for mark in plain)


def test_a_record_takes_no_line_that_breaks_out_of_its_place(guarded: tuple[Room, str]) -> None:
    room, _ = guarded
    run_id = room.begin()
    for content in (metric(0).replace(b"loss", b"lo\nss"), metric(0)[:-1], b"\x00", b"{}" * 3, metric(0) + b"\r"):
        assert 400 <= room.append(run_id, content).status_code < 500
    assert room.ask("GET", f"/runs/{run_id}").json()["size"] == 1
    assert RUN_ID not in room.ask("GET", "/runs").text
