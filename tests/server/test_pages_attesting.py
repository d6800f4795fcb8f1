"""Attestations as forms: what each asks, which a run lacks, and what becomes of what was sent."""

from __future__ import annotations

import re
from html import unescape
from typing import Any
from urllib.parse import quote

import pytest

from cognify_core.model.attestation_forms import FORMS, IDENTIFIERS, PHI_BASES, check_form
from cognify_core.model.events import Attestation, parse_event
from cognify_core.server.attestation_fields import ABOUT, TITLES, facts_of, fields_of
from cognify_core.server.roles import Role
from tests import factories
from tests.server.hostile import HOSTILE, finish, hostile_run, what_pages_never_hold
from tests.server.serving import Room, line
from tests.server.test_pages import see
from tests.server.test_pages_compliance import rows_of
from tests.server.test_pages_run import ended, sealed, send

ADA = {"by": "Ada Person", "role": "DPO", "on": "2026-11-29"}
DIGEST = f"sha256:{'ab' * 32}"
PLACE = "/mnt/models/run-1"
REMOVED = {f"facts.identifiers.{letter}": "removed" for letter in IDENTIFIERS}
EXPERT = {
    "facts.expert": "E. Xpert",
    "facts.qualifications": "statistician",
    "facts.determined_on": "2026-10-01",
    "facts.recipient": "the vendor",
    "facts.risk": "very small",
    "evidence": DIGEST,
}
SENT: dict[str, dict[str, str]] = {
    "own words": {"claim": "I have read it."},
    "sign_off": {"form": "sign_off", "claim": "I have read it.", "meaning": "reviewed", "evidence": DIGEST},
    "test_report": {"form": "test_report", "claim": "The logs are whole.", "subject": "eval_final_step_20"},
    "annex_iv": {"form": "annex_iv", "claim": "There are none.", "subject": "annex_iv/2(f)"},
    "hipaa": {"form": "hipaa", "claim": "Reviewed.", "subject": "hipaa/164.308(a)(1)(ii)(D)"},
    "no_phi": {"form": "phi", "basis": "no_phi"},
    "safe_harbor": {"form": "phi", "basis": "safe_harbor", "facts.no_actual_knowledge": "yes", **REMOVED},
    "expert_determination": {"form": "phi", "basis": "expert_determination", **EXPERT},
    "limited_data_set": {"form": "phi", "basis": "limited_data_set", "facts.agreement": "DUA of 2026"},
    "phi_under_baa": {"form": "phi", "basis": "phi_under_authorization_or_baa", "facts.agreement": "BAA of 2026"},
    "encrypted": {
        "form": "encryption_at_rest", "subject": PLACE, "claim": "It is.", "facts.encrypted": "yes",
        "facts.algorithm": "AES-256-XTS", "facts.custodian": "IT", "facts.rationale": "is not sent",
    },
    "not encrypted": {
        "form": "encryption_at_rest", "subject": PLACE, "claim": "It is not.", "facts.encrypted": "no",
        "facts.alternative": "a locked room", "facts.rationale": "no support",
    },
}  # fmt: skip


def placed(room: Room) -> str:
    """A sealed run whose checkpoint lies somewhere."""
    body = factories.checkpoint(30, location=PLACE).model_dump(mode="json", exclude_none=True)
    return sealed(room, body)


def attested(room: Room, run_id: str) -> list[Attestation]:
    """The attestations of a run, as they are recorded."""
    store = room.served.store
    bodies = [parse_event(event).body for row in store.addenda(run_id) for event in store.events(row.run_id)]
    return [body for body in bodies if isinstance(body, Attestation)]


@pytest.mark.parametrize("said", SENT.values(), ids=SENT.keys())
def test_every_form_is_sent_and_recorded_with_its_facts(room: Room, said: dict[str, str]) -> None:
    run_id = placed(room)
    answer = send(room, f"/runs/{run_id}/attestation", **ADA, **said)
    assert answer.status_code == 303, answer.text
    (body,) = attested(room, run_id)
    assert (body.by, body.role, body.on) == tuple(ADA.values())
    assert (body.form or "") == said.get("form", "")
    assert (str(body.evidence) if body.evidence else None) == said.get("evidence")
    facts = body.facts or {}
    assert check_form(body.form, facts, subject=body.subject, has_evidence=body.evidence is not None) == body.facts
    if body.form == "phi":
        assert facts["basis"] == said["basis"]
        assert body.claim == PHI_BASES[said["basis"]]
        assert body.datasets
    assert "is not sent" not in str(facts)


