"""Two runs as they were sealed: each with an addendum, in a ledger, with a receipt; made of values, always alike."""

from __future__ import annotations

from dataclasses import dataclass, replace

from cognify_core.export.inputs import SealedRun, made_from
from cognify_core.export.package_json import RENDERER
from cognify_core.seal.bundle import Bundle
from cognify_core.seal.sealing import seal_package, seal_statement
from cognify_core.seal.statement import ReceiptPredicate
from cognify_core.verify.ledger_check import Logs
from tests.factories import OTHER_RUN_ID, RUN_ID, SIGNER, addendum, note, opened, sealed_run, whole
from tests.factories import default_bodies as bodies
from tests.ledger.logs import OtherLog
from tests.ledger.test_notes import signer
from tests.tamper.packaging import package

LOG = OtherLog(signer(), before=5, after=2)
LOGS = Logs((LOG.log.key,))
OTHER_NONCE = "f0e0d0c0b0a090807060504030201000"


@dataclass(frozen=True)
class Original:
    """A package that holds, with its receipt."""

    run: SealedRun
    addenda: tuple[SealedRun, ...]
    logged: bool = True

    @property
    def package(self) -> bytes:
        """Its bytes."""
        return package(self.run, self.addenda)

    @property
    def predicate(self) -> ReceiptPredicate:
        """What its receipt says."""
        said = made_from(self.run, self.addenda, "json", None, RENDERER)
        return said.model_copy(update={"log": str(LOG.log.key)}) if self.logged else said

    @property
    def receipt(self) -> bytes:
        """The receipt of its bytes."""
        return self.receipt_for(self.package)

    def receipt_for(self, data: bytes) -> bytes:
        """A receipt that the signer gives for other bytes, as if they were these."""
        signed = seal_package(data, "package.json", self.predicate, SIGNER)
        return LOG.prove(Bundle.parse(signed)).encode() if self.logged else signed


def _in_log(run: SealedRun) -> SealedRun:
    statement = seal_statement(run.record, run.statement.predicate.sealed_at, str(LOG.log.key))
    return replace(run, bundle=LOG.prove(Bundle.signed(statement.encode(), SIGNER)).encode())


def _made(run: SealedRun, text: str, logged: bool) -> Original:
    run = _in_log(run) if logged else run
    last = addendum(run, (), [note(text=text)], nonce=run.record.opened.nonce)
    return Original(run, (_in_log(last) if logged else last,), logged)


def _other() -> SealedRun:
    inner = [*bodies(), note(text="of another run")]
    return sealed_run(whole(inner, opening=opened(nonce=OTHER_NONCE, name="other")), run_id=OTHER_RUN_ID)


TRUE = _made(sealed_run(run_id=RUN_ID), "fails on negation", logged=True)
OTHER = _made(_other(), "fails on everything", logged=True)
PLAIN = _made(sealed_run(run_id=RUN_ID), "fails on negation", logged=False)
"""In no ledger, so that what a statement says is refused for itself, and not because its leaf is another."""
