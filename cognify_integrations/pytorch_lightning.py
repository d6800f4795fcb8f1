"""PyTorch Lightning, namespace `pytorch_lightning`: `Trainer(callbacks=[CognifyCallback()])`."""

from __future__ import annotations

from pytorch_lightning import Callback

from cognify_integrations.lightning_hooks import RecordingHooks


class CognifyCallback(RecordingHooks, Callback):  # type: ignore[misc] # pytorch_lightning is not followed
    """Record what a `pytorch_lightning.Trainer` reads and writes, then seal and export when `fit` ends.

    Args:
        seal: `train_end`; `exit` to wait for the end of the process, so that a later `validate()` or `test()` is part
            of the run itself; `manual` to leave the seal to a person.
        project: The AI system that the run serves; else as `cognify.init` or `COGNIFY_PROJECT` says.
        run_name: A name for people.
        tags: Short facts for people.
    """
