"""What `cognify_auto.pth` starts in every Python whose environment says COGNIFY_AUTO=1, as `cognify run` does.

It imports no framework: it waits until one is imported, and then adds to it what records.
"""

from __future__ import annotations

import os
import sys

from cognify_integrations.auto_imports import AfterImport
from cognify_integrations.observed import OBSERVED
from cognify_integrations.observed_readers import READERS

ADDITIONS = {
    "cognify_core.api.session": "cognify_integrations.auto_companion",
    "transformers.trainer": "cognify_integrations.auto_huggingface",
    "lightning.pytorch.trainer.trainer": "cognify_integrations.auto_lightning",
    "pytorch_lightning.trainer.trainer": "cognify_integrations.auto_lightning",
    "mlflow.tracking._tracking_service.registry": "cognify_integrations.auto_mlflow",
    "mlflow.tracking._model_registry.registry": "cognify_integrations.auto_mlflow",
    "datasets.fingerprint": "cognify_integrations.origins",
    "datasets.arrow_dataset": "cognify_integrations.origins",
    "datasets.builder": "cognify_integrations.origins",
    **dict.fromkeys(READERS, "cognify_integrations.observed_readers"),
}
"""After which module is imported, which of ours is called (its `add`) with it."""


def start() -> None:
    """Begin to wait for the frameworks; nothing where it was begun before, or `COGNIFY_MODE` is `off`."""
    waiting = any(isinstance(finder, AfterImport) for finder in sys.meta_path)
    if not waiting and os.environ.get("COGNIFY_MODE") != "off":
        sys.meta_path.insert(0, AfterImport(ADDITIONS))
        OBSERVED.start()
