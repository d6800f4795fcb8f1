"""A server that was restored from an old backup, met by a training that goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from cognify_core import api
from cognify_core.api.backups import make_backup
from cognify_core.api.remote import RemoteWorkspace
from cognify_core.api.restoring import restore_backup
from cognify_core.errors import ServerRefusedError
from cognify_core.record.run import Run
from cognify_core.record.shipping import Shipper
from tests.server.serving import serving
from tests.server.test_remote import settings_of
from tests.servers.starting import free_ports


def recorder(run_id: str) -> Run:
    live = api.this_session().current
    assert live is not None
    assert live.id == run_id
    return live.run


def test_it_is_told_that_the_server_has_another_record_and_keeps_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (port,) = free_ports(1)
    with serving(tmp_path / "server", port=port) as served:
        for name, value in settings_of(served.new_workspace(), tmp_path / "client").items():
            monkeypatch.setenv(name, value)
        api.init()
        workspace = api.this_session().workspace
        assert isinstance(workspace, RemoteWorkspace)
        with api.run("remote", seal="manual") as run:
            run.config({"learning_rate": 0.1})
            recorder(run.id).flush()
            early = workspace.shipper.bring(run.id)
            make_backup(served.settings, tmp_path / "backup", keys="clear")
            run.config({"learning_rate": 0.2})
            recorder(run.id).flush()
            assert workspace.shipper.bring(run.id).size > early.size
            workspace.shipper.stop()
            run.config({"learning_rate": 0.3})
    restore_backup(tmp_path / "backup", tmp_path / "restored")
    with serving(tmp_path / "restored", port=port):
        again = Shipper(workspace.store, workspace.server, workspace.parcels)
        with pytest.raises(ServerRefusedError, match=r"another record of run_.* than this machine"):
            again.bring(run.id)
    assert workspace.store.run(run.id).size > early.size + 1
    api.this_session().workspace.close()
