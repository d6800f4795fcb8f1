from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from cognify_core.export.document.blocks import Callout, Facts, RowStatus, Table
from cognify_core.export.dossier import Dossier
from cognify_core.export.templates.hipaa import TEMPLATE
from cognify_core.export.templates.hipaa.citations import CITATIONS
from cognify_core.export.templates.hipaa.encryption import places
from cognify_core.export.templates.hipaa.keeping import documentation
from cognify_core.export.templates.hipaa.law import PERSONAL, SCOPE
from cognify_core.export.templates.hipaa.phi import phi_of
from cognify_core.export.templates.rows import answer_all
from cognify_core.export.templates.template import Answer
from cognify_core.model.attestation_forms import IDENTIFIERS
from cognify_core.model.digest import Digest
from cognify_core.model.events import Attestation, Body
from tests.export.document.dossiers import (
    HELD,
    PERSON,
    SHA,
    access,
    attestation,
    bare,
    dossier,
    environment,
    opening,
    pairs,
    profile,
    release,
    rich,
    rows,
    section,
    texts,
    under,
)
from tests.factories import ROWS, checkpoint, dataset, note

ADDRESSABLE = {
    "164.308(a)(3)(ii)(A)",
    "164.308(a)(4)(ii)(B)",
    "164.308(a)(4)(ii)(C)",
    "164.308(a)(5)(ii)(C)",
    "164.310(d)(2)(iii)",
    "164.310(d)(2)(iv)",
    "164.312(a)(2)(iii)",
    "164.312(a)(2)(iv)",
    "164.312(c)(2)",
    "164.312(e)(2)(i)",
    "164.312(e)(2)(ii)",
}
TRAIN, EVAL = Digest.of(ROWS), Digest.of(HELD)
LOCATION = "/data/checkpoints/checkpoint-20"


def answers(told: Dossier) -> dict[str, Answer]:
    return {answer.ref: answer for answer in answer_all(told, CITATIONS)}


def one(ref: str, *bodies: Body) -> Answer:
    return answers(dossier(*bodies))[ref]


def phi(basis: str = "no_phi", datasets: Sequence[Digest] | None = (TRAIN,), **said: Any) -> Attestation:
    facts = {"basis": basis} | said.pop("facts", {})
    return attestation(form="phi", facts=facts, datasets=None if datasets is None else tuple(datasets), **said)


def encrypted(subject: str = LOCATION, **facts: Any) -> Attestation:
    known = {"encrypted": True, "algorithm": "AES-256-XTS", "custodian": "IT security"}
    return attestation(form="encryption_at_rest", subject=subject, facts=known | facts)


SAFE_HARBOR = {"identifiers": dict.fromkeys(IDENTIFIERS, "removed"), "no_actual_knowledge": True}


def test_each_citation_stands_once_and_says_whether_it_is_required_or_addressable() -> None:
    refs = [point.ref for point in CITATIONS]
    assert len(refs) == len(set(refs)) == 47
    assert {point.ref for point in CITATIONS if point.kind == "addressable"} == ADDRESSABLE
    shown = [row[0] for row in rows(section(TEMPLATE.compose(bare()), "Coverage").blocks)]
    assert "164.312(a)(2)(iv) (A)" in shown
    assert "164.308(a)(1)(ii)(A) (R)" in shown


def test_each_citation_can_be_answered_in_the_profile() -> None:
    said = {f"hipaa/{point.ref}": {"text": "done", "stated_by": PERSON} for point in CITATIONS}
    told = answers(dossier(profile(answers=said)))
    assert {answer.status for answer in told.values()} <= {RowStatus.ATTESTED, RowStatus.RECORDED}


@pytest.mark.parametrize("told", [dossier(), bare(), rich()], ids=["empty", "bare", "rich"])
def test_every_row_has_a_status_and_a_source_and_what_is_missing_has_an_owner(told: Dossier) -> None:
    for answer in answers(told).values():
        assert answer.source
        assert answer.says or answer.status is RowStatus.GAP
        assert answer.missing or answer.status is not RowStatus.GAP
        assert bool(answer.missing) == bool(answer.owner)


def test_nothing_is_attested_by_default() -> None:
    assert phi_of(bare()).basis == "undeclared"
    statuses = {answer.status for answer in answers(bare()).values()}
    assert statuses == {RowStatus.GAP, RowStatus.RECORDED}


def test_page_one_says_what_the_document_is_not_and_that_it_holds_personal_data() -> None:
    assert TEMPLATE.shows_personal_data
    callouts = [block.text for block in TEMPLATE.compose(bare()).first_page if isinstance(block, Callout)]
    assert callouts == [SCOPE, PERSONAL]
    assert "replaces neither the organisation's HIPAA programme nor its obligations under business associate" in SCOPE


