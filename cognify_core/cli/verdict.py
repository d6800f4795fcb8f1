"""What `cognify verify` prints: contradictions first, then four things apart, then the verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cognify_core.cli.console import say

if TYPE_CHECKING:
    from cognify_core.verify.report import Report


def show_report(report: Report, target: str) -> None:
    """Print a report for people."""
    say(f"{target}: {report}")
