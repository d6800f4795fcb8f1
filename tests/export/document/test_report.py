from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from pathlib import Path

from cognify_core.canonical import encode
from cognify_core.export.document.blocks import (
    Callout,
    CurvesFigure,
    LineageFigure,
    RowStatus,
    SignOff,
    Table,
    Verbatim,
)
from cognify_core.export.document.cells import cut
from cognify_core.export.document.report import compose_report
from cognify_core.export.document.sections_seal import BY_HAND
from cognify_core.export.document.told_gaps import told_gaps
from cognify_core.export.dossier import Dossier
from cognify_core.export.package_json import render
from cognify_core.model.digest import Digest
from tests.export.document.dossiers import (
    HELD,
    KNOWN,
    access,
    attestation,
    bare,
    cited,
    dossier,
    opening,
    pairs,
    profile,
    rich,
    rows,
    section,
    sentences,
    texts,
    training,
    under,
)
from tests.factories import ROWS, SIGNER, checkpoint, config, dataset, evaluation, gap, note, sealed_run, whole
from tests.installed import needs
from tests.ledger.logs import OtherLog, logged
from tests.ledger.test_notes import signer

LOG = signer()

ORDER = (
    "Summary",
    "Identification and lineage",
    "Data provenance",
    "Hyper-parameters",
    "Evaluations",
    "Limitations, restrictions and acceptable use",
    "Gaps and their owners",
    "Seal certificate",
    "Sign-off",
    "Access log",
)


def test_the_chapters_stand_in_the_order_in_which_auditors_read() -> None:
    chapters = [each.heading for each in compose_report(rich()).sections if each.level == 1]
    assert tuple(chapters) == ORDER


def test_every_sentence_of_the_summary_cites_its_evidence() -> None:
    for each in (bare(), rich()):
        told = list(sentences(section(compose_report(each), "Summary")))
        assert len(told) > 8
        assert [sentence.text for sentence in told if not sentence.evidence] == []


def test_everything_that_is_cited_stands_in_the_index() -> None:
    whole_dossier = rich()
    assert set(cited(compose_report(whole_dossier))) <= set(whole_dossier.evidence)


def test_the_model_is_identified_from_shapes_and_configuration() -> None:
    said = under(compose_report(bare()), "Identification")
    assert "LlamaForCausalLM, layers 2, hidden size 8" in said
    assert "8,064 in total, of which 64 (0.794 %) were trained" in said
    assert "LORA adapter (rank 4; alpha 8; target modules q_proj)" in said
    assert "safetensors" in said


def test_the_lineage_is_a_figure() -> None:
    assert any(isinstance(block, LineageFigure) for block in section(compose_report(bare()), "Identification").blocks)


def test_a_dataset_stands_with_its_full_digest_its_records_and_what_nobody_declared() -> None:
    composed = compose_report(bare())
    assert [str(Digest.of(ROWS)), "3"] == [rows(section(composed, "Data").blocks)[0][place] for place in (3, 2)]
    undeclared = pairs(section(composed, "Dataset patient_notes").blocks)["Undeclared"]
    assert undeclared.status is RowStatus.GAP
    assert undeclared.text.startswith("Source category, Licence, Obtained how")
    assert "owner: engineer" in undeclared.text


def test_what_is_declared_of_a_source_holds_for_what_was_made_of_it() -> None:
    sheet = pairs(section(compose_report(rich()), "Dataset held_out").blocks)
    assert sheet["Source category"].text == "user_data (source notes_source)"
    assert sheet["Made from"].text.startswith("ds_notes_source")
    assert "owner: Dana Data" in sheet["Undeclared"].text


def test_a_category_that_the_commission_does_not_know_is_told_from_those_it_knows() -> None:
    odd = dossier(dataset(provenance={"source_category": "the web"}))
    said = pairs(section(compose_report(odd), "Dataset patient_notes").blocks)["Source category"].text
    assert said == "the web (not one of the Commission's categories)"


def test_a_dataset_that_an_addendum_meets_again_is_listed_once() -> None:
    again = dossier(dataset(), addenda=((dataset(),),))
    assert len(rows(section(compose_report(again), "Data provenance").blocks)) == 1


def test_what_was_set_stands_before_the_defaults_which_are_marked() -> None:
    table = section(compose_report(bare()), "Configuration").blocks[1]
    assert isinstance(table, Table)
    origins = [(row[0].text, row[2].text) for row in table.rows]
    assert origins == [
        ("learning_rate", "set"),
        ("fsdp_config.min", "library default"),
        ("fsdp_config.xla", "library default"),
        ("optim", "library default"),
        ("seed", "library default"),
    ]


def test_the_summary_counts_arguments_as_their_table_does() -> None:
    composed = compose_report(rich())
    (said,) = (text for text in texts(composed) if "off the library's defaults: " in text)
    changed, of = re.search(r"defaults: (\d+) of (\d+) value", said).groups()  # type: ignore[union-attr]
    (caption,) = (
        block.caption
        for part in composed.sections
        for block in part.blocks
        if isinstance(block, Table) and "off the library's defaults" in (block.caption or "")
    )
    counted = [int(number) for number in re.findall(r"\d+", caption or "")]
    assert counted == [int(changed), int(of) - int(changed)]


