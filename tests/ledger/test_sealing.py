"""A seal interrupted at each of its steps is finished with the envelope that it had, and with one leaf."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cognify_core.errors import StoreError, VerificationError
from cognify_core.seal.bundle import Bundle
from cognify_core.seal.keys import KeyRing
from cognify_core.seal.ledger import Ledger, opened_leaf
from cognify_core.seal.ledger_beginning import open_ledger
from cognify_core.seal.sealing import seal_run
from cognify_core.store.sql import SqlStore, open_store
from cognify_core.verify.ledger_fsck import check_whole_ledger
from tests import factories
from tests.factories import OTHER_SIGNER, SIGNER
from tests.store.values import OTHER, RUN, begin, draft, frozen, receipt

NOW = datetime(2026, 11, 28, tzinfo=UTC)


class Cut:
    """A store that fails at one call: before it is made, or after it was."""

    def __init__(self, store: SqlStore, call: str, *, after: bool) -> None:
        self._store, self._call, self._after = store, call, after

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        if name != self._call:
            return method
        return self._fail(method)

    def _fail(self, method: Callable[..., object]) -> Callable[..., object]:
        def failing(*args: object, **options: object) -> object:
            if self._after:
                method(*args, **options)
            raise StoreError("the power is gone")

        return failing


@pytest.fixture
def store(store_place: Path | str) -> Iterator[SqlStore]:
    opened = open_store(store_place)
    yield opened
    opened.close()


@pytest.fixture
def ledger(store: SqlStore, tmp_path: Path) -> Ledger:
    ring = KeyRing(tmp_path / "keys")
    ring.trust(SIGNER.public_key.pem, "signer")
    return Ledger(store, ring.log(), keys=tuple(ring.trusted()))


def closed_run(store: SqlStore) -> None:
    bodies = factories.drafts(factories.whole())
    store.create(RUN, bodies[0], leaf=opened_leaf(bodies[0].at(RUN, 0).encode(), SIGNER))
    store.append(RUN, bodies[1:])


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("call", ["freeze", "put_envelope", "put_bundle"])
def test_a_seal_that_was_cut_off_is_finished_with_one_leaf(
    store: SqlStore, ledger: Ledger, call: str, after: bool
) -> None:
    closed_run(store)
    with pytest.raises(StoreError, match="the power is gone"):
        seal_run(Cut(store, call, after=after), RUN, SIGNER, now=NOW, ledger=ledger)
    signed = store.envelope(RUN)
    bundle = Bundle.parse(seal_run(store, RUN, OTHER_SIGNER if signed else SIGNER, now=NOW, ledger=ledger))
    if signed is not None:
        assert (bundle.payload, bundle.signature) == (Bundle.parse(signed).payload, Bundle.parse(signed).signature)
    assert [leaf.kind for leaf in store.leaves()] == ["opened", "seal"]
    assert check_whole_ledger(store, (SIGNER.public_key,)).exit_code == 0


@pytest.mark.parametrize(
    "forged", [b"{}", factories.sealed_run().bundle, factories.sealed_run(signer=OTHER_SIGNER).bundle]
)
def test_an_envelope_that_somebody_put_there_is_not_logged(store: SqlStore, ledger: Ledger, forged: bytes) -> None:
    closed_run(store)
    with pytest.raises(StoreError, match="the power is gone"):
        seal_run(Cut(store, "freeze", after=True), RUN, SIGNER, now=NOW, ledger=ledger)
    store.put_envelope(RUN, forged)
    with pytest.raises(VerificationError, match="is not a seal of its record"):
        seal_run(store, RUN, SIGNER, now=NOW, ledger=ledger)
    assert (store.bundle(RUN), store.ledger_size()) == (None, 1)


def test_what_a_store_held_before_is_taken_in_once(store: SqlStore, tmp_path: Path) -> None:
    ring = KeyRing(tmp_path / "fresh")
    bodies = factories.drafts(factories.whole())
    store.create(RUN, bodies[0])
    store.append(RUN, bodies[1:])
    bundle = seal_run(store, RUN, ring.signer(), now=NOW)
    begin(store, OTHER)
    open_ledger(store, ring)
    assert [(leaf.kind, leaf.subject) for leaf in store.leaves()] == [("opened", RUN), ("seal", RUN), ("opened", OTHER)]
    assert store.bundle(RUN) == bundle
    open_ledger(store, ring)
    assert store.ledger_size() == 3
    assert check_whole_ledger(store, tuple(ring.trusted())).exit_code == 0


def test_what_does_not_read_is_left_out_and_named(store: SqlStore, tmp_path: Path) -> None:
    ring = KeyRing(tmp_path / "fresh")
    frozen(store)
    store.put_bundle(RUN, b"no bundle")
    store.put_receipt(receipt())
    store.create(OTHER, draft(factories.opened()))
    open_ledger(store, ring)
    assert [leaf.subject for leaf in store.leaves()] == [RUN, OTHER]
    assert check_whole_ledger(store, tuple(ring.trusted())).exit_code == 1