@pytest.mark.parametrize(
    ("said", "row"),
    [
        ("annex_iv", "annex_iv/2(f)"),
        ("hipaa", "hipaa/164.308(a)(1)(ii)(D)"),
        ("safe_harbor", "hipaa/164.514(b)(2)"),
        ("encrypted", "hipaa/164.312(a)(2)(iv)"),
    ],
)
def test_what_is_attested_answers_its_row(room: Room, said: str, row: str) -> None:
    body = factories.checkpoint(20, location=f"{PLACE}/a").model_dump(mode="json", exclude_none=True)
    run_id = room.begin()
    for manifest in factories.MANIFESTS.values():
        room.served.store.put_manifest(manifest, workspace=room.name)
    dataset = factories.dataset().model_dump(mode="json", exclude_none=True)
    room.append(run_id, line(dataset, 0), line(body | {"inputs": ["train"]}, 1)).raise_for_status()
    finish(room, run_id, seal=True)
    before = rows_of(see(room, f"/runs/{run_id}/compliance"))
    answer = send(room, f"/runs/{run_id}/attestation", **ADA, **SENT[said])
    assert "/compliance?done=attestation" in answer.headers["location"]
    after = rows_of(see(room, f"/runs/{run_id}/compliance"))
    assert (before[row], after[row]) == ("missing", "complete")


def test_the_form_says_which_forms_the_run_lacks_and_about_what(room: Room) -> None:
    run_id = placed(room)
    shown = see(room, f"/runs/{run_id}/attestation")
    chips = dict(re.findall(r'attestation\?form=(\w*)"[^>]*>[^<]+(?:<span class="muted">(\d+) open</span>)?', shown))
    assert set(chips) == {"", *FORMS}
    assert (chips["phi"], chips["test_report"], chips[""]) == ("1", "1", "")
    assert int(chips["annex_iv"]) > 10
    places = see(room, f"/runs/{run_id}/attestation?form=encryption_at_rest")
    assert f'<option value="{PLACE}"></option>' in places
    (link,) = {
        unescape(each)
        for each in re.findall(
            r'href="/w/[^/]+(/runs/[^"]+attestation\?form=encryption[^"]+)"', see(room, f"/runs/{run_id}/compliance")
        )
        if "models" in each
    }
    assert f'value="{PLACE}"' in see(room, link)
    assert set(TITLES) == {"", *FORMS} == set(ABOUT)


def test_health_information_is_attested_on_a_basis_for_these_datasets(room: Room) -> None:
    run_id = sealed(room)
    chosen = see(room, f"/runs/{run_id}/attestation?form=phi")
    assert re.findall(r"form=phi&amp;basis=(\w+)", chosen) == list(PHI_BASES)
    assert '<form method="post" class="stack"' not in chosen
    shown = see(room, f"/runs/{run_id}/attestation?form=phi&basis=safe_harbor")
    assert "patient_notes" in shown
    assert str(factories.dataset().hash) in shown
    assert all(f'name="facts.identifiers.{letter}"' in shown for letter in IDENTIFIERS)
    assert '<option value="removed" selected>' not in shown  # nothing is ticked by itself


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"form": "sign_off", "by": "Ada", "role": "DPO"}, "claim"),
        ({"form": "sign_off", "by": "Ada", "claim": "c"}, "role"),
        ({"form": "hipaa", "claim": "c", **ADA}, "subject"),
        ({"form": "phi", "basis": "safe_harbor", **ADA, **REMOVED}, "facts.no_actual_knowledge"),
        ({"form": "phi", "basis": "limited_data_set", **ADA}, "facts.agreement"),
        ({"claim": "c", **ADA, "by": "x" * 201}, "by"),
    ],
)
def test_what_is_missing_is_said_beside_its_field(room: Room, said: dict[str, str], field: str) -> None:
    run_id = sealed(room)
    answer = send(room, f"/runs/{run_id}/attestation", **said)
    assert answer.status_code == 422
    assert f'href="#f-{field}"' in answer.text
    assert re.search(rf'id="h-{re.escape(field)}"><strong>', answer.text)
    assert attested(room, run_id) == []


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"form": "phi", "basis": "safe_harbor", "facts.no_actual_knowledge": "no", **REMOVED}, "no_actual_knowledge"),
        ({"form": "phi", "basis": "safe_harbor", "facts.no_actual_knowledge": "yes",
          **REMOVED, "facts.identifiers.B": "present"}, "present: B"),
        ({"form": "encryption_at_rest", "subject": "/x", "claim": "c", "facts.encrypted": "yes"}, "algorithm"),
        ({"form": "signoff", "claim": "c"}, "there is no form"),
        ({"form": "phi", "basis": "none"}, "the basis of a phi attestation"),
        ({"claim": "c", "evidence": "sha256:1"}, "evidence: a digest is written sha256:"),
    ],
)  # fmt: skip
def test_what_documents_would_not_take_is_refused_and_explained(room: Room, said: dict[str, str], told: str) -> None:
    run_id = sealed(room)
    answer = send(room, f"/runs/{run_id}/attestation", **{**ADA, **said})
    assert (answer.status_code, told in unescape(answer.text)) == (422, True), answer.text
    assert attested(room, run_id) == []