def test_the_adapter_and_the_model_have_tables_of_their_own() -> None:
    blocks = section(compose_report(bare()), "Configuration").blocks
    captions = [block.caption for block in blocks if isinstance(block, Table)]
    assert captions[1:] == ["Adapter (PEFT)", "Model", "Tokenizer"]


def test_an_evaluation_has_its_interval_its_n_its_data_its_harness_and_its_groups() -> None:
    blocks = section(compose_report(rich()), "Evaluation own").blocks
    assert rows(blocks)[0] == [
        "accuracy",
        "0.9",
        "160",
        "0.85 to 0.94 (95 %, bootstrap, percentile)",
        "not said",
        "computed by Cognify",
    ]
    assert ["sex", "f", "80", "accuracy", "0.88", "none recorded"] in rows(blocks)
    about = pairs(blocks)
    assert str(Digest.of(HELD)) in about["Evaluated on"].text
    assert about["Harness"].text == "lm-evaluation-harness 0.4.13"


def test_no_digest_is_cut_however_long_the_name_before_it() -> None:
    name = "held_out_rows_of_the_second_half_of_the_year_and_then_some_more_of_those_that_came_later"
    rows_of = dataset(ref="rows", id=f"ds_{name}_v1", name=name, role="eval")
    told = dossier(training()[2], addenda=((rows_of, evaluation(inputs=("rows",))),))
    (_, hash_) = pairs(section(compose_report(told), "Evaluation final, step 20").blocks)["Evaluated on"].text.split()
    assert Digest.parse(hash_) == rows_of.hash


def test_a_text_is_cut_behind_a_digest_and_never_within() -> None:
    hash_ = f"sha256:{'a' * 64}"
    assert cut(f"{'x' * 100} {hash_}", 120) == f"{'x' * 100} {hash_}"
    assert cut(f"{'x' * 100} {hash_} and more", 120).startswith(f"{'x' * 100} {hash_} … [9 more characters")
    assert cut("x" * 130, 120).startswith(f"{'x' * 120} … [10 more")


def test_an_evaluation_of_the_training_framework_is_told_from_one_that_was_computed() -> None:
    assert "as the training framework reported it" in under(compose_report(bare()), "Evaluation final")


def test_curves_are_of_the_training_and_not_of_the_machine() -> None:
    drawn = [
        block for each in compose_report(bare()).sections for block in each.blocks if isinstance(block, CurvesFigure)
    ]
    assert [figure.metrics for figure in drawn] == [("loss", "eval_accuracy")]


def test_limitations_are_printed_and_their_absence_is_no_statement() -> None:
    assert "fails on negation" in under(compose_report(rich()), "Known limitations")
    assert "no statement that there is none" in under(compose_report(bare()), "Known limitations")


def test_restrictions_and_policy_come_from_the_profile_with_who_states_them() -> None:
    said = under(compose_report(rich()), "Deployment restrictions")
    for part in ("not for triage", "https://example.org/aup", f"sha256:{'5' * 64}", "Ada Person, compliance officer"):
        assert part in said


def test_the_gaps_are_those_of_the_record_each_with_its_owner() -> None:
    unseen = checkpoint(40, assurance="unresolved", hash=None, manifest=None, reason="rotated", inputs=())
    seen = dossier(gap(), unseen, profile(gap_owners={"engineer": "Bob"}))
    assert [item.gap for item in told_gaps(seen)] == list(seen.gaps)
    assert [row[-1] for row in rows(section(compose_report(seen), "Gaps").blocks)] == ["Bob", "Bob"]


def test_an_incomplete_record_says_why() -> None:
    cut = dossier(dataset(), complete=False, reasons=("the disk was full",))
    assert "the disk was full" in under(compose_report(cut), "Gaps")


def test_the_certificate_has_all_that_a_verifier_needs_and_names_no_anchor() -> None:
    whole_dossier = rich()
    said = under(compose_report(whole_dossier), "Seal of the run")
    seal = whole_dossier.seals[0]
    for part in (seal.root, seal.key_id, seal.statement, seal.public_key.strip(), "nothing but the signer's clock"):
        assert part in said
    assert seal.signature in said.replace("\n", "")
    assert whole_dossier.seals[1].root in under(compose_report(whole_dossier), "Seal of addendum 1")


@needs("openssl", "sha256sum", "python3")
def test_where_the_seal_stands_in_a_ledger_the_certificate_has_the_whole_proof() -> None:
    run = logged(LOG, before=5)
    certificate = section(compose_report(Dossier.of(run, [])), "Seal of the run")
    said, proof = pairs(certificate.blocks), OtherLog(LOG, before=5).proof(run.envelope)
    assert said["Ledger"].text == str(LOG.key)
    assert said["Leaf"].text == "number 5, counted from 0, of 6"
    assert said["Root of the ledger"].text == proof.head.head.root.hex()
    assert Verbatim("\n".join(each.hex() for each in proof.hashes)) in certificate.blocks
    assert Verbatim(proof.head.note.decode()) in certificate.blocks
    assert "Ledger" not in pairs(section(compose_report(bare()), "Seal of the run").blocks)


