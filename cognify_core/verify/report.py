"""What a verification found: four sections, kept apart, and one exit code.

*intact*: bytes, record, lineage and signature agree. *signer*: the key that signed is one that somebody here pinned.
*ledger* and *anchor*: what the seal's place and age rest on. Where asked for: *artifacts*, whether datasets and
checkpoints still lie where they lay, and *against*, whether another system still says what was recorded of it. Fails
closed: a section holds only where every check that it needs was made and held.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from cognify_core.canonical import Json
from cognify_core.errors import CannotVerifyError, VerificationError
from cognify_core.export.inputs import SealedRun
from cognify_core.model.shown import html_table, plain

Section: TypeAlias = Literal["intact", "signer", "ledger", "anchor", "artifacts", "against"]
Verdict: TypeAlias = Literal["ok", "contradiction", "unchecked"]

SECTIONS: tuple[Section, ...] = ("intact", "signer", "ledger", "anchor")
"""What every report tells apart."""
ASKED_FOR: tuple[Section, ...] = ("artifacts", "against")
"""What a report tells apart where somebody asked for it."""
DECISIVE: tuple[Section, ...] = ("intact", "signer", *ASKED_FOR)
Check: TypeAlias = tuple[Section, str]
"""A section and the code of a finding in it."""
RUN_CHECKS: frozenset[Check] = frozenset(
    {("intact", "record"), ("intact", "seal"), ("intact", "signature"), ("intact", "manifests"), ("signer", "signer")}
)
"""The checks of every sealed run, wherever it lies."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that holds, does not hold, or could not be checked. `code` is stable; `message` is for people."""

    code: str
    section: Section
    verdict: Verdict
    message: str

    def to_json(self) -> dict[str, Json]:
        """The finding as `--json` prints it."""
        return {"code": self.code, "section": self.section, "verdict": self.verdict, "message": self.message}


def holds(code: str, message: str, section: Section = "intact") -> Finding:
    """A check that was made and held."""
    return Finding(code, section, "ok", message)


def exit_code_of(findings: Iterable[Finding]) -> int:
    """0 all of it holds, 1 something does not, 2 something could not be checked."""
    verdicts = {finding.verdict for finding in findings}
    return 1 if "contradiction" in verdicts else 2 if "unchecked" in verdicts else 0


def contradicts(code: str, message: str, section: Section = "intact") -> Finding:
    """Something that contradicts what was signed, or itself."""
    return Finding(code, section, "contradiction", message)


def unchecked(code: str, message: str, section: Section = "intact") -> Finding:
    """A check that could not be made."""
    return Finding(code, section, "unchecked", message)


