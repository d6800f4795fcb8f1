"""A home with runs in every state, and ways to ask and to attack it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cognify_core import api
from cognify_core.api.ledgers import WorkspaceLedger
from cognify_core.verify.access_fsck import AccessReport
from cognify_core.verify.ledger_fsck import LedgerReport
from tests.tamper.attacking import Home, leave, use


@dataclass(frozen=True)
class Lived:
    """A home in which a run was sealed and amended, one was discarded, one closed, and one left open."""

    home: Home
    sealed: str
    addendum: str
    discarded: str
    closed: str
    open: str

    @property
    def ledger(self) -> WorkspaceLedger:
        return api.ledger()

    def copied_to(self, path: Path) -> Lived:
        return Lived(self.home.copied_to(path), self.sealed, self.addendum, self.discarded, self.closed, self.open)

    def fsck(self, head: Path | None = None) -> LedgerReport:
        return self.ledger.check(head)

    def head_file(self, name: str = "head") -> Path:
        """The ledger's head as it is now, in a file that lies elsewhere."""
        path = self.home.path.parent / name
        path.write_bytes(self.ledger.head().note)
        return path

    def edit(self, *statements: Any) -> None:
        self.home.edit(*statements)


def live(path: Path, store: str | None = None) -> Lived:
    """Record for real, into the store of that URL where one is given."""
    use(path / "home", store)
    with api.run("sealed") as sealed:
        sealed.config({"learning_rate": 0.1})
    early = api.export_audit(sealed.id).path
    api.eval({"f1": 0.5}, name="holdout", run_id=sealed.id)
    late = api.export_audit(sealed.id).path
    with api.run("discarded", seal="manual") as discarded:
        pass
    api.discard(discarded.id, reason="a typo")
    with api.run("closed", seal="manual") as closed:
        pass
    workspace = api.this_session().workspace
    still_open = workspace.open(name="open", project=None, tags={}, seal_when="manual", nonce=b"\7" * 16)
    still_open.run.leave()
    (addendum,) = workspace.store.addenda(sealed.id)
    leave()
    home = Home(path / "home", sealed.id, addendum.run_id, closed.id, early, late)
    return Lived(home, sealed.id, addendum.run_id, discarded.id, closed.id, still_open.id)


def codes(report: LedgerReport | AccessReport) -> set[str]:
    return {finding.code for finding in report.findings if finding.verdict == "contradiction"}


def names(report: LedgerReport | AccessReport, code: str, naming: str) -> bool:
    """Whether a contradiction of that code names the thing."""
    told = [finding.message for finding in report.findings if finding.code == code]
    return any(naming in message for message in told)
