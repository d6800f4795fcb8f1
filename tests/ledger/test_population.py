from __future__ import annotations

import pytest

pytest.importorskip("openpyxl")

from cognify_core import api
from cognify_core.api.access_log import WorkspaceAccesses
from cognify_core.errors import LedgerError
from tests.export.sheets.workbooks import ipe_facts
from tests.ledger.homes import Lived

DECADES = ("2020-01-01", "2099-12-31")


def said_of_the_ledger() -> object:
    return ipe_facts(api.export_population(*DECADES).path.read_bytes())["Ledger"]


def test_a_list_of_runs_agrees_with_the_ledger_and_leaves_addenda_out(lived: Lived) -> None:
    assert said_of_the_ledger() == "agrees: it lists the same 4 runs as opened in the period"


def test_a_list_of_runs_is_an_entry_of_the_access_log(lived: Lived) -> None:
    package = api.export_population(*DECADES)
    last = WorkspaceAccesses(api.this_session().workspace).page(limit=1)[0]
    assert (last.run_id, last.access.action) == (None, "population")
    assert last.access.subject == str(package.package_hash)


def test_a_list_of_runs_names_one_that_was_deleted(lived: Lived) -> None:
    lived.edit(*(f"DELETE FROM {table} WHERE run_id = '{lived.open}'" for table in ("events", "runs")))
    assert said_of_the_ledger() == f"DOES NOT AGREE: it lists {lived.open}, which the store does not have"


def test_no_list_is_made_beside_a_ledger_that_is_damaged(lived: Lived) -> None:
    lived.edit(f"DELETE FROM leaves WHERE kind = 'opened' AND subject = '{lived.closed}'")
    with pytest.raises(LedgerError, match="its ledger has no leaf"):
        api.export_population(*DECADES)