def test_page_one_asks_whether_the_weights_are_ephi_and_who_the_organisation_is() -> None:
    def first(told: Dossier) -> Facts:
        return next(block for block in TEMPLATE.compose(told).first_page if isinstance(block, Facts))

    before = dict(first(bare()).rows)
    assert before["Weights treated as ePHI"].status is before["Organisation"].status is RowStatus.GAP
    said = profile(
        stated_by=PERSON,
        answers={"hipaa/scope": {"text": "business associate"}},
        hipaa={"weights_treated_as_ephi": "yes", "weights_rationale": "they may memorise"},
    )
    after = dict(first(dossier(said)).rows)
    person = "Ada Person, compliance officer, 2026-01-31"
    assert after["Weights treated as ePHI"].text == f"yes: they may memorise \u2014 stated by {person}"
    attested = dict(first(dossier(dataset(), phi())).rows)["PHI in the datasets"]
    assert attested.text == "no PHI \u2014 attested by Ada Person, privacy officer, 2026-02-01"
    assert attested.evidence
    assert after["Organisation"].text.startswith("business associate — stated by Ada Person")


# -- protected health information


def test_an_attestation_for_all_datasets_holds() -> None:
    told = dossier(dataset(), phi())
    assert phi_of(told).basis == "no_phi"
    assert answers(told)["164.514(a)"].status is RowStatus.ATTESTED
    assert answers(told)["164.514(b)(2)"].status is RowStatus.NOT_APPLICABLE


@pytest.mark.parametrize("role", ["eval", "source"])
def test_an_attestation_is_void_when_a_dataset_is_added(role: str) -> None:
    added = dataset(ref="more", id="ds_more", name="more", role=role, hash=EVAL)
    told = dossier(dataset(), phi(), addenda=((added,),))
    assert phi_of(told).basis == "undeclared"
    assert answers(told)["164.514(a)"].status is RowStatus.GAP
    assert "void: it is not bound to the datasets more" in under(TEMPLATE.compose(told), "Protected health")


def test_an_attestation_is_void_when_a_dataset_is_another_one() -> None:
    assert phi_of(dossier(dataset(hash=EVAL), phi())).basis == "undeclared"


def test_a_dataset_without_a_digest_is_covered_by_no_attestation() -> None:
    unseen = dataset(assurance="unresolved", hash=None, manifest=None, reason="gone")
    assert phi_of(dossier(unseen, phi())).basis == "undeclared"


def test_an_attestation_that_is_bound_to_nothing_does_not_hold() -> None:
    assert phi_of(dossier(dataset(), phi(datasets=None))).problem == "it is bound to no dataset"


@pytest.mark.parametrize("blank", [{"by": " "}, {"role": " "}])
def test_an_attestation_without_a_name_or_a_role_does_not_hold(blank: dict[str, Any]) -> None:
    assert not phi_of(dossier(dataset(), phi(**blank))).is_attested


def test_the_last_attestation_counts() -> None:
    assert phi_of(dossier(dataset(), phi(), phi("limited_data_set", facts={"agreement": "DUA 7"}))).basis == (
        "limited_data_set"
    )


@pytest.mark.parametrize("basis", ["", "none", "undeclared", ["no_phi"]])
def test_a_basis_that_is_none_does_not_hold(basis: Any) -> None:
    assert not phi_of(dossier(dataset(), phi(basis))).is_attested


def test_safe_harbor_lists_its_eighteen_identifiers() -> None:
    composed = TEMPLATE.compose(dossier(dataset(), phi("safe_harbor", facts=SAFE_HARBOR)))
    listed = rows(section(composed, "Safe Harbor").blocks)
    assert [row[0] for row in listed] == [f"({letter})" for letter in "ABCDEFGHIJKLMNOPQR"]
    assert {row[2] for row in listed} == {"removed"}


@pytest.mark.parametrize(
    "facts",
    [
        {},
        SAFE_HARBOR | {"no_actual_knowledge": False},
        SAFE_HARBOR | {"identifiers": dict.fromkeys("ABC", "removed")},
        SAFE_HARBOR | {"identifiers": dict.fromkeys(IDENTIFIERS, "removed") | {"C": "present"}},
    ],
    ids=["nothing", "knowledge", "three of them", "one present"],
)
def test_safe_harbor_with_half_of_it_missing_does_not_hold(facts: dict[str, Any]) -> None:
    told = dossier(dataset(), phi("safe_harbor", facts=facts))
    assert not phi_of(told).is_attested
    assert answers(told)["164.514(b)(2)"].status is RowStatus.GAP


