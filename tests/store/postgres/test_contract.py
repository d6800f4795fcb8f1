"""PostgreSQL keeps every promise of a store."""

from __future__ import annotations

from cognify_core.store.protocol import Store
from cognify_core.store.sql import SqlStore
from tests.store.contract import StoreContract
from tests.store.contract_beside import BesideContract
from tests.store.contract_finding import FindingContract
from tests.store.contract_ledger import LedgerContract
from tests.store.contract_tenancy import TenancyContract
from tests.store.contract_visitors import VisitorsContract


class TestPostgresStore(
    StoreContract, BesideContract, FindingContract, LedgerContract, TenancyContract, VisitorsContract
):
    """A real server, on loopback."""


def test_the_sql_store_is_a_store(store: SqlStore) -> None:
    as_protocol: Store = store
    assert as_protocol.runs() == []
