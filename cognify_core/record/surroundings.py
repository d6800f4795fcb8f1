"""The environment and the code of a run, as inputs of every checkpoint."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from cognify_core.capture.code import collect_code
from cognify_core.capture.environment import collect_environment
from cognify_core.capture.outcome import Outcome
from cognify_core.model.events import CodeSeen, EnvironmentSeen
from cognify_core.record.hashing import Hashing
from cognify_core.record.run import Run
from cognify_core.store.protocol import Opening, Store

CODE_SECONDS = 0.5


def record_surroundings(run: Run, store: Store, hashing: Hashing, *, record_diff: bool) -> None:
    """Record environment and code; checkpoints from now on come from them.

    Both take a tenth of a second of Python that would else compete with the first steps of the training, so they
    happen here and now; but git may take its time in a large work tree, and is not waited for longer than
    `CODE_SECONDS`.
    """
    described = threading.Event()

    def committed(outcome: Outcome, openings: Sequence[Opening]) -> Outcome:
        store.put_openings(run.id, openings)
        return outcome

    def describe_code() -> Outcome:
        try:
            return committed(*collect_code(record_diff=record_diff))
        finally:
            described.set()

    run.add_inputs(
        run.artifact(EnvironmentSeen, "environment", lambda done: done(committed(*collect_environment()))),
        run.artifact(CodeSeen, "code", lambda done: hashing.call("code", describe_code, done)),
    )
    described.wait(CODE_SECONDS)
