"""Real buckets, for whoever names one: `COGNIFY_TEST_S3_VAULT=s3://…`, `…_GS_…`, `…_AZ_…`, with credentials around.

Each leaves an object of 32 bytes, locked for a minute in GOVERNANCE mode.
"""

from __future__ import annotations

import os

import pytest

from cognify_core.api.vaulting import try_out
from cognify_core.vault.uri import VaultUri

VARIABLES = ("COGNIFY_TEST_S3_VAULT", "COGNIFY_TEST_GS_VAULT", "COGNIFY_TEST_AZ_VAULT")


@pytest.mark.slow
@pytest.mark.parametrize("variable", VARIABLES)
def test_a_real_vault_locks_reads_back_and_enforces(variable: str) -> None:
    uri = os.environ.get(variable)
    if not uri:
        pytest.skip(f"{variable} names no vault")
    found = {finding.name: finding.ok for finding in try_out(VaultUri.parse(uri), put=True)}
    assert {name: found[name] for name in ("put", "read back", "enforced")} == {
        "put": True,
        "read back": True,
        "enforced": True,
    }
