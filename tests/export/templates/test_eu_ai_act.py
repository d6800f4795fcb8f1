from __future__ import annotations

import pytest

from cognify_core.errors import UnsupportedExportError
from cognify_core.export.document.blocks import Bullets, Composed, RowStatus, Section, Table
from cognify_core.export.dossier import Dossier
from cognify_core.export.templates.eu_ai_act import TEMPLATE, EuAiAct
from cognify_core.export.templates.eu_ai_act.annex_iv import ANNEX_IV
from cognify_core.export.templates.eu_ai_act.compute import architecture_estimate, estimates, flop, threshold, verdict
from cognify_core.export.templates.eu_ai_act.keeping import documentation
from cognify_core.export.templates.eu_ai_act.law import LAW
from cognify_core.export.templates.eu_ai_act.page_one import HEADINGS
from cognify_core.export.templates.rows import answer_all
from cognify_core.export.templates.template import Answer
from cognify_core.model.digest import Digest
from cognify_core.model.events import Body
from tests.export.document.dossiers import (
    PERSON,
    SHA,
    attestation,
    bare,
    base_model,
    dossier,
    model,
    pairs,
    phase,
    profile,
    release,
    rich,
    rows,
    section,
    training,
    under,
)
from tests.factories import config, dataset, evaluation, note

REFS = [f"1({letter})" for letter in "abcdefgh"] + [f"2({letter})" for letter in "abcdefgh"] + list("3456789")
ALWAYS_OPEN = ["1(b)", "1(g)", "1(h)", "2(e)", "4", "5", "7", "8", "9"]
FLOPS = architecture_estimate(8_000_000_000, 10_000_000)


def answers(told: Dossier) -> dict[str, Answer]:
    return {answer.ref: answer for answer in answer_all(told, ANNEX_IV)}


def one(ref: str, *bodies: Body) -> Answer:
    return answers(dossier(*bodies))[ref]


def test_the_23_rows_of_annex_iv_are_there_in_its_order() -> None:
    assert [point.ref for point in ANNEX_IV] == REFS
    assert len(REFS) == 23


@pytest.mark.parametrize("told", [dossier(), bare(), rich()], ids=["empty", "bare", "rich"])
def test_every_row_has_a_status_and_a_source_and_what_is_missing_has_an_owner(told: Dossier) -> None:
    for answer in answers(told).values():
        assert answer.source
        assert answer.says or answer.status is RowStatus.GAP
        assert answer.missing or answer.status is not RowStatus.GAP
        assert bool(answer.missing) == bool(answer.owner)


def test_a_bare_run_answers_eleven_rows_and_leaves_the_others_open() -> None:
    told = answers(bare())
    found = {status: [ref for ref in REFS if told[ref].status is status] for status in RowStatus}
    assert set(ALWAYS_OPEN) <= set(found[RowStatus.GAP])
    assert len(found[RowStatus.RECORDED]) == 11
    assert found[RowStatus.ATTESTED] == found[RowStatus.NOT_APPLICABLE] == []


def test_a_row_that_is_answered_in_part_says_what_is_missing() -> None:
    told = answers(bare())["2(g)"]
    assert told.status is RowStatus.RECORDED
    assert any("cognify.eval(…, slices=…)" in text for text in told.missing)
    assert any("test_report" in text for text in told.missing)


def test_what_the_record_says_is_cited() -> None:
    for answer in answers(bare()).values():
        assert answer.evidence or answer.status is not RowStatus.RECORDED


def test_the_training_hardware_stands_under_2c_and_never_under_1e() -> None:
    told = answers(bare())
    assert "A100 (81920 MiB)" in " ".join(told["2(c)"].says)
    assert "A100" not in " ".join((*told["1(e)"].says, *told["1(e)"].missing))
    assert told["1(e)"].status is RowStatus.GAP


@pytest.mark.parametrize("ref", ["1(b)", "1(g)", "2(f)", "9"])
def test_an_answer_of_a_named_person_attests_a_row(ref: str) -> None:
    told = one(ref, profile(answers={f"annex_iv/{ref}": {"text": "none", "stated_by": PERSON}}))
    assert told.status is RowStatus.ATTESTED
    assert told.says == ("none — stated by Ada Person, compliance officer, 2026-01-31",)
    assert told.source == "profile"


def test_the_person_of_the_profile_answers_for_what_names_nobody_else() -> None:
    told = one("5", profile(stated_by=PERSON, risk_management={"text": "ISO 31000"}))
    assert told.status is RowStatus.ATTESTED


