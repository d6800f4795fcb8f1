"""What is asked of the ledger. Each function imports what it needs when it is called, as in `functions`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cognify_core.api.functions import this_session

if TYPE_CHECKING:
    from cognify_core.api.ledgers import KeyRotation, WorkspaceLedger


def ledger() -> WorkspaceLedger:
    """The workspace's ledger: its head, what it lists, proofs, and whether it holds.

    Raises:
        SigningKeyError, StoreError: it cannot be opened.
    """
    from cognify_core.api.ledgers import WorkspaceLedger

    return WorkspaceLedger(this_session().workspace)


def rotate_key(*, reason: str, to: str | None = None) -> KeyRotation:
    """Have a new key sign from now on, introduced by a leaf of the ledger that the old one signs.

    The old public key stays pinned, so what it signed goes on verifying; its private half, if here, is destroyed.

    Args:
        reason: why; the ledger keeps it.
        to: who signs from now on, as a URI; else a new key in the key ring.

    Raises:
        ConfigurationError: no reason was given.
        SigningKeyError, StoreError: a key or the ledger cannot be written.
    """
    from cognify_core.api.ledgers import rotate

    return rotate(this_session().workspace, reason, to)
