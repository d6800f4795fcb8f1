"""What Prometheus is told is what it takes, and asks for what the server counts."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from tests.deploy.files import DEPLOY
from tests.installed import needs
from tests.server.serving import Served


@needs("promtool")
def test_prometheus_takes_the_configuration_and_its_alerts(tmp_path: Path) -> None:
    for name in ("prometheus.yml", "alerts.yml"):
        shutil.copy(DEPLOY / name, tmp_path)
    command = ["promtool", "check", "config", "prometheus.yml"]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr
    assert "7 rules found" in told.stdout


def test_alerts_ask_for_what_the_server_counts(served: Served) -> None:
    served.ask("GET", "/healthz")
    counted = served.ask("GET", "/metrics").text
    asked = set(re.findall(r"cognify_[a-z_]+", (DEPLOY / "alerts.yml").read_text("utf-8")))
    assert asked
    assert [name for name in sorted(asked) if f"\n{name}{{" not in counted] == []
