from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from cognify_core.api.profiles import (
    effective_profile,
    read_profile_file,
    save_profile,
    saved_profile,
    set_fields,
    today,
    with_hashes,
)
from cognify_core.api.yaml_text import read_yaml, write_yaml
from cognify_core.canonical import encode, parse
from cognify_core.errors import ConfigurationError
from cognify_core.export.templates.eu_ai_act.annex_iv import ANNEX_IV
from cognify_core.export.templates.hipaa.citations import CITATIONS
from cognify_core.export.templates.points import Point as TemplatePoint
from cognify_core.model.events import ProfileSeen, parse_event
from cognify_core.model.profile import Profile
from cognify_core.model.profile_fields import FIELDS, POINTS, missing, template_yaml
from cognify_core.store.protocol import Store
from cognify_core.store.sql import open_store
from tests import factories


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path / "cognify.db")
    yield opened
    opened.close()


def test_where_nothing_was_ever_said_there_is_no_profile(store: Store) -> None:
    assert effective_profile(store, "triage") is None
    assert saved_profile(store, None) is None


def test_a_projects_profile_stands_over_the_workspaces(store: Store) -> None:
    save_profile(store, {"provider": "Example GmbH", "gap_owners": {"engineer": "B"}}, project=None)
    save_profile(store, {"system_name": "Triage", "gap_owners": {"compliance": "C"}}, project="triage")
    found = effective_profile(store, "triage")
    assert found is not None
    assert (found.provider and found.provider.name, found.system_name) == ("Example GmbH", "Triage")
    assert found.gap_owners == {"engineer": "B", "compliance": "C"}
    assert effective_profile(store, "another") == effective_profile(store, None) != found