def test_a_proof_that_does_not_read_is_said_to_be_none() -> None:
    run = logged(LOG)
    broken = replace(run, bundle=replace(run.envelope, log_entries=({},)).encode())
    *_, last = section(compose_report(Dossier.of(broken, [])), "Seal of the run").blocks
    assert isinstance(last, Callout)
    assert last.text.startswith("What stands here of a ledger does not read: not a ledger's proof")


def test_the_commands_of_the_certificate_verify_the_evidence_as_they_stand(tmp_path: Path) -> None:
    sealed = rich()
    (tmp_path / "evidence.json").write_bytes(render(sealed.run, sealed.addenda))
    (tmp_path / "signer.pub").write_bytes(SIGNER.public_key.pem)
    ran = subprocess.run(["bash", "-euo", "pipefail", "-c", BY_HAND], cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    said = ran.stdout.split()
    assert said[0] == sealed.seals[0].key_id
    assert "Verified OK" in ran.stdout
    assert f"record OK: {sealed.seals[0].root}" in ran.stdout
    assert f"{sealed.seals[0].statement.removeprefix('sha256:')}  statement.json" in ran.stdout


@needs("openssl", "sha256sum", "python3")
def test_the_commands_of_the_certificate_refuse_an_altered_event(tmp_path: Path) -> None:
    sealed = bare()
    altered = render(sealed.run, ()).replace(b"patient_notes", b"harmless_note")
    (tmp_path / "evidence.json").write_bytes(altered)
    (tmp_path / "signer.pub").write_bytes(SIGNER.public_key.pem)
    ran = subprocess.run(["bash", "-euo", "pipefail", "-c", BY_HAND], cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode != 0
    assert "not what was signed" in ran.stderr


def test_recorded_sign_offs_stand_beside_the_boxes() -> None:
    signed = section(compose_report(rich()), "Sign-off")
    assert ["I have seen it.", "Ada Person", "privacy officer", "2026-02-01", "approved", "the run"] in rows(
        signed.blocks
    )
    assert any(isinstance(block, SignOff) for block in signed.blocks)


def test_an_attestation_bound_to_other_datasets_is_shown_as_void() -> None:
    bound = dossier(dataset(), attestation(datasets=(Digest.of(b"another"),)))
    assert "void: it is not bound to the datasets patient_notes" in under(compose_report(bound), "Sign-off")


def test_the_general_report_shows_commitments_and_no_clear_value() -> None:
    told = "\n".join(texts(compose_report(rich())))
    assert opening("ada").commitment in told
    assert "192.0.2.7" not in told


def test_an_access_log_without_entries_is_no_statement_that_there_were_none() -> None:
    assert "no statement that there was none" in under(compose_report(bare()), "Access log")


def test_a_refused_access_says_so() -> None:
    assert "export (refused)" in under(compose_report(dossier(access(outcome="refused"))), "Access log")


def test_what_a_long_table_leaves_out_is_named_with_the_root_and_where_it_stands() -> None:
    many = dossier(
        *(note(note_kind="general", text=f"note {number}") for number in range(205)),
        *(gap(subject=f"gap {number}") for number in range(203)),
    )
    composed = compose_report(many)
    table = next(block for block in section(composed, "Gaps").blocks if isinstance(block, Table))
    assert len(table.rows) == 200
    assert table.more.startswith("3 more rows not printed here.")
    assert many.seals[0].root in table.more
    assert "evidence.json" in table.more
    assert "5 more notes not printed here" in under(composed, "Notes: general")


def test_a_run_that_is_not_sealed_has_no_certificate() -> None:
    sealed = sealed_run(whole(training()), manifests=dict(bare().run.manifests))
    open_run = Dossier.of(
        type(sealed)(sealed.run_id, sealed.events, b"", sealed.public_key, sealed.manifests), banner="not sealed"
    )
    composed = compose_report(open_run)
    assert composed.banner == "not sealed"
    assert [block.tone for block in section(composed, "Seal").blocks if isinstance(block, Callout)] == ["alarm"]


def test_a_run_of_nothing_but_a_beginning_and_an_end_can_be_told() -> None:
    assert "The record names no dataset." in under(compose_report(dossier()), "Data provenance")


def test_a_configuration_whose_keys_look_like_tags_is_printed_as_it_is() -> None:
    data = encode({"format": "cognify.config/v1", "redaction": "v1", "config": {"model": {"$$int": "abc"}}})
    seen = Dossier.of(
        sealed_run(whole([config(hash=Digest.of(data))]), manifests={**KNOWN, str(Digest.of(data)): data})
    )
    assert ["$int", "abc"] in rows(section(compose_report(seen), "Configuration").blocks)


def test_facts_of_an_evaluation_that_cannot_be_read_are_a_gap() -> None:
    odd = dossier(evaluation(facts={"form": "cognify.evaluation/v1", "metrics": "none"}))
    assert pairs(section(compose_report(odd), "Evaluation final").blocks)["Facts"].status is RowStatus.GAP
