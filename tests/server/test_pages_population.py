"""The runs of a period as a workbook: counted, made, taken along, and kept in the access log."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("openpyxl")

from cognify_core.api.populations import FOLDER
from cognify_core.model.names import utc_now
from cognify_core.seal.bundle import Bundle
from cognify_core.seal.statement import PopulationStatement
from cognify_core.server.roles import Role
from tests.export.sheets.workbooks import ipe_facts, table
from tests.server.hostile import HOSTILE, hostile_run, what_pages_never_hold
from tests.server.serving import Room
from tests.server.test_pages import see
from tests.server.test_pages_keeping import text_of
from tests.server.test_pages_run import send

TODAY = f"{utc_now():%Y-%m-%d}"
ALL = {"since": "2020-01-01", "until": "2099-12-31"}


def made(room: Room, **period: str) -> dict[str, Any]:
    answer = room.ask("POST", "/populations", json=ALL | period)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def actions(room: Room) -> list[tuple[str, str | None]]:
    """What the access log tells, newest first."""
    found = room.ask("GET", "/accesses").json()["accesses"]
    return [(each["action"], each["subject"]) for each in found if each["action"] != "accesses"]


def discarded(room: Room) -> str:
    run_id = room.begin()
    room.ask("POST", f"/runs/{run_id}/discard", json={"reason": "a typo"}).raise_for_status()
    return run_id


def test_runs_are_counted_before_anything_is_made(room: Room) -> None:
    room.sealed(), room.begin(), discarded(room)
    told = text_of(see(room, "/population"))
    assert f"{TODAY[:4]}-01-01 to {TODAY} 3 runs would be listed" in told
    assert "1 sealed, 0 ended and not sealed, 1 running, 1 gone" in told
    assert "0 runs would be listed" in text_of(see(room, "/population?since=2020-01-01&until=2020-12-31"))
    assert room.ask("GET", "/populations").json() == []


def test_a_list_is_made_and_taken_along_with_its_receipt(room: Room) -> None:
    run_id, gone = room.sealed(), discarded(room)
    answer = send(room, "/population", **ALL)
    assert answer.status_code == 303
    shown = see(room, answer.headers["location"].partition(room.name)[2])
    assert "The list is made." in shown
    address, receipt = re.findall(r'href="([^"]+)" download>', shown)
    data = room.served.ask("GET", address, room.key)
    assert data.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert data.headers["content-disposition"].startswith('attachment; filename="runs_2020-01-01_2099-12-31.xlsx"')
    assert address.endswith(f"sha256:{sha256(data.content).hexdigest()}")
    assert {str(row["run"]) for row in table(data.content, "runs")} == {run_id, gone}
    assert ipe_facts(data.content)["Ledger"] == "agrees: it lists the same 2 runs as opened in the period"
    signed = Bundle.parse(room.served.ask("GET", receipt, room.key).content)
    statement = PopulationStatement.parse(signed.payload)
    assert (statement.predicate.workspace, statement.predicate.runs) == (room.name, 2)


def test_the_server_checks_its_own_list(room: Room) -> None:
    room.sealed()
    package = made(room)["package_hash"]
    data = room.ask("GET", f"/populations/{package}").content
    assert sha256(data).hexdigest() == package.removeprefix("sha256:")
    assert room.ask("GET", "/populations").json()[0]["runs"] == 1


def test_making_and_every_taking_is_an_entry_of_the_access_log(room: Room) -> None:
    package = made(room)["package_hash"]
    for _ in range(2):
        room.served.ask("GET", f"/w/{room.name}/population/{package}", room.key).raise_for_status()
    room.ask("GET", f"/populations/{package}/receipt").raise_for_status()
    assert actions(room) == [
        ("receipt", package),
        ("download", package),
        ("download", package),
        ("population", package),
    ]


@pytest.mark.parametrize(
    ("period", "why"),
    [
        ({"since": "2026-02-01", "until": "2026-01-31"}, "a period that begins on 2026-02-01 cannot end on 2026-01-31"),
        ({"since": "2026-1-1"}, "since takes a day as in 2026-01-31"),
        ({"until": "soon"}, "until takes a day as in 2026-01-31"),
    ],
)
def test_a_period_that_is_none_is_told_beside_it(room: Room, period: dict[str, str], why: str) -> None:
    said = ALL | period
    answers = [
        room.served.ask("GET", f"/w/{room.name}/population", room.key, params=said),
        send(room, "/population", **said),
        room.ask("POST", "/populations", json=said),
    ]
    assert [answer.status_code for answer in answers] == [422] * 3
    assert all(why in text_of(answer) for answer in answers)
    assert room.ask("GET", "/populations").json() == []


def test_another_format_is_refused(room: Room) -> None:
    refused = room.ask("POST", "/populations", json=ALL | {"format": "json"})
    assert (refused.status_code, "are there as xlsx" in refused.text) == (422, True)


def test_bytes_that_are_others_now_are_not_handed_out(room: Room) -> None:
    package = made(room)["package_hash"]
    homes = room.served.settings.home / "workspaces" / room.name / "packages" / FOLDER
    (file,) = homes.glob("*/*.xlsx")
    file.write_bytes(b"other")
    assert room.ask("GET", f"/populations/{package}").status_code == 409
    file.unlink()
    assert room.ask("GET", f"/populations/{package}").status_code == 409
    Path(f"{file}.sigstore.json").write_bytes(b"{}")
    assert room.ask("GET", f"/populations/{package}").status_code == 404
    assert "None yet." in see(room, "/population")


def test_lists_are_of_one_workspace_and_of_roles_that_export(room: Room) -> None:
    room.sealed()
    package = made(room)["package_hash"]
    other = room.served.new_workspace()
    assert made(other)["runs"] == 0
    for path in (package, f"{package}/receipt", "..%2f..", "x"):
        assert other.ask("GET", f"/populations/{path}").status_code == 404
    viewer = room.served.key(Role.VIEWER, room.name)
    assert "List of runs" not in see(room, "/workspace", viewer)
    for path in ("", f"/{package}", f"/{package}/receipt"):
        assert room.served.ask("GET", f"/w/{room.name}/population{path}", viewer).status_code == 403
    assert send(room, "/population", viewer, **ALL).status_code == 403


def test_nothing_of_a_run_or_of_the_form_becomes_markup_or_a_formula(room: Room) -> None:
    hostile_run(room)
    package = made(room)["package_hash"]
    names = [row["name"] for row in table(room.ask("GET", f"/populations/{package}").content, "runs")]
    assert names != []
    pages = [see(room, "/population"), send(room, "/population", since=HOSTILE[:40], until=HOSTILE[:40]).text]
    for page in pages:
        assert what_pages_never_hold(page) == []
        assert "<img" not in page.replace('<img src="/static/', "")