def test_every_version_is_kept(store: Store) -> None:
    save_profile(store, {"system_name": "Triage"}, project="triage")
    assert save_profile(store, {"system_name": "Triage 2"}, project="triage").version == 2
    assert save_profile(store, {"system_name": "Triage 2"}, project="triage").version == 2
    assert len(store.profiles(project="triage")) == 2


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"intended_purpos": "x"}, "there is no field intended_purpos; did you mean 'intended_purpose'"),
        ({"hipaa": {"security": "x"}}, r"no field hipaa\.security; did you mean 'security_official'"),
        ({"market_date": "soon"}, "market_date: "),
        ({"high_risk": "yes"}, "high_risk: .*annex_i"),
        ({"intended_purpose": {"text": "a", "not_applicable": "b"}}, "intended_purpose: what is not applicable has no"),
        ({"intended_purpose": {}}, "intended_purpose: an answer has a text"),
        ({"incident_policy": {"title": "x"}}, "incident_policy: a reference names a url or a path"),
        ({"answers": {"1(b)": "x"}}, r"answers\.1\(b\)"),
        ({"base_compute": {"m": {"flop": "inf", "source": "x"}}}, r"base_compute\.m\.flop"),
        ({"stated_by": {"name": "A"}}, r"stated_by\.role: .*\(and 1 more\)"),
        ({"hipaa": {"addressable": {"164.312(d)": {"decision": "alternative", "rationale": "x"}}}}, "is named"),
        ({"system_name": "\ud800"}, "system_name: .*unicode"),
        ([], "the profile: it: "),
    ],
)
def test_what_is_wrong_is_named_with_its_field(store: Store, value: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        save_profile(store, value, project=None)
    assert store.profiles() == []


def test_a_file_that_is_referred_to_is_hashed(store: Store, tmp_path: Path) -> None:
    (tmp_path / "policy.txt").write_text("Be good.")
    said = {"acceptable_use_policy": "policy.txt", "risk_management": {"reference": {"path": "policy.txt"}}}
    saved = save_profile(store, said, project=None, folder=tmp_path).profile
    policy = saved.acceptable_use_policy
    assert policy is not None
    assert (str(policy.sha256), policy.path) == (f"sha256:{sha256(b'Be good.').hexdigest()}", "policy.txt")
    assert policy.retrieved == today()
    assert saved.risk_management is not None
    assert saved.risk_management.reference == policy


def test_a_url_keeps_what_was_given_and_is_not_fetched(store: Store) -> None:
    said = {"url": "http://127.0.0.1:9/policy", "sha256": f"sha256:{'0' * 64}", "retrieved": "2026-01-31"}
    saved = save_profile(store, {"incident_policy": said}, project=None).profile
    assert saved.to_json()["incident_policy"] == said


def test_a_file_that_is_not_there_is_named_with_its_field(store: Store, tmp_path: Path) -> None:
    said: dict[str, Any] = {"answers": {"annex_iv/5": {"reference": {"path": "missing.pdf"}}}}
    with pytest.raises(ConfigurationError, match=r"answers\.annex_iv/5\.reference: the file .*missing\.pdf.*vanished"):
        save_profile(store, said, project=None, folder=tmp_path)
    for path in ("a\x00b", "x" * 40_000, "/dev/zero", "."):
        said["answers"]["annex_iv/5"]["reference"]["path"] = path
        with pytest.raises(ConfigurationError, match="cannot be hashed"):
            save_profile(store, said, project=None, folder=tmp_path)


def test_a_profile_from_another_machine_keeps_its_digests(tmp_path: Path) -> None:
    said = {"incident_policy": {"path": "there.pdf", "sha256": f"sha256:{'1' * 64}", "retrieved": "2026-01-31"}}
    assert with_hashes(said, tmp_path, "2026-02-01") == said


def test_a_file_that_has_changed_is_not_taken_for_the_one_that_was_hashed(tmp_path: Path) -> None:
    (tmp_path / "policy.txt").write_text("Be good.")
    first = with_hashes({"incident_policy": {"path": "policy.txt"}}, tmp_path, "2026-01-31")
    assert with_hashes(first, tmp_path, "2026-02-01") == first
    (tmp_path / "policy.txt").write_text("Be bad.")
    with pytest.raises(ConfigurationError, match=r"incident_policy: .*is sha256:.*and the profile says sha256:"):
        with_hashes(first, tmp_path, "2026-02-01")


def test_the_home_directory_names_nobody(tmp_path: Path) -> None:
    path = Path.home() / ".cognify-no-such-policy"
    said = {"incident_policy": {"path": str(path), "sha256": f"sha256:{'1' * 64}"}}
    assert with_hashes(said, tmp_path, "2026-02-01") == said  # it is not there: nothing is touched


def test_fields_are_set_by_their_dotted_paths() -> None:
    before = Profile.parse({"system_name": "Triage", "standards": ["a"]})
    said = {
        "provider.name": "Example",
        "answers.hipaa/164.308(a)(2).x": "dots stay",
        "hipaa.security_official": "D",
        "standards": None,
    }
    after = set_fields(before, said)
    assert after == {
        "system_name": "Triage",
        "provider": {"name": "Example"},
        "answers": {"hipaa/164.308(a)(2).x": "dots stay"},
        "hipaa": {"security_official": "D"},
    }
    with pytest.raises(ConfigurationError, match=r"system_name\.x: system_name is no map"):
        set_fields(before, {"system_name.x": "y"})


def test_a_file_is_read_as_yaml_and_named_where_it_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "profile.yaml"
    path.write_text("system_name: Triage\nhigh_risk: no\nmarket_date: 2026-03-01\n")
    assert Profile.parse(read_profile_file(path)).high_risk == "no"
    path.write_text("a: &x 1\nb: *x\n")
    with pytest.raises(ConfigurationError, match=r"profile\.yaml: line 2: aliases"):
        read_profile_file(path)
    path.write_text("- a\n")
    with pytest.raises(ConfigurationError, match="a profile is a map"):
        read_profile_file(path)
    with pytest.raises(ConfigurationError, match=r"missing\.yaml cannot be read"):
        read_profile_file(tmp_path / "missing.yaml")


@pytest.mark.parametrize("flop", [1.0, 1e15, 3.3e20, 7.2e23, 1e-5])
def test_a_snapshot_reads_back_as_it_was_written(flop: float) -> None:
    profile = Profile.parse({"base_compute": {"m": {"flop": flop, "source": "x"}}, "system_name": "=cmd <b> \x00 ‮"})
    body = ProfileSeen(project="p", profile=profile.to_json())
    event = factories.drafts([body])[0].at(factories.RUN_ID, 0).encode()
    seen = parse_event(event).body
    assert isinstance(seen, ProfileSeen)
    assert Profile.parse(seen.profile) == profile
    assert encode(parse(encode(profile.to_json()))) == encode(profile.to_json())


def test_the_template_explains_every_field_in_a_line() -> None:
    assert [asked.field for asked in FIELDS] == list(Profile.model_fields)
    text = template_yaml()
    assert read_yaml(text.encode()) is None
    assert all(len(line) <= 180 for line in text.splitlines())


@pytest.mark.parametrize("asked", FIELDS, ids=lambda asked: asked.field)
def test_every_example_of_the_template_is_a_profile(asked: Any) -> None:
    Profile.parse(read_yaml(f"{asked.field}: {asked.example}".encode()))


def test_the_whole_template_filled_in_answers_every_field() -> None:
    filled = "\n".join(line[1:] for line in template_yaml().splitlines() if line.startswith("#") and line[1:2] != " ")
    profile = Profile.parse(read_yaml(filled.encode()))
    assert set(profile.to_json()) == set(Profile.model_fields)
    assert Profile.parse(read_yaml(write_yaml(profile.to_json()).encode())) == profile


def test_what_is_missing_is_named_by_point_of_law() -> None:
    empty = {point.name for point in missing(Profile(), "eu_ai_act")}
    assert {f"annex_iv/{point}" for point in ("1(b)", "1(g)", "1(h)", "2(e)", "4", "5", "7", "8", "9")} <= empty
    profile = Profile.parse({"intended_purpose": "x", "answers": {"annex_iv/1(b)": {"not_applicable": "alone"}}})
    assert empty - {point.name for point in missing(profile, "eu_ai_act")} == {"annex_iv/1(a)", "annex_iv/1(b)"}
    assert len(missing(Profile(), "hipaa")) == len(POINTS["hipaa"])


def test_a_decision_on_an_addressable_specification_answers_it() -> None:
    said = {"decision": "alternative", "rationale": "no sessions", "alternative": "keys that expire"}
    profile = Profile.parse({"hipaa": {"addressable": {"164.312(a)(2)(iii)": said}}})
    assert "hipaa/164.312(a)(2)(iii)" not in {point.name for point in missing(profile, "hipaa")}


@pytest.mark.parametrize(
    ("said", "point"),
    [
        ({"vendors": [{"name": "A", "baa": True, "baa_date": "2026-01-15"}, {"name": "B"}]}, "hipaa/164.308(b)(1)"),
        ({"vendors": [{"name": "A", "baa": True}]}, "hipaa/164.308(b)(1)"),
        (
            {"addressable": {"164.312(a)(2)(iii)": {"decision": "not_reasonable", "rationale": "a batch job"}}},
            "hipaa/164.312(a)(2)(iii)",
        ),
    ],
)
def test_what_a_document_calls_a_gap_is_missing_in_the_profile_too(said: dict[str, Any], point: str) -> None:
    assert point in {each.name for each in missing(Profile.parse({"hipaa": said}), "hipaa")}


@pytest.mark.parametrize("law", POINTS)
def test_each_point_is_answered_under_its_own_name_or_by_its_field(law: str) -> None:
    for point in POINTS[law]:
        said = Profile.parse({"answers": {point.name: "x"}})
        assert point.answered_by(said) == f"answers.{point.name}"
        assert all(point.supplied_by.partition(".")[0] in {*Profile.model_fields} for _ in point.fields)


@pytest.mark.parametrize(("law", "template_rows"), [("eu_ai_act", ANNEX_IV), ("hipaa", CITATIONS)])
def test_the_points_are_those_of_the_template(law: str, template_rows: tuple[TemplatePoint, ...]) -> None:
    rows = {point.name for point in template_rows}
    elsewhere = {"annex_iv/1(a)#provider", "hipaa/scope", "hipaa/weights"}
    asked = {point.name for point in POINTS[law] if not point.name.startswith("ai_act/")}
    assert asked - rows - elsewhere == set()
