from __future__ import annotations

import json

import pytest

from cognify_core.errors import CannotVerifyError, VerificationError
from cognify_core.verify.report import RUN_CHECKS, Report, contradicts, holds, unchecked

ALL_HELD = tuple(holds(code, f"{code} holds", section) for section, code in sorted(RUN_CHECKS))


def test_a_report_holds_where_every_required_check_held() -> None:
    report = Report("run", ALL_HELD)
    assert report.exit_code == 0
    assert report.verdict("intact") == report.verdict("signer") == "ok"
    report.raise_for_status()


@pytest.mark.parametrize("left_out", range(len(ALL_HELD)))
def test_a_check_that_was_not_made_is_not_taken_for_one_that_held(left_out: int) -> None:
    report = Report("run", ALL_HELD[:left_out] + ALL_HELD[left_out + 1 :])
    assert report.exit_code == 2
    with pytest.raises(CannotVerifyError, match="run could not be checked"):
        report.raise_for_status()


def test_a_report_without_findings_holds_nothing() -> None:
    assert Report("run", ()).exit_code == 2
    assert Report("run", (), required=frozenset()).exit_code == 2


def test_one_contradiction_outweighs_everything() -> None:
    report = Report(
        "run", (*ALL_HELD, unchecked("signer", "unpinned", "signer"), contradicts("nodes", "node 3 differs"))
    )
    assert report.exit_code == 1
    assert report.verdict("intact") == "contradiction"
    with pytest.raises(VerificationError, match="run does not hold: node 3 differs") as caught:
        report.raise_for_status()
    assert caught.value.report is report


def test_what_a_ledger_or_an_anchor_lacks_does_not_decide() -> None:
    report = Report("run", (*ALL_HELD, unchecked("ledger", "in no ledger", "ledger")))
    assert report.exit_code == 0
    assert report.verdict("ledger") == report.verdict("anchor") == "unchecked"


def test_an_unpinned_signer_could_not_be_checked() -> None:
    report = Report("run", (*ALL_HELD, unchecked("signer", "addendum 1: unpinned", "signer")))
    with pytest.raises(CannotVerifyError, match="could not be checked: addendum 1: unpinned") as caught:
        report.raise_for_status()
    assert caught.value.report is report


def test_a_report_is_json_text_and_html() -> None:
    report = Report("run_x", (*ALL_HELD, contradicts("nodes", "<b>\x1b[2J</b>")), run_id="run_x")
    value = json.loads(json.dumps(report.to_json()))
    assert value["exit_code"] == 1
    assert value["sections"] == {
        "intact": "contradiction",
        "signer": "ok",
        "ledger": "unchecked",
        "anchor": "unchecked",
    }
    assert {"code", "section", "verdict", "message"} == value["findings"][0].keys()
    assert str(report) == "run_x: intact: contradiction, signer: ok, ledger: unchecked, anchor: unchecked"
    html = report._repr_html_()
    assert "<b>\x1b" not in html
    assert "&lt;b&gt;\\x1b[2J&lt;/b&gt;" in html


def test_an_error_is_one_printable_line_whatever_a_record_calls_things() -> None:
    report = Report("run", (*ALL_HELD, contradicts("nodes", "ckpt\x1b[2J\n\u202eholds")))
    with pytest.raises(VerificationError) as caught:
        report.raise_for_status()
    assert str(caught.value) == "run does not hold: ckpt\\x1b[2J\\n\\u202eholds"


def test_more_findings_make_another_report() -> None:
    report = Report("run", ALL_HELD)
    assert report.with_findings([contradicts("artifact_changed", "ckpt_step_20")]).exit_code == 1
    assert report.exit_code == 0