def test_no_fact_is_taken_that_the_form_does_not_ask() -> None:
    said = {"facts.basis": "no_phi", "facts.expert": "x", "facts.agreement": "a", "facts.identifiers.A": "removed"}
    assert facts_of("phi", "limited_data_set", said) == {"basis": "limited_data_set", "agreement": "a"}
    assert facts_of("annex_iv", "", said) is None
    assert facts_of("", "", said) is None


def test_every_form_asks_for_a_name_and_a_role() -> None:
    for form in TITLES:
        for basis in ("", *PHI_BASES) if form == "phi" else ("",):
            required = {each.name for each in fields_of(form, basis) if each.required}
            assert {"by", "role"} <= required


def test_whoever_may_not_say_anything_finds_no_form(room: Room) -> None:
    run_id = sealed(room)
    for role in (Role.VIEWER, Role.AUDITOR):
        key = room.served.key(role, room.name)
        there = f"/w/{room.name}/runs/{run_id}/attestation"
        assert room.served.ask("GET", f"{there}?form=phi", key).status_code == 403
        assert send(room, f"/runs/{run_id}/attestation", key, **ADA, claim="c").status_code == 403
    open_ = ended(room)
    assert room.served.ask("GET", f"/w/{room.name}/runs/{open_}/attestation", room.key).status_code == 409
    elsewhere = room.served.new_workspace()
    assert room.served.ask("GET", f"/w/{room.name}/runs/{sealed(elsewhere)}/attestation", room.key).status_code == 404


@pytest.mark.parametrize("form", [*TITLES, HOSTILE])
def test_nothing_that_anybody_wrote_becomes_markup(room: Room, form: str) -> None:
    run_id = hostile_run(room)
    finish(room, run_id, seal=True)
    there = f"/w/{room.name}/runs/{run_id}/attestation"
    asked = f"?form={quote(form)}&subject={quote(HOSTILE)}&basis={quote(HOSTILE)}"
    said: dict[str, Any] = {"form": form, "basis": HOSTILE, "claim": HOSTILE, "subject": HOSTILE, "evidence": HOSTILE}
    answers = [
        room.served.ask("GET", there + asked, room.key),
        room.served.ask("GET", f"{there}?form=phi&basis=safe_harbor", room.key),
        room.served.ask("POST", there, room.key, data=said | {"by": HOSTILE}),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 422]
    for answer in answers:
        assert what_pages_never_hold(answer.text) == []
        assert "<img" not in answer.text.replace('<img src="/static/', "")
        assert not {"\u202e", "\x1b", "\u2028"} & set(answer.text)


def test_a_program_sends_evidence_too(room: Room) -> None:
    run_id = sealed(room)
    said = {"claim": "c", "by": "A", "role": "r", "evidence": DIGEST}
    room.ask("POST", f"/runs/{run_id}/attestations", json=said).raise_for_status()
    assert [str(body.evidence) for body in attested(room, run_id)] == [DIGEST]
    assert room.ask("POST", f"/runs/{run_id}/attestations", json=said | {"evidence": "x"}).status_code == 422
