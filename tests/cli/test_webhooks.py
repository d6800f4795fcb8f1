from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("standardwebhooks")
pytest.importorskip("fastapi")

from standardwebhooks.webhooks import Webhook

from tests.cli.running import cognify, json_of
from tests.servers.receiving import Receiver, receiving


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    monkeypatch.setenv("COGNIFY_WEBHOOK_HOSTS", "127.0.0.1")
    with receiving() as running:
        yield running


def test_a_webhook_is_added_tried_listed_and_removed(tmp_path: Path, receiver: Receiver) -> None:
    asked = ("webhook", "add", f"{receiver.url}/s3cr3t", "--event", "run.sealed", "--label", "x\x1b[31m")
    hook = json_of(tmp_path, *asked)
    assert json_of(tmp_path, "webhook", "test", hook["hook_id"])["status"] == 204
    assert Webhook(hook["secret"]).verify(receiver.told[0].body, dict(receiver.told[0].headers))
    listed = {name: value for name, value in hook.items() if name != "secret"}
    assert json_of(tmp_path, "webhook", "list") == {"webhooks": [listed]}
    shown = cognify(tmp_path, "webhook", "list").output
    assert "s3cr3t" not in shown + json.dumps(hook)
    assert "\x1b[31m" not in shown
    assert json_of(tmp_path, "webhook", "remove", hook["hook_id"])["removed"]
    assert json_of(tmp_path, "webhook", "list") == {"webhooks": []}


def test_a_webhook_that_takes_nothing_ends_with_2(tmp_path: Path, receiver: Receiver) -> None:
    receiver.answers.append(500)
    hook = json_of(tmp_path, "webhook", "add", receiver.url)
    assert len(hook["events"]) == 6
    assert json_of(tmp_path, "webhook", "test", hook["hook_id"], code=2)["error"] == "it answered 500"


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("add", "https://169.254.169.254/"), "not public"),
        (("add", "https://user:s3cr3t@example.org/"), "no user and no password"),
        (("add", "https://8.8.8.8/", "--event", "x"), "there is no event"),
        (("remove", "hook_0"), "there is no webhook"),
        (("test", "hook_0"), "there is no webhook"),
        (("list", "--workspace", "nowhere"), "there is no workspace"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(tmp_path: Path, words: tuple[str, ...], why: str) -> None:
    refused = cognify(tmp_path, "webhook", *words)
    assert refused.exit_code == 2
    assert why in refused.output
    assert "s3cr3t" not in refused.output