@dataclass(frozen=True, slots=True)
class Report:
    """Everything found about one package or one run."""

    subject: str
    """What was looked at: `package sha256:…`, or a run id."""
    findings: tuple[Finding, ...]
    required: frozenset[Check] = RUN_CHECKS
    """The checks that must have held."""
    run_id: str | None = None
    """As the subject says; none where that could not be read."""
    runs: tuple[SealedRun, ...] = field(default=(), repr=False)
    """The run and its addenda as they were read, to look at more of them; not believed unless the report holds."""
    decisive: tuple[Section, ...] = DECISIVE
    """The sections that decide on the exit code."""
    demanded: frozenset[Check] = frozenset()
    """Checks that somebody asked for besides: each must have been made, and have held wherever it was made."""

    def verdict(self, section: Section) -> Verdict:
        """One section's verdict; the worst of its findings, and never `ok` for want of a check."""
        found = [finding for finding in self.findings if finding.section == section]
        if any(finding.verdict == "contradiction" for finding in found):
            return "contradiction"
        held = {finding.code for finding in found if finding.verdict == "ok"}
        missing = {code for of, code in self.required if of == section} - held
        return "ok" if found and not missing and all(finding.verdict == "ok" for finding in found) else "unchecked"

    @property
    def exit_code(self) -> int:
        """0 holds, 1 does not hold, 2 could not be checked."""
        if self.contradictions:
            return 1
        held = all(self.verdict(section) == "ok" for section in self.sections if section in self.decisive)
        return 0 if held and all(map(self._gives, self.demanded)) else 2

    def _gives(self, check: Check) -> bool:
        found = [finding.verdict for finding in self.findings if (finding.section, finding.code) == check]
        return set(found) == {"ok"}

    @property
    def deciding(self) -> tuple[Section, ...]:
        """The sections that decide on the exit code, or in which something was asked for that does."""
        return (*self.decisive, *sorted({section for section, _ in self.demanded}))

    @property
    def sections(self) -> tuple[Section, ...]:
        """The sections that this report has."""
        found = {finding.section for finding in self.findings}
        return (*SECTIONS, *(section for section in ASKED_FOR if section in found))

    @property
    def contradictions(self) -> tuple[Finding, ...]:
        """What does not hold."""
        return tuple(finding for finding in self.findings if finding.verdict == "contradiction")

    @property
    def codes(self) -> frozenset[str]:
        """The codes of what does not hold or could not be checked."""
        return frozenset(finding.code for finding in self.findings if finding.verdict != "ok")

    def raise_for_status(self) -> None:
        """Return where the subject holds.

        Raises:
            VerificationError: it does not; the error carries this report.
            CannotVerifyError: it could not be checked; the error carries this report.
        """
        if self.exit_code == 1:
            raise VerificationError(_sentence(self.subject, "does not hold", self.contradictions), self)
        if self.exit_code == 2:
            open_ = [
                finding
                for finding in self.findings
                if finding.verdict == "unchecked" and finding.section in self.deciding
            ]
            raise CannotVerifyError(_sentence(self.subject, "could not be checked", open_), self)

    def to_json(self) -> dict[str, Json]:
        """The report as `--json` prints it."""
        return {
            "subject": self.subject,
            "run_id": self.run_id,
            "exit_code": self.exit_code,
            "sections": {section: self.verdict(section) for section in self.sections},
            "findings": [finding.to_json() for finding in self.findings],
        }

    def _repr_html_(self) -> str:
        """The report in a notebook: what does not hold first, then the four sections."""
        words = {"ok": "holds", "contradiction": "DOES NOT HOLD", "unchecked": "not checked"}
        verdict = ("holds", "DOES NOT HOLD", "could not be checked")[self.exit_code]
        named = [("✗", finding.message) for finding in self.contradictions]
        sections = [(section, words[self.verdict(section)]) for section in self.sections]
        return html_table(f"{self.subject}: {verdict}", [*named, *sections])

    def __str__(self) -> str:
        told = ", ".join(f"{section}: {self.verdict(section)}" for section in self.sections)
        return plain(f"{self.subject}: {told}")

    def demanding_head(self, demanded: bool) -> Report:
        """This report, in which ledger and anchor decide too, where a head from outside was given."""
        if not demanded:
            return self
        return replace(
            self,
            required=self.required | {("ledger", "ledger")},
            decisive=(*self.decisive, "ledger"),
            demanded=self.demanded | {("anchor", "head")},
        )

    def demanding_timestamp(self, demanded: bool) -> Report:
        """This report, in which it decides too, where that was asked for, whether timestamps date it.

        Either every seal carries one that holds, or one beside the package covers them all.
        """
        late = any((finding.code, finding.verdict) == ("late_timestamp", "ok") for finding in self.findings)
        if late or not demanded:
            return self
        missing = any(finding.code == "no_timestamp" for finding in self.findings)
        return replace(self, demanded=self.demanded | {("anchor", "no_timestamp" if missing else "timestamp")})

    def with_findings(self, findings: Iterable[Finding]) -> Report:
        """This report, and more that was found."""
        return replace(self, findings=(*self.findings, *findings))


def _sentence(subject: str, verdict: str, findings: Iterable[Finding]) -> str:
    """What an error says, in one printable line: messages name things as hostile records call them."""
    return plain(f"{subject} {verdict}: {'; '.join(finding.message for finding in findings)}")
