"""Logs that lie in no store: a seal, and the proof of its place among leaves that say nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace

from cognify_core.export.inputs import SealedRun
from cognify_core.merkle import inclusion_proof, leaf_hash, root_hash
from cognify_core.seal.bundle import Bundle
from cognify_core.seal.ledger_body import leaf_of
from cognify_core.seal.ledger_proof import LedgerProof
from cognify_core.seal.notes import LogKey, LogSigner
from cognify_core.seal.sealing import seal_statement
from tests.factories import SEALED_AT, SIGNER, sealed_run


@dataclass(frozen=True)
class OtherLog:
    """A log with `before` leaves before the one that is proved, and `after` behind it."""

    log: LogSigner
    before: int = 0
    after: int = 0

    def hashes(self, leaf: bytes) -> list[bytes]:
        return [
            *(leaf_hash(b"before %d" % number) for number in range(self.before)),
            leaf_hash(leaf),
            *(leaf_hash(b"after %d" % number) for number in range(self.after)),
        ]

    def proof(self, bundle: Bundle) -> LedgerProof:
        body = leaf_of(bundle, SIGNER.public_key).body
        hashes = self.hashes(body)
        head = self.log.sign(len(hashes), root_hash(hashes))
        return LedgerProof(body, self.before, tuple(inclusion_proof(hashes, self.before)), head, self.log.key.log_id)

    def prove(self, bundle: Bundle) -> Bundle:
        return replace(bundle, log_entries=(self.proof(bundle).to_json(),))


def logged(
    log: LogSigner, *, before: int = 0, after: int = 0, sealed_at: str = SEALED_AT, named: LogKey | None = None
) -> SealedRun:
    """A sealed run in a log, which its seal names."""
    run = sealed_run(sealed_at=sealed_at)
    statement = seal_statement(run.record, sealed_at, str(named or log.key))
    bundle = OtherLog(log, before, after).prove(Bundle.signed(statement.encode(), SIGNER))
    return replace(run, bundle=bundle.encode())
