"""`/healthz`: whether the server can write, asked by anybody, and telling nobody more than that."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from tests.server.serving import Served, serving


def test_a_server_that_can_write_says_so_without_a_key(served: Served) -> None:
    assert served.ask("GET", "/healthz").json() == {"status": "ok"}


def test_a_server_whose_store_a_newer_cognify_has_changed_is_not_well_and_says_no_more(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        assert served.ask("GET", "/healthz").status_code == 200
        with closing(sqlite3.connect(served.settings.store_path, isolation_level=None)) as database:
            database.execute("UPDATE alembic_version SET version_num = '9999'")
        time.sleep(1.1)  # an answer holds for a second
        ill = served.ask("GET", "/healthz")
    assert ill.status_code == 503
    assert str(tmp_path) not in ill.text
    assert "9999" not in ill.text
