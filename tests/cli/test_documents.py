from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest

from cognify_core.cli import app
from cognify_core.store.sql import open_store
from cognify_core.store.visitors import Person
from tests.cli.running import ROOT, json_of
from tests.cli.test_runs import sealed, still_open
from tests.servers.tsa import authority, served
from tests.store.old_runs import OLD, old_run

ADA = Person("ada", "session", "a link", "Ada", "viewer", "2026-11-29T12:00:00.000000Z")
"""Somebody who has signed in to a server."""
HOOK = "http://127.0.0.1:9/"
"""Where nobody listens."""
PROMISED = re.compile(r"^\| `([a-z]+(?:-[a-z]+)?(?: [a-z][a-z-]+)?)[^`]*` \| [^|]* \| (.*) \|$", re.MULTILINE)
TABLE = {
    command: re.findall(r"`([a-z_]+)`", keys)
    for command, keys in PROMISED.findall((ROOT / "docs/cli.md").read_text("utf-8").replace("\\|", "/"))
}


def document_of(command: str, folder: Path) -> dict[str, Any]:
    """What a command prints with `--json`, with arguments that suit it."""
    if not command.startswith("timestamp"):
        return printed(command, folder, "")
    with served(authority(folder / "tsa")) as tsa:
        (pem := folder / "root.pem").write_bytes(tsa.root.pem)
        json_of(folder, "keys", "trust", pem)
        return printed(command, folder, tsa.url)


def printed(command: str, folder: Path, url: str) -> dict[str, Any]:
    """What a command prints; a time stamping authority answers at `url`."""
    run = sealed(folder)
    profile = folder / "profile.yaml"
    profile.write_text("system_name: Triage\n")
    (results := folder / "results.json").write_text('{"f1": 0.5}')
    if command == "profile export":
        json_of(folder, "profile", "import", profile)
    if command == "purge":
        old_run(folder / "home")
    if command == "ledger consistency":
        json_of(folder, "ledger", "head", "--output", folder / "head")
    if command.startswith("person "):
        open_store(folder / "home/cognify.db").put_person(ADA)
    if command == "restore":
        json_of(folder, "backup", folder / "mine.backup", "--clear-keys")
    if command == "timestamp renew":
        json_of(folder, "timestamp", "set", url)
    words: dict[str, list[object]] = {
        "run": ["--json", sys.executable, "-c", "pass"],
        "preview": [still_open(folder)],
        "seal": [still_open(folder)],
        "discard": [still_open(folder), "--reason", "wrong data"],
        "hash": [folder / "model"],
        "diff": [folder / "model", folder / "model"],
        "dataset": [folder / "rows.jsonl", "--name", "patient_notes", "--run", run],
        "eval": [results, "--name", "study", "--run", run],
        "note": ["text", "--run", run],
        "release": [run, "--approved-by", "C. Officer", "--role", "head", "--ran-by", "B. Engineer"],
        "attest": ["claim", "--by", "A. Person", "--role", "lead", "--run", run],
        "profile show": [],
        "profile import": [profile],
        "profile export": [folder / "exported.yaml"],
        "profile set": ["system_name=Triage"],
        "profile template": [],
        "profile check": [],
        "keys list": [],
        "keys show": [],
        "keys export": [folder / "signer.pub"],
        "keys export-public": [folder / "log.vkey", "--log"],
        "keys rotate": ["--reason", "a year has passed"],
        "keys trust": [folder / "home/keys/signing.pub"],
        "keys distrust": ["this-machine"],
        "keys passphrase": ["--remove"],
        "vault set": ["file:///srv/vault"],
        "vault test": [f"file://{folder}/vault", "--no-put"],
        "vault list": [],
        "retention show": [],
        "retention set": ["--years", "12"],
        "sync": [],
        "purge": [OLD, "--by", "A. Person", "--approved-by", "B. Person", "--reason", "its time has come"],
        "ledger head": [],
        "ledger list": [],
        "ledger consistency": [folder / "head"],
        "ledger fsck": [],
        "ledger publish": [folder / "published"],
        "access head": [],
        "access fsck": [],
        "access erase": ["--run", run],
        "token create": ["--role", "viewer", "--label", "a dashboard"],
        "token list": [],
        "token revoke": [given_token(folder) if command == "token revoke" else ""],
        "backup": [folder / "mine.backup", "--clear-keys"],
        "restore": [folder / "mine.backup"],
        "verifier": ["--output", folder / "verifier.html"],
        "login-link": [],
        "person list": [],
        "person remove": ["ada"],
        "person readmit": ["ada"],
        "webhook add": [HOOK],
        "webhook list": [],
        "webhook test": [given_webhook(folder, command)],
        "webhook remove": [given_webhook(folder, command)],
        "timestamp set": [url],
        "timestamp show": [],
        "timestamp test": [url],
        "doctor": [],
        "ls": [],
    }
    if command == "restore":
        (folder / "home").rename(folder / "lost")
    code = 2 if command == "webhook test" else 0
    found: dict[str, Any] = json_of(folder, *command.split(), *words.get(command, [run]), code=code)
    return found


def given_token(folder: Path) -> str:
    """The id of an API key."""
    return str(json_of(folder, "token", "create", "--role", "viewer", "--label", "l")["token_id"])


def given_webhook(folder: Path, command: str) -> str:
    """The id of a webhook."""
    return str(json_of(folder, "webhook", "add", HOOK)["hook_id"]) if command.startswith("webhook") else ""


def test_every_command_stands_in_the_table() -> None:
    top = {command.callback.__name__ for command in app.registered_commands if command.callback}
    alone = {name.replace("hash_paths", "hash").replace("_", "-") for name in top}
    assert {name.split()[0] for name in TABLE} == alone | {group.name for group in app.registered_groups}


@pytest.mark.slow
@pytest.mark.parametrize("command", [command for command, keys in TABLE.items() if keys])
def test_a_document_has_the_keys_that_are_promised(command: str, mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COGNIFY_WEBHOOK_HOSTS", "127.0.0.1")
    promised = TABLE[command]
    found = document_of(command, mine)
    outer = promised[:1] if isinstance(found.get(promised[0]), list) and len(found) == 1 else promised
    assert set(outer) <= set(found)
    items = found[promised[0]] if outer != promised else []
    assert all(set(promised[1:]) <= set(item) for item in items if isinstance(item, dict))
