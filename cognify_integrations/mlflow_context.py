"""The tag by which an MLflow run names the record that goes on beside it, whatever store MLflow writes to."""

from __future__ import annotations

import sys

from mlflow.tracking.context.abstract_context import RunContextProvider

RUN_TAG = "cognify.run_id"
"""The tag of an MLflow run that tells the id of its record."""


class RecordContext(RunContextProvider):  # type: ignore[misc] # mlflow is untyped
    """Names the run of `CognifyCallback` or `with cognify.run()` that goes on in this process.

    An audited store writes the tag of each of its runs itself, and this one's value with it.
    """

    def in_context(self) -> bool:
        """Whether a run goes on."""
        return _current() is not None

    def tags(self) -> dict[str, str]:
        """The tag."""
        return {} if (run_id := _current()) is None else {RUN_TAG: run_id}


def _current() -> str | None:
    """The run that goes on; nothing is loaded to find out."""
    if "cognify_core.api.session" not in sys.modules:
        return None
    from cognify_core import api

    live = api.this_session().current
    return None if live is None else live.id