def test_a_statement_of_nobody_is_printed_and_stays_a_gap() -> None:
    told = one("5", profile(risk_management={"text": "ISO 31000"}))
    assert told.status is RowStatus.GAP
    assert told.says == ("ISO 31000 — stated by nobody who is named",)
    assert any("name, role and date" in text for text in told.missing)


def test_standards_that_are_applied_need_a_name_too() -> None:
    assert one("7", profile(standards=["EN 1"])).status is RowStatus.GAP
    assert one("7", profile(standards=["EN 1"], stated_by=PERSON)).status is RowStatus.ATTESTED


def test_what_does_not_apply_needs_a_reason_and_a_name() -> None:
    why = {"not_applicable": "no product"}
    assert one("1(f)", profile(answers={"annex_iv/1(f)": why})).status is RowStatus.GAP
    told = one("1(f)", profile(answers={"annex_iv/1(f)": why | {"stated_by": PERSON}}))
    assert told.status is RowStatus.NOT_APPLICABLE
    assert "no product" in told.says[0]


def test_an_attestation_about_a_point_attests_it() -> None:
    told = one("2(e)", attestation(claim="Assessed.", subject="annex_iv/2(e)"))
    assert told.status is RowStatus.ATTESTED
    assert told.says == ("Assessed. — stated by Ada Person, privacy officer, 2026-02-01",)


def test_an_attestation_of_a_blank_name_attests_nothing() -> None:
    assert one("2(e)", attestation(subject="annex_iv/2(e)", by="  ")).status is RowStatus.GAP
    assert one("2(e)", attestation(subject="annex_iv/2(e)", role=" ")).status is RowStatus.GAP


def test_an_attestation_without_a_day_of_its_own_has_the_time_of_its_event() -> None:
    told = one("2(e)", attestation(subject="annex_iv/2(e)", on=None))
    assert told.status is RowStatus.ATTESTED
    assert "recorded 2025-09-12 15:00:00 UTC" in told.says[0]


def test_an_attestation_that_is_bound_to_other_datasets_attests_nothing() -> None:
    bound = attestation(subject="annex_iv/2(e)", datasets=(Digest.of(b"another"),))
    told = one("2(e)", dataset(), bound)
    assert told.status is RowStatus.GAP
    assert "void" in told.says[0]


def test_a_document_without_a_digest_is_missing_it() -> None:
    plain = {"reference": {"url": "https://example.org"}, "stated_by": PERSON}
    assert any("SHA-256" in text for text in one("5", profile(risk_management=plain)).missing)
    hashed = {"reference": {"url": "https://example.org", "sha256": SHA}, "stated_by": PERSON}
    assert one("5", profile(risk_management=hashed)).missing == ()


def test_the_record_wins_over_a_statement_that_its_row_does_not_apply() -> None:
    said = profile(answers={"annex_iv/2(d)": {"not_applicable": "no data", "stated_by": PERSON}})
    told = one("2(d)", dataset(), said)
    assert told.status is RowStatus.RECORDED
    assert any("not applicable: no data" in text for text in told.says)


def test_owners_are_those_whom_the_profile_names() -> None:
    told = answers(dossier(dataset(), profile(gap_owners={"annex_iv/2(d)": "Dana", "compliance": "Kim"})))
    assert told["2(d)"].owner == "Dana"
    assert told["9"].owner == "Kim"
    assert told["2(g)"].owner == "engineer"


def test_reasons_for_metrics_and_for_choices_come_from_notes() -> None:
    told = answers(dossier(config(), evaluation(), note(note_kind="metric_rationale", subject="eval_loss", text="why")))
    assert told["4"].status is RowStatus.RECORDED
    assert told["4"].missing == ()
    assert told["4"].source == "notes"
    assert "Rationale: rank 4 was enough" in answers(rich())["2(b)"].says


def test_a_signed_report_and_groups_complete_the_row_on_testing() -> None:
    assert answers(rich())["2(g)"].missing == ()


def test_page_one_has_the_five_headings_and_says_what_is_missing() -> None:
    (table,) = TEMPLATE.compose(bare()).first_page
    assert isinstance(table, Table)
    assert [row[0].text for row in table.rows if row[0].text] == list(HEADINGS)
    missing = [row[1].text for row in table.rows if row[2].status is RowStatus.GAP]
    assert missing == ["", "Limitation", "Failure mode", "Deployment restrictions", "Acceptable-use policy"]


def test_page_one_of_a_told_run_has_digests_counts_categories_results_and_limits() -> None:
    (table,) = TEMPLATE.compose(rich()).first_page
    assert isinstance(table, Table)
    said = "\n".join(row[2].text for row in table.rows)
    for part in (
        "3 records",
        "user_data",
        "accuracy 0.9",
        "fails on negation",
        "not for triage",
        "https://example.org/aup",
    ):
        assert part in said


