"""What `cognify verify` prints: contradictions first, then four things apart, then the verdict."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from cognify_core.cli.console import say

if TYPE_CHECKING:
    from cognify_core.verify.report import Finding, Report, Section, Verdict

_WORDS: dict[Verdict, str] = {"ok": "holds", "contradiction": "DOES NOT HOLD", "unchecked": "not checked"}
_STYLES: dict[Verdict, str] = {"ok": "green", "contradiction": "bold red", "unchecked": "yellow"}
_MARKS: dict[Verdict, str] = {"ok": "✓", "contradiction": "✗", "unchecked": "?"}
_VERDICTS = {
    0: ("holds: intact, and sealed by a key that is trusted here", "green"),
    1: ("DOES NOT HOLD: what is there contradicts what was signed", "bold red"),
    2: ("could not be checked; nothing was found that contradicts the seal", "yellow"),
}


def show_report(report: Report, target: str) -> None:
    """Print a report for people: what contradicts what was signed, the four sections, the verdict, and what to do."""
    say(report.subject, style="bold")
    if report.run_id and report.run_id not in report.subject:
        say(report.run_id)
    for finding in report.contradictions:
        say(f"✗ {finding.message}", style=_STYLES["contradiction"])
    for section in report.sections:
        _show_section(report, section)
    words, style = _VERDICTS[report.exit_code]
    say(f"{words} (exit code {report.exit_code})", style=style)
    if report.exit_code == 2 and (mend := _what_allows_the_check(report, target)):
        say(f"→ {mend}")


def _show_section(report: Report, section: Section) -> None:
    verdict = report.verdict(section)
    say(f"{section:10}{_WORDS[verdict]}", style=_STYLES[verdict])
    for finding in _of(report, section):
        if finding.verdict != "contradiction":
            say(f"  {_MARKS[finding.verdict]} {finding.message}")


def _of(report: Report, section: Section) -> list[Finding]:
    return [finding for finding in report.findings if finding.section == section]


def _what_allows_the_check(report: Report, target: str) -> str | None:
    """The one command that would allow what could not be checked."""
    if report.verdict("signer") == "unchecked" and report.verdict("intact") == "ok":
        return (
            "ask the signer for the public key by another way than the package, compare its id, then: "
            f"cognify keys trust KEY.pub && cognify verify {shlex.quote(target)}"
        )
    if "package_size" in report.codes:
        return f"COGNIFY_MAX_PACKAGE_BYTES=… cognify verify {shlex.quote(target)}"
    return None
