"""`COGNIFY_MODE=off`: everything may be called, nothing happens."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any


class InertRun:
    """Takes what `ActiveRun` takes, and does nothing with it."""

    id = "off"

    def log(self, values: Mapping[str, float], *, step: int) -> None:
        """Do nothing."""

    def checkpoint(self, path: str | Path, *, step: int) -> None:
        """Do nothing."""

    def final_weights(self, path: str | Path, *, step: int) -> None:
        """Do nothing."""

    def config(self, value: Any, *, name: str = "run") -> None:
        """Do nothing."""

    def dataset(self, data: Any, *, name: str, role: str = "train", **declared: Any) -> None:
        """Do nothing."""
