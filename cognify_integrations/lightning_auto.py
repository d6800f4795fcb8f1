"""What Lightning's entry points call for every `Trainer`: nothing is imported or added until one asks for it.

`COGNIFY_AUTO=1` in the environment adds a callback to every Trainer; beside a `CognifyCallback` of the user's own it
records nothing.
"""

from __future__ import annotations

import os
from typing import Any


def for_lightning() -> list[Any]:
    """The callbacks to add to a `lightning.pytorch.Trainer`."""
    if os.environ.get("COGNIFY_AUTO") != "1":
        return []
    from cognify_integrations.lightning import CognifyCallback

    return [CognifyCallback.yielding()]


def for_pytorch_lightning() -> list[Any]:
    """The callbacks to add to a `pytorch_lightning.Trainer`."""
    if os.environ.get("COGNIFY_AUTO") != "1":
        return []
    from cognify_integrations.pytorch_lightning import CognifyCallback

    return [CognifyCallback.yielding()]
