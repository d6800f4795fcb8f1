"""How a ledger begins: with the key of its log, and with what the store held before there was one.

What was there is taken in once, before the log's key is made. A ledger that is empty although its key is there was
emptied: it begins anew with what comes, and `fsck` names what it misses.
"""

from __future__ import annotations

from collections.abc import Sequence

from cognify_core.errors import FormatError, RecordError
from cognify_core.seal.bundle import Bundle
from cognify_core.seal.keys import KeyRing
from cognify_core.seal.ledger import Ledger, opened_leaf, tombstone_leaf
from cognify_core.seal.ledger_body import leaf_of
from cognify_core.seal.signing import PublicKey, Signer
from cognify_core.store.protocol import Leaf, Store


def open_ledger(store: Store, ring: KeyRing) -> Ledger:
    """The ledger of a store, with the keys of a ring.

    Raises:
        SigningKeyError: a key is missing, unreadable or cannot be made.
        StoreError: the store cannot be written.
    """
    if not ring.has_log and not store.ledger_size():
        signer = ring.signer()
        _take_in(store, existing_leaves(store, signer, ring.trusted()))
    return Ledger(store, ring.log(), keys=tuple(ring.trusted()))


def _take_in(store: Store, leaves: Sequence[Leaf]) -> None:
    try:
        store.log(leaves)
    except RecordError:
        if not store.ledger_size():  # else another process was first
            raise


def existing_leaves(store: Store, signer: Signer, keys: Sequence[PublicKey]) -> list[Leaf]:
    """The leaves of all that a store held before it had a ledger, in the order of its runs.

    What does not read, or was signed with a key that is not known here, is left out, and `fsck` names it.

    Raises:
        SigningKeyError: the signer cannot sign.
    """
    by_id = {key.key_id: key for key in keys}
    leaves: list[Leaf] = []
    for row in sorted(store.runs(addenda=True), key=lambda row: (row.opened_at, row.run_id)):
        found: list[Leaf] = []
        try:
            found.append(opened_leaf(next(iter(store.events(row.run_id))), signer))
            bundles = [store.bundle(row.run_id) or b"", *(receipt.bundle for receipt in store.receipts(row.run_id))]
            found += [leaf_of(bundle, by_id[bundle.key_id]) for bundle in map(Bundle.parse, filter(None, bundles))]
        except (FormatError, KeyError):
            pass
        leaves += found
    return leaves + [tombstone_leaf(stone, signer) for stone in store.tombstones()]
