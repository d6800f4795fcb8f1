"""What every store promises of those who share it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cognify_core.errors import RecordError
from cognify_core.model.digest import Digest
from cognify_core.store.protocol import Store
from cognify_core.store.tenancy import Arrival, Token, WorkspaceRow
from tests import factories
from tests.store.contract_mentions import MentionsOfWorkspacesContract

TEAM = WorkspaceRow("team", "The team", factories.TIME)
TOKEN = Token("0f0f", "team", "viewer", "a dashboard", "0" * 64, "a test", factories.TIME)


class TenancyContract(MentionsOfWorkspacesContract):
    """Workspaces, tokens, secrets, and who has which manifest."""

    def test_the_first_of_a_name_stays(self, store: Store) -> None:
        assert store.put_workspace(TEAM) == TEAM
        assert store.put_workspace(replace(TEAM, label="another")) == TEAM
        assert TEAM in store.workspaces()

    def test_a_token_is_found_by_its_id_and_listed_with_its_workspace(self, store: Store) -> None:
        of_all = replace(TOKEN, token_id="1e1e", workspace=None, expires_at=factories.CLOSED_AT)
        store.put_token(TOKEN)
        store.put_token(of_all)
        assert (store.token("0f0f"), store.token("1e1e"), store.token("2d2d")) == (TOKEN, of_all, None)
        assert (store.tokens(workspace="team"), store.tokens()) == ([TOKEN], [TOKEN, of_all])
        with pytest.raises(RecordError, match="a token 0f0f already"):
            store.put_token(replace(TOKEN, role="admin"))

    def test_a_token_is_revoked_once(self, store: Store) -> None:
        store.put_token(TOKEN)
        times = [store.revoke_token("0f0f", at) for at in (factories.TIME, factories.CLOSED_AT)]
        assert (times, store.token("0f0f")) == ([True, False], replace(TOKEN, revoked_at=factories.TIME))
        assert not store.revoke_token("2d2d", factories.TIME)

    def test_the_first_secret_of_a_run_stays(self, store: Store) -> None:
        run_id = "run_20250912_143022_a7f3c"
        assert store.secret(run_id) is None
        assert [store.put_secret(run_id, digest) for digest in ("a", "a", "b")] == [True, True, False]
        assert store.secret(run_id) == "a"

    def test_arrivals_are_kept_as_the_record_grows(self, store: Store) -> None:
        run_id = "run_20250912_143022_a7f3c"
        for size, at in ((1, factories.OPENED_AT), (3, factories.TIME), (3, factories.CLOSED_AT), (2, factories.TIME)):
            store.put_arrival(run_id, Arrival(size, at))
        assert store.arrivals(run_id) == [Arrival(1, factories.OPENED_AT), Arrival(3, factories.TIME)]
        assert store.arrivals("run_20250913_080000_0b1c2") == []

    def test_a_manifest_is_of_those_workspaces_that_have_put_it(self, store: Store) -> None:
        one, other = store.put_manifest(b"1", workspace="team"), store.put_manifest(b"2")
        store.put_manifest(b"1", workspace="team")
        store.put_manifest(b"2", workspace="team")
        asked = [one, other, Digest.of(b"3")]
        assert store.given(asked, workspace="team") == {one, other}
        assert store.given(asked, workspace="default") == {other}
        assert store.given([], workspace="team") == set()