def test_page_one_prints_restrictions_one_by_one_and_in_full() -> None:
    sentence = (
        "Not where a person is told of a diagnosis before a physician has seen it, " * 3 + "and not for children."
    )
    said = profile(deployment_restrictions=["Not at night.", sentence, "c", "d", "e"])
    (page,) = TEMPLATE.compose(dossier(said)).first_page
    found = [row[2] for row in rows((page,)) if row[1] == "Deployment restrictions"]
    assert found == ["Not at night.", sentence, "c", "2 more: see Limitations"]


def test_the_digest_of_a_policy_stands_on_page_one_however_long_its_address() -> None:
    url = "https://policies.example.org/" + "acceptable-use/" * 9
    said = profile(acceptable_use_policy={"url": url, "sha256": SHA})
    (page,) = TEMPLATE.compose(dossier(said)).first_page
    (found,) = [row[2] for row in rows((page,)) if row[1] == "Acceptable-use policy"]
    assert found == f"{url}, {SHA}"


def test_what_a_profile_says_in_parts_is_told_apart() -> None:
    provider = {"name": "Clinics GmbH", "address": "Street 1", "contact": "ai@example.org"}
    told = " ".join(one("1(a)", profile(stated_by=PERSON, provider=provider)).says)
    assert "Provider: Clinics GmbH, Street 1, ai@example.org \u2014 stated by Ada Person" in told
    answer = {"annex_iv/1(b)": {"text": "It reads letters.", "reference": {"path": "a.pdf", "title": "Interfaces"}}}
    assert one("1(b)", profile(answers=answer)).says[0].startswith("It reads letters. \u201cInterfaces\u201d, a.pdf")


def test_the_chapter_on_gaps_names_who_has_rows_of_the_template_to_answer() -> None:
    said = profile(gap_owners={"compliance": "C. Officer", "annex_iv/5": "R. Isk"}, stated_by=PERSON)
    chapter = section(TEMPLATE.compose(dossier(said)), "Gaps and their owners")
    owners = {row[0]: row[1] for row in rows(chapter.blocks) if len(row) == 3}
    assert owners["R. Isk"] == "5"
    assert "1(b)" in owners["C. Officer"]
    assert "8, 9" in owners["C. Officer"]


def test_the_coverage_counts_23_rows() -> None:
    composed = TEMPLATE.compose(bare())
    assert composed.coverage is not None
    assert composed.coverage.total == 23
    assert composed.coverage.rows[RowStatus.RECORDED] == 11


def test_the_version_of_the_law_is_in_the_footer() -> None:
    assert LAW == "Regulation (EU) 2024/1689, consolidated 27.07.2026 (M1 = Reg. (EU) 2026/1744)"
    assert LAW in TEMPLATE.compose(dossier()).footer


def test_the_simplified_form_is_refused_as_long_as_it_is_not_published() -> None:
    with pytest.raises(UnsupportedExportError, match="has not been published"):
        EuAiAct(form="simplified").compose(dossier())


def test_a_training_record_is_said_to_be_no_log_of_article_12() -> None:
    said = under(TEMPLATE.compose(bare()), "Neighbouring articles")
    assert "A training record is not a log in the sense of Art. 12" in said


def test_the_questions_of_article_10_are_gaps_until_every_dataset_answers_them() -> None:
    def statuses(*bodies: Body) -> list[RowStatus | None]:
        (_, table) = section(TEMPLATE.compose(dossier(*bodies)), "Neighbouring").blocks
        assert isinstance(table, Table)
        return [row[2].status for row in table.rows[:4]]

    assert statuses(dataset()) == [RowStatus.GAP] * 4
    keys = ("assumptions", "bias_examination", "known_gaps", "representativeness")
    assert statuses(dataset(provenance=dict.fromkeys(keys, "yes"))) == [None] * 4


# -- the one-third rule


def test_eight_billion_parameters_and_ten_million_tokens_are_0_0014_percent_of_the_substitute() -> None:
    assert flop(FLOPS) == "4.8e17 FLOP"
    assert verdict(FLOPS, threshold(None)) == (
        "4.8e17 FLOP = 0.0014 % of 3.33e22 FLOP, not above the threshold (basis: substitute 10^23/3: the original "
        "compute is not declared). This figure is indicative and non-binding; the provider decides."
    )


def test_the_row_on_compute_has_the_operations_of_the_training() -> None:
    ended = phase("training_ended", total_flos={"$float": "4.8e+17"})
    assert (
        "Operations of the training: 4.8e17 FLOP. By total_flos: upper bound (full-backward formula)"
        in one("2(c)", *training(), ended).says
    )