def test_an_expert_determination_prints_who_determined_what_until_when() -> None:
    facts = {"expert": "Dr E", "qualifications": "statistician", "determined_on": "2025-01-01", "recipient": "us"}
    facts |= {"risk": "very small", "valid_until": "2027-01-01"}
    told = dossier(dataset(), phi("expert_determination", facts=facts, evidence=Digest.parse(SHA)))
    assert phi_of(told).is_attested
    said = pairs(section(TEMPLATE.compose(told), "Expert Determination").blocks)
    assert [cell.text for cell in said.values()] == [
        "Dr E",
        "statistician",
        "2025-01-01",
        "2027-01-01",
        "us",
        "very small",
    ]
    assert said["Expert"].status is None


def test_a_determination_that_had_expired_before_the_training_does_not_hold() -> None:
    facts = {"expert": "Dr E", "qualifications": "statistician", "determined_on": "2023-01-01", "recipient": "us"}
    facts |= {"risk": "very small", "valid_until": "2025-01-01"}
    told = dossier(dataset(), phi("expert_determination", facts=facts, evidence=Digest.parse(SHA)))
    assert phi_of(told).problem == "its determination was valid until 2025-01-01 only"


# -- access


def test_the_access_log_shows_who_when_and_from_where_in_clear() -> None:
    log = section(TEMPLATE.compose(rich()), "Access log")
    assert rows(log.blocks)[0] == [
        "2025-09-12 15:00:00 UTC",
        "ada",
        "192.0.2.7",
        "export (allowed)",
        rich().run_id,
        "session",
        "observed by a server",
    ]


def test_what_a_machine_says_of_itself_is_marked_declared() -> None:
    told = dossier(access(observed_by="machine"), openings=(opening("ada"),))
    assert "declared by the machine" in under(TEMPLATE.compose(told), "Access log")
    answer = answers(told)["164.312(b)"]
    assert answer.status is RowStatus.RECORDED
    assert any("its own word" in text or "their own word" in text for text in answer.missing)


def test_an_opening_that_is_gone_reads_erased() -> None:
    told = dossier(access(), openings=(opening("192.0.2.7", "ip"),))
    (row,) = rows(section(TEMPLATE.compose(told), "Access log").blocks)
    assert row[1] == f"erased ({opening('ada').commitment})"
    assert row[2] == "192.0.2.7"


def test_an_opening_that_does_not_open_its_commitment_is_never_shown() -> None:
    ada = opening("ada")
    forged = type(ada)(ada.commitment, "user", ada.random, "mallory")
    assert "mallory" not in "\n".join(texts(TEMPLATE.compose(dossier(access(), openings=(forged,)))))


def test_without_openings_no_clear_value_is_claimed_to_be_erased() -> None:
    (row,) = rows(section(TEMPLATE.compose(dossier(access())), "Access log").blocks)
    assert row[1].startswith("not supplied (sha256:")


def test_who_trained_where_is_shown_in_clear() -> None:
    told = dossier(environment(personal={"user": opening("ada").commitment}), openings=(opening("ada"),))
    first = next(block for block in TEMPLATE.compose(told).first_page if isinstance(block, Facts))
    assert dict(first.rows)["Run by"].text == "user: ada"


def test_shared_accounts_are_pointed_out() -> None:
    told = dossier(access("root"), openings=(opening("root"),))
    assert answers(told)["164.312(a)(2)(i)"].missing == ("the persons behind shared or system accounts: root",)


# -- encryption


def test_each_location_is_a_gap_until_somebody_attests_it() -> None:
    told = dossier(
        checkpoint(20, location=LOCATION, inputs=()), checkpoint(40, location="s3://b/40", inputs=()), encrypted()
    )
    (table,) = [b for b in section(TEMPLATE.compose(told), "Encryption at rest").blocks if isinstance(b, Table)]
    assert [row[2].status for row in table.rows] == [None, RowStatus.GAP]
    assert table.rows[0][2].text == "yes, AES-256-XTS"
    answer = answers(told)["164.312(a)(2)(iv)"]
    assert answer.status is RowStatus.GAP
    assert "an attestation for s3://b/40" in answer.missing[0]


def test_when_every_location_is_attested_so_is_the_specification() -> None:
    told = dossier(checkpoint(20, location=LOCATION, inputs=()), encrypted())
    assert answers(told)["164.312(a)(2)(iv)"].status is RowStatus.ATTESTED


@pytest.mark.parametrize("subject", ["/data", "/data/checkpoints/", LOCATION])
def test_an_attestation_about_a_folder_holds_for_what_lies_below_it(subject: str) -> None:
    (place,) = places(dossier(checkpoint(20, location=LOCATION, inputs=()), encrypted(subject)))
    assert place.attested is not None


