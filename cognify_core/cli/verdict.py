"""What `cognify verify` prints: contradictions first, then four things apart, then the verdict."""

from __future__ import annotations

import re
import shlex
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from cognify_core.cli.console import say, tell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cognify_core.verify.access_fsck import AccessReport
    from cognify_core.verify.ledger_fsck import LedgerReport
    from cognify_core.verify.report import Finding, Report, Section, Verdict

_WORDS: dict[Verdict, str] = {"ok": "holds", "contradiction": "DOES NOT HOLD", "unchecked": "not checked"}
_STYLES: dict[Verdict, str] = {"ok": "green", "contradiction": "bold red", "unchecked": "yellow"}
_MARKS: dict[Verdict, str] = {"ok": "✓", "contradiction": "✗", "unchecked": "?"}
_VERDICTS = {
    0: ("holds: intact, and sealed by a key that is trusted here", "green"),
    1: ("DOES NOT HOLD: what is there contradicts what was signed", "bold red"),
    2: ("could not be checked", "yellow"),
}
_OPEN: dict[Section, str] = {
    "signer": "the signer is not known here",
    "artifacts": "not all artifacts were found",
    "against": "not everything could be compared",
    "ledger": "its place in the ledger is not proved by a log that is known here",
    "anchor": "what was asked for does not show how old it is",
}
_ADDENDUM = re.compile(r"addendum \d+: ")
_MOST = 3
"""More lines than these of an addendum that holds are told as one: their number says it all."""


def show_report(report: Report, target: str) -> None:
    """Print a report for people: what contradicts what was signed, the four sections, the verdict, and what to do."""
    say(report.subject, style="bold")
    if report.run_id and report.run_id not in report.subject:
        say(report.run_id)
    for finding in report.contradictions:
        tell(f"✗ {finding.message}", style=_STYLES["contradiction"])
    for section in report.sections:
        _show_section(report, section)
    style = _VERDICTS[report.exit_code][1]
    tell(f"{_in_words(report)} (exit code {report.exit_code})", style=style)
    if report.exit_code == 2 and (mend := _what_allows_the_check(report, target)):
        say(f"→ {mend}")


def show_fsck(report: LedgerReport | AccessReport, counted: str) -> None:
    """Print what a log was found to be: each finding, how much there is, the verdict."""
    for finding in report.findings:
        tell(f"{_MARKS[finding.verdict]} {finding.message}", style=_STYLES[finding.verdict])
    verdict = ("holds", "DOES NOT HOLD", "could not be checked to the end")[report.exit_code]
    say(f"{counted}, root {report.root}")
    say(f"{verdict} (exit code {report.exit_code})", style=_VERDICTS[report.exit_code][1])


def _show_section(report: Report, section: Section) -> None:
    verdict = report.verdict(section)
    say(f"{section:10}{_WORDS[verdict]}", style=_STYLES[verdict])
    for line in _lines(report, section):
        tell(f"  {line}", hang=4)


def _lines(report: Report, section: Section) -> Iterator[str]:
    """A line for each finding that contradicts nothing; the many of an addendum that holds are one."""
    found = [each for each in report.findings if each.section == section and each.verdict != "contradiction"]
    for name, group in groupby(found, _addendum):
        findings = list(group)
        if name and len(findings) > _MOST and all(finding.verdict == "ok" for finding in findings):
            yield f"{_MARKS['ok']} {name}{len(findings)} checks of the same kinds hold"
        else:
            yield from (f"{_MARKS[finding.verdict]} {finding.message}" for finding in findings)


def _addendum(finding: Finding) -> str:
    """`addendum 1: ` for a finding of one; else nothing."""
    named = _ADDENDUM.match(finding.message)
    return named[0] if named else ""


def _in_words(report: Report) -> str:
    words, _ = _VERDICTS[report.exit_code]
    if report.exit_code == 0 and report.subject.startswith("document "):
        return "holds: the file is, byte for byte, what a key that is trusted here signed a receipt for"
    if "package_form" in report.codes:
        return "DOES NOT HOLD: this is no package, or a damaged one"
    if report.exit_code == 1 and {finding.section for finding in report.contradictions} == {"against"}:
        return "intact, but what it was compared with HAS DRIFTED since it was recorded"
    if report.exit_code == 2 and report.verdict("intact") == "ok":
        deciding = [section for section in report.sections if section in report.deciding]
        unsettled = [section for section in deciding if report.verdict(section) == "unchecked"]
        open_ = next(words for section, words in _OPEN.items() if section in unsettled)
        return f"intact, but {open_}: could not be checked to the end"
    return words


def _what_allows_the_check(report: Report, target: str) -> str | None:
    """The one command that would allow what could not be checked."""
    if report.verdict("signer") == "unchecked" and report.verdict("intact") == "ok":
        return (
            "ask the signer for the public key by another way than the package, compare its id, then: "
            f"cognify keys trust KEY.pub && cognify verify {shlex.quote(target)}"
        )
    if "document_receipt" in report.codes:
        return (
            f"ask whoever gave you the file for its receipt, then: cognify verify {shlex.quote(target)} --receipt FILE"
        )
    if "package_size" in report.codes:
        return f"COGNIFY_MAX_PACKAGE_BYTES={Path(target).stat().st_size} cognify verify {shlex.quote(target)}"
    return None
