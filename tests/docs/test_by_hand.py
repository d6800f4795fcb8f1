from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.docs.blocks import blocks
from tests.factories import SIGNER, TREE
from tests.installed import needs
from tests.tamper.packaging import edit_event, edited, package

pytestmark = needs("openssl", "sha256sum", "base64", "python3")

BY_HAND, TREE_BY_HAND = blocks("docs/audit-trail.md", "bash")


def check(script: str, folder: Path, data: bytes) -> subprocess.CompletedProcess[str]:
    (folder / "package.json").write_bytes(data)
    (folder / "signer.pub").write_bytes(SIGNER.public_key.pem)
    given = {"PATH": os.environ["PATH"], "PACKAGE": "package.json", "KEY": "signer.pub"}
    command = ["bash", "-euo", "pipefail", "-c", script]
    return subprocess.run(command, cwd=folder, env=given, capture_output=True, text=True, check=False)


def test_a_package_is_verified_by_hand_as_the_guide_says(tmp_path: Path) -> None:
    result = check(BY_HAND, tmp_path, package())
    assert result.returncode == 0, result.stderr
    said = result.stdout.splitlines()
    assert "Verified OK" in said
    assert [line.split(":")[0] for line in said[2:]] == ["record OK", "lineage OK"] + ["manifest OK"] * 3


def test_an_edited_event_does_not_pass_the_check_by_hand(tmp_path: Path) -> None:
    forged = edited(package(), lambda value: edit_event(value, 1, name="other_notes"))
    result = check(BY_HAND, tmp_path, forged)
    assert result.returncode != 0
    assert "the record is not the signed one" in result.stderr


def test_an_edited_lineage_does_not_pass_the_check_by_hand(tmp_path: Path) -> None:
    forged = edited(package(), lambda value: value["nodes"].pop())
    result = check(BY_HAND, tmp_path, forged)
    assert "the lineage is not the signed one" in result.stderr


def test_an_edited_manifest_does_not_pass_the_check_by_hand(tmp_path: Path) -> None:
    def swap(value: dict[str, dict[str, str]]) -> None:
        name = next(iter(value["manifests"]))
        value["manifests"][name] += " "

    assert check(BY_HAND, tmp_path, edited(package(), swap)).returncode != 0


def test_a_statement_signed_by_another_key_does_not_pass_the_check_by_hand(tmp_path: Path) -> None:
    run = "openssl ecparam -name prime256v1 -genkey -noout | openssl ec -pubout > signer.pub 2>/dev/null\n" + BY_HAND
    result = check(run, tmp_path, package())
    assert result.returncode != 0
    assert "Verified OK" not in result.stdout


def test_a_checkpoint_is_checked_against_its_manifest_by_sha256sum(tmp_path: Path) -> None:
    weights = b"weights"
    (tmp_path / "model.safetensors").write_bytes(weights)
    fill = 'printf "# cognify.tree/v1\\n%s  model.safetensors\\n" "$(sha256sum < model.safetensors | cut -c-64)" '
    result = check(fill + "> manifest.txt\n" + TREE_BY_HAND, tmp_path, TREE)
    assert result.stdout == "model.safetensors: OK\n"