@pytest.mark.parametrize("subject", ["/dat", "/data/checkpoints/checkpoint-2", "/", ""])
def test_an_attestation_about_another_place_holds_for_nothing(subject: str) -> None:
    (place,) = places(dossier(checkpoint(20, location=LOCATION, inputs=()), encrypted(subject)))
    assert place.attested is None


def test_what_is_not_encrypted_has_an_alternative_and_a_reason() -> None:
    def place_of(**facts: Any) -> Any:
        (place,) = places(dossier(checkpoint(20, location=LOCATION, inputs=()), encrypted(**facts)))
        return place

    assert "alternative" in place_of(encrypted=False).problem
    assert place_of(encrypted=False, alternative="locked room", rationale="air-gapped").attested is not None


# -- addressable decisions, vendors, incidents, approval


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"decision": "implemented", "rationale": "by the identity provider"}, RowStatus.ATTESTED),
        ({"decision": "alternative", "rationale": "no sessions", "alternative": "locked room"}, RowStatus.ATTESTED),
        ({"decision": "not_reasonable", "rationale": "no sessions"}, RowStatus.GAP),
    ],
)
def test_an_addressable_specification_is_decided_or_a_gap(said: dict[str, str], status: RowStatus) -> None:
    told = one("164.312(a)(2)(iii)", profile(stated_by=PERSON, hipaa={"addressable": {"164.312(a)(2)(iii)": said}}))
    assert told.status is status


def test_a_decision_of_nobody_stays_a_gap() -> None:
    said = {"decision": "implemented", "rationale": "yes"}
    told = one("164.312(a)(2)(iii)", profile(hipaa={"addressable": {"164.312(a)(2)(iii)": said}}))
    assert told.status is RowStatus.GAP


def test_a_vendor_without_a_dated_agreement_is_a_gap() -> None:
    dated = {"name": "Cloud", "baa": True, "baa_date": "2025-01-01"}
    assert one("164.308(b)(1)", profile(stated_by=PERSON, hipaa={"vendors": [dated]})).status is RowStatus.ATTESTED
    told = one("164.308(b)(1)", profile(stated_by=PERSON, hipaa={"vendors": [dated, {"name": "Tracker"}]}))
    assert told.status is RowStatus.GAP
    assert "the dated business associate agreement with Tracker" in told.missing


def test_vendors_are_told_apart() -> None:
    vendors = [{"name": "Cloud", "baa": True, "baa_date": "2026-01-15"}, {"name": "Tracker", "baa": False}]
    told = " ".join(one("164.308(b)(1)", profile(stated_by=PERSON, hipaa={"vendors": vendors})).says)
    assert "Cloud: business associate agreement of 2026-01-15; Tracker: no agreement" in told


def test_the_incident_policy_is_cross_referenced_with_its_digest() -> None:
    policy = {"url": "https://example.org/incidents", "sha256": SHA, "retrieved": "2026-01-01"}
    told = one(
        "164.308(a)(6)(i)", profile(stated_by=PERSON, incident_policy=policy, incident_contact="soc@example.org")
    )
    assert told.status is RowStatus.ATTESTED
    assert f"https://example.org/incidents, {SHA}, retrieved 2026-01-01" in told.says[0]


def test_no_recorded_incident_is_not_no_incident() -> None:
    told = one("164.308(a)(6)(ii)")
    assert told.status is RowStatus.GAP
    assert "no statement that there was none" in told.says[0]
    assert "a laptop" in one("164.308(a)(6)(ii)", note(note_kind="incident", text="a laptop was lost")).says[0]


def test_the_approver_of_the_release_answers_for_supervision() -> None:
    told = one("164.308(a)(3)(ii)(A)", release())
    assert told.status is RowStatus.ATTESTED
    assert "Ada Person, head of QA, 2026-02-02" in told.says[0]


def test_who_reviewed_the_access_log_attests_it() -> None:
    ref = "164.308(a)(1)(ii)(D)"
    assert one(ref).status is RowStatus.GAP
    assert one(ref, attestation(subject=f"hipaa/{ref}")).status is RowStatus.ATTESTED


def test_six_years_are_the_floor_from_the_last_seal() -> None:
    assert str(documentation(bare()).until) == "2031-09-12"
    assert str(documentation(rich()).until) == "2031-09-14"
    assert "Keep until 2031-09-14" in answers(rich())["164.316(b)(2)(i)"].says[0]


def test_the_proposed_rule_is_for_information_only() -> None:
    said = under(TEMPLATE.compose(bare()), "Coverage")
    assert "RIN 0945-AA22" in said
    assert "It is not final" in said
