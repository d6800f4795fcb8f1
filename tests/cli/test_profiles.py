from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path

import pytest

from cognify_core.model.profile import Profile
from tests.cli.running import as_process, cognify, json_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a filled-in profile and the policy that it refers to; nothing is recorded yet."""
    (tmp_path / "policy.txt").write_text("Be good.")
    (tmp_path / "profile.yaml").write_text(
        "system_name: Triage\nhigh_risk: no\nmarket_date: 2026-03-01\nacceptable_use_policy: policy.txt\n"
        "answers: {annex_iv/1(f): {not_applicable: Software only.}}\n"
    )
    return tmp_path


def test_a_profile_goes_in_and_out_as_yaml(folder: Path) -> None:
    assert cognify(folder, "profile", "import", folder / "profile.yaml", "--project", "triage").exit_code == 0
    first = json_of(folder, "profile", "show", "--project", "triage")
    assert first["profile"]["high_risk"] == "no"
    assert first["profile"]["acceptable_use_policy"]["sha256"] == f"sha256:{sha256(b'Be good.').hexdigest()}"
    assert cognify(folder, "profile", "export", folder / "out.yaml", "--project", "triage").exit_code == 0
    assert cognify(folder, "profile", "import", folder / "out.yaml", "--project", "triage").exit_code == 0
    assert json_of(folder, "profile", "show", "--project", "triage") == first
    exported = cognify(folder, "profile", "export", "--project", "triage").stdout
    assert exported == (folder / "out.yaml").read_text()


def test_what_is_in_force_is_the_projects_over_the_workspaces(folder: Path) -> None:
    cognify(folder, "profile", "set", "provider=Example GmbH")
    cognify(folder, "profile", "import", folder / "profile.yaml", "--project", "triage")
    own = json_of(folder, "profile", "show", "--project", "triage")["profile"]
    effective = json_of(folder, "profile", "show", "--project", "triage", "--effective")["profile"]
    assert "provider" not in own
    assert effective == own | {"provider": {"name": "Example GmbH"}}


def test_fields_are_set_and_taken_away(folder: Path) -> None:
    words = ["deployment_restrictions=Not for emergencies.", "hipaa.security_official=D", "gap_owners.annex_iv/5=C"]
    more = ["answers.annex_iv/1(b)={text: 'Alone: yes'}", "standards=[a, b]", "incident_contact==cmd"]
    said = json_of(folder, "profile", "set", *words, *more)
    assert said["profile"] == {
        "deployment_restrictions": ["Not for emergencies."],
        "hipaa": {"security_official": "D"},
        "gap_owners": {"annex_iv/5": "C"},
        "answers": {"annex_iv/1(b)": {"text": "Alone: yes"}},
        "standards": ["a", "b"],
        "incident_contact": "=cmd",
    }
    left = json_of(folder, "profile", "set", "standards=", "hipaa.security_official=")
    assert set(left["profile"]) == {"deployment_restrictions", "gap_owners", "answers", "incident_contact"}
    assert left["version"] == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["set", "system=x"], "no field system; did you mean 'system_name'"),
        (["set", "market_date=tomorrow"], "market_date: "),
        (["set", "no value"], "a field is set as FIELD=VALUE"),
        (["set", "standards=[a"], "standards: line 1: "),
        (["set", "acceptable_use_policy=missing.pdf"], "acceptable_use_policy: the file .*missing.pdf. cannot be"),
        (["import", "missing.yaml"], "missing.yaml cannot be read"),
        (["export"], "nothing is said yet"),
        (["set", "system_name=x", "--project", " "], "a project has a name"),
    ],
)
def test_what_is_wrong_is_one_line_that_names_it(folder: Path, words: list[str], message: str) -> None:
    result = cognify(folder, "profile", *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert re.search(message, result.stderr), result.stderr
    assert result.stderr.count("\n") == 1


def test_the_template_is_filled_in_and_imported(folder: Path) -> None:
    text = cognify(folder, "profile", "template").stdout
    assert all(f"\n#{field}: " in text for field in Profile.model_fields)
    (folder / "policies").mkdir()
    filled = text.replace("#system_name: ", "system_name: ").replace("#high_risk: ", "high_risk: ")
    (folder / "filled.yaml").write_text(filled)
    assert json_of(folder, "profile", "import", folder / "filled.yaml")["profile"] == {
        "system_name": "Clinical triage",
        "high_risk": "annex_iii",
    }


def test_what_is_missing_is_named_by_point_of_law_with_what_supplies_it(folder: Path) -> None:
    cognify(folder, "profile", "import", folder / "profile.yaml", "--project", "triage")
    missing = json_of(folder, "profile", "check", "--project", "triage", "--template", "eu_ai_act")["missing"]
    assert {"template": "eu_ai_act", "point": "annex_iv/5", "asks": "risk-management system (Art. 9)",
            "field": "risk_management"} in missing  # fmt: skip
    assert not {"annex_iv/1(f)", "ai_act/18(1)"} & {point["point"] for point in missing}
    said = cognify(folder, "profile", "check", "--project", "triage").stdout
    assert "hipaa: 0 of " in said
    assert "→ cognify profile set --project triage 'risk_management=…'" in said


def test_hostile_text_in_a_profile_reaches_no_terminal(folder: Path) -> None:
    (folder / "hostile.yaml").write_text(
        'system_name: "[red]\\e[31m\\u202e=cmd"\nstandards: ["' + "x" * 40_000 + '"]\n'
    )
    assert cognify(folder, "profile", "import", folder / "hostile.yaml").exit_code == 0
    for words in (["show"], ["export"], ["check"]):
        assert not set(cognify(folder, "profile", *words).stdout) & set("\x1b\u202e")
    assert json_of(folder, "profile", "show")["profile"]["system_name"] == "[red]\x1b[31m\u202e=cmd"


def test_a_profile_is_shown_where_the_terminal_has_no_unicode(folder: Path) -> None:
    cognify(folder, "profile", "set", "system_name=Übung 💊")
    result = as_process(folder, "profile", "show")
    assert result.returncode == 0, result.stderr
    assert "system_name" in result.stdout
