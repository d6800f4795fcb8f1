"""Retention, storage and profiles of a workspace."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.server.serving import Room

SAID = {"retention_years": 7, "archive_after_days": 90, "auto_export_on_seal": True, "auto_export_format": "json"}


def test_retention_is_changed_as_the_design_writes_it(room: Room) -> None:
    changed = room.ask("PATCH", "/retention", json=SAID)
    assert changed.status_code == 200
    assert {name: changed.json()[name] for name in SAID} == SAID
    assert room.ask("GET", "/retention").json()["version"] == 1


def test_what_is_not_given_stays_and_null_takes_the_archive_away(room: Room) -> None:
    room.ask("PATCH", "/retention", json=SAID).raise_for_status()
    changed = room.ask("PATCH", "/retention", json={"archive_after_days": None}).json()
    assert {name: changed[name] for name in SAID} == SAID | {"archive_after_days": None}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"years": 7}, "years"),
        ({"retention_years": "7"}, "retention_years"),
        ({"retention_years": 7.5}, "retention_years"),
        ({"retention_years": True}, "retention_years"),
        ({"retention_years": 101}, "retention_years"),
        ({"retention_years": None}, "retention_years"),
        ({"archive_after_days": 0}, "archive_after_days"),
        ({"auto_export_on_seal": 1}, "auto_export_on_seal"),
        ({"auto_export_format": "nonsense"}, "nonsense"),
        ({"override_reason": ""}, "override_reason"),
        ([], "body"),
    ],
)
def test_an_unknown_field_or_a_wrong_type_changes_nothing(room: Room, change: Any, named: str) -> None:
    refused = room.ask("PATCH", "/retention", json=change)
    assert refused.status_code == 422
    assert named in refused.json()["detail"]
    assert room.ask("GET", "/retention").json()["version"] == 0


def test_two_who_change_the_retention_at_once_take_nothing_back_of_each_other(room: Room) -> None:
    for turn in range(10):
        wanted = {"retention_years": 20 + turn, "archive_after_days": 100 + turn}
        both = threading.Barrier(2)

        def change(name: str, value: int, both: threading.Barrier = both) -> None:
            both.wait()
            room.ask("PATCH", "/retention", json={name: value}).raise_for_status()

        with ThreadPoolExecutor(2) as threads:
            list(threads.map(change, wanted, wanted.values()))
        found = room.ask("GET", "/retention").json()
        assert {name: found[name] for name in wanted} == wanted


def test_fewer_years_than_the_law_asks_need_a_reason(room: Room) -> None:
    exported = room.ask("POST", f"/runs/{room.sealed()}/exports", json={"format": "pdf", "template": "eu_ai_act"})
    assert exported.status_code == 201, exported.text
    refused = room.ask("PATCH", "/retention", json={"retention_years": 7})
    assert refused.status_code == 409
    assert "Regulation (EU) 2024/1689, Art. 18(1)" in refused.json()["detail"]
    reasoned = {"retention_years": 7, "override_reason": "not placed on the market"}
    allowed = room.ask("PATCH", "/retention", json=reasoned)
    assert allowed.json()["retention_years"] == 7


def test_workspaces_keep_for_themselves(room: Room) -> None:
    other = room.served.new_workspace()
    room.ask("PATCH", "/retention", json=SAID).raise_for_status()
    room.ask("PUT", "/profile", json={"provider": {"name": "A"}}).raise_for_status()
    assert other.ask("GET", "/retention").json()["version"] == 0
    assert other.ask("GET", "/profile").status_code == 404


@pytest.mark.parametrize(
    "vault",
    [
        "file:///etc",
        "s3://bucket?endpoint_url=http://169.254.169.254",
        "az://container?account_url=http://127.0.0.1:1",
        "http://127.0.0.1/",
        "s3://user:password@bucket",
    ],
)
def test_a_vault_that_would_reach_into_the_server_is_refused(room: Room, vault: str) -> None:
    before = room.ask("GET", "/storage").json()
    refused = room.ask("PUT", "/storage", json={"vault": vault})
    assert refused.status_code == 422
    assert "password" not in refused.json()["detail"].replace("no user, password", "")
    assert room.ask("GET", "/storage").json() == before


def test_a_vault_is_set_and_the_one_of_the_server_can_be_tried(room: Room) -> None:
    tried = room.ask("POST", "/storage/test", json={"put": True}).json()
    assert any(finding["ok"] for finding in tried)
    assert room.ask("PUT", "/storage", json={"vault": "s3://bucket/prefix?mode=COMPLIANCE"}).json() == {
        "vault": "s3://bucket/prefix?mode=COMPLIANCE"
    }


def test_a_profile_refers_to_no_file_of_the_server(room: Room) -> None:
    for policy in ({"path": "/etc/passwd"}, "/etc/passwd", {"path": "/etc/passwd", "sha256": "0" * 64}):
        assert room.ask("PUT", "/profile", json={"acceptable_use_policy": policy}).status_code == 422, policy
    refused = room.ask("PUT", "/profile", json={"acceptable_use_policy": {"path": "/etc/passwd"}})
    assert refused.status_code == 422
    assert "not to files" in refused.json()["detail"]


def test_a_sealed_run_goes_into_the_vault_by_itself_where_that_was_said(room: Room) -> None:
    room.ask("PATCH", "/retention", json=SAID).raise_for_status()
    run_id = room.sealed()

    def packages() -> list[dict[str, Any]]:
        return list(room.ask("GET", f"/runs/{run_id}/exports").json())

    def told(package: dict[str, Any]) -> list[dict[str, Any]]:
        return list(room.ask("GET", f"/runs/{run_id}/exports/{package['package_hash']}/vaults").json())

    facts = room.within_a_while(lambda: [fact for package in packages() for fact in told(package)])
    assert {fact["part"] for fact in facts} >= {"package"}
    assert all(fact["state"] == "locked" for fact in facts)