def test_how_much_of_the_model_is_the_base_is_told_with_what_is_not() -> None:
    facts = {"matched": 103, "total": 105, "changed": [], "extra": ["classifier.bias", "classifier.weight"]}
    told = " ".join(one("2(a)", base_model(facts=facts)).says)
    assert "103 of the 105 tensors in memory are its own; others: classifier.bias and classifier.weight" in told


def test_the_pre_trained_model_is_told_with_its_revision_and_licence_as_they_were_declared() -> None:
    facts = {"revision": "0f3c" * 10, "revision_by": "transformers", "license": "apache-2.0"}
    told = " ".join(one("2(a)", base_model(facts=facts)).says)
    revision, licence = (
        f"{'0f3c' * 10} (declared by transformers, not verified)",
        "apache-2.0 (declared by its README.md)",
    )
    assert f"used: meta-llama/Llama-3-8B, revision {revision}, licence {licence}, weights sha256:" in told
    row = pairs(section(TEMPLATE.compose(dossier(base_model(facts=facts))), "Identification").blocks)
    assert (row["Base model revision"].text, row["Base model licence"].text) == (revision, licence)


def test_a_declared_original_compute_is_the_basis() -> None:
    said = {"meta-llama/Llama-3-8B": {"flop": 7.2e23, "source": "model card"}}
    told = dossier(*training(), profile(base_compute=said))
    text = pairs(section(TEMPLATE.compose(told), "Compute").blocks)["Threshold"].text
    assert text == "2.4e23 FLOP: a third of the declared original compute, 7.2e23 FLOP (model card)"


def test_the_counter_of_the_framework_is_labelled_an_upper_bound() -> None:
    rows_of = pairs(section(TEMPLATE.compose(bare()), "Compute").blocks)
    (title,) = [title for title in rows_of if "total_flos" in title]
    assert title == "By total_flos: upper bound (full-backward formula)"
    assert rows_of[title].text.startswith("4.8e17 FLOP = 0.0014 % of 3.33e22 FLOP")


def test_both_estimates_stand_where_both_follow_from_the_record() -> None:
    told = dossier(
        config(hash=None, assurance="declared"),
        base_model(),
        model(),
        phase("training_ended", num_input_tokens_seen=1000, total_flos=1e9),
    )
    assert [round(item.flop) for item in estimates(told)] == [6 * 64 * 1000, 10**9]


def test_recomputed_activations_are_not_counted() -> None:
    plain = dossier(base_model(), phase("training_ended", total_flos=1e9, gradient_checkpointing=False))
    recomputed = dossier(base_model(), phase("training_ended", total_flos=1e9, gradient_checkpointing=True))
    assert [item.flop for item in estimates(plain)] == [item.flop for item in estimates(recomputed)]
    assert "Not counted: recomputed activations" in under(TEMPLATE.compose(recomputed), "Compute")


def test_where_nothing_was_counted_nothing_is_estimated() -> None:
    assert estimates(dossier(dataset())) == ()
    assert pairs(section(TEMPLATE.compose(dossier()), "Compute").blocks)["Estimate"].status is RowStatus.GAP


# -- retention


def test_the_clock_is_the_market_date_and_not_the_seal() -> None:
    assert str(documentation(dossier(profile(market_date="2026-03-01"))).until) == "2036-03-01"
    assert str(documentation(dossier(release(market_date="2027-01-01"))).until) == "2037-01-01"


def test_of_two_market_dates_the_later_counts() -> None:
    told = dossier(profile(market_date="2026-03-01"), release(market_date="2027-01-01"))
    assert str(documentation(told).until) == "2037-01-01"


def test_an_unknown_market_date_is_an_open_hold() -> None:
    assert documentation(bare()).until is None
    said = under(TEMPLATE.compose(bare()), "Retention")
    assert "open hold" in said
    assert "2035" not in said


def test_logs_have_a_floor_of_six_months() -> None:
    assert "until 2026-03-12: at least 6 months after 2025-09-12" in under(TEMPLATE.compose(bare()), "Retention")


def test_the_overview_and_the_details_tell_the_same() -> None:
    composed: Composed = TEMPLATE.compose(rich())
    overview = section(composed, "Annex IV: coverage")
    details: list[Section] = [each for each in composed.sections if each.heading.split()[0] in REFS]
    statuses = [pairs(each.blocks)["Status"].status for each in details]
    assert [row[2] for row in rows(overview.blocks)] == [status.value for status in statuses if status]
    assert any(isinstance(block, Bullets) for block in overview.blocks)
