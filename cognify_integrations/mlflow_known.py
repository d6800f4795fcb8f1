"""What is known of an MLflow run that is about to be written to: it is recorded here, or its record has ended."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_CONFLICT

from cognify_core.api.live import LiveRun
from cognify_core.errors import RecordError

_WHERE = "what was said to MLflow"


class Known:
    """An MLflow run that is recorded here.

    Its record may still be on its way into the store. What is said meanwhile waits, in order, and nobody waits with it.
    """

    def __init__(
        self, mlflow_id: str, live: LiveRun | None, *, own: bool, joined: bool = False, in_server: bool = False
    ) -> None:
        self.mlflow_id = mlflow_id
        self.own = own
        """Whether the record was begun for it, and ends with it."""
        self.joined = joined
        """Whether another process has begun the record."""
        self.in_server = in_server
        self.ended = False
        self._live = live
        self._lock = threading.Lock()
        self._waiting: list[Callable[[], object]] | None = [] if live is None else None
        self._there = threading.Lock()
        """Held until its record is there, or will never be."""
        if live is None:
            self._there.acquire()

    @property
    def live(self) -> LiveRun:
        """Its record, waited for.

        Raises:
            RecordError: it could not be begun.
        """
        if self._live is None:
            with self._there:
                pass
        if self._live is None:
            raise RecordError(f"MLflow run {self.mlflow_id} is not recorded")
        return self._live

    @property
    def takes_no_more(self) -> bool:
        """Whether the run, or its record, has ended."""
        return self.ended or (self._live is not None and self._live.run.closed)

    def tell(self, told: Callable[..., object], *args: Any) -> None:
        """Record something that was said of it: `told(self, *args)`, once its record is there."""
        with self._lock:
            if self._waiting is not None:
                self._waiting.append(partial(told, self, *args))
                return
        if self._live is not None:
            self._live.guarded(_WHERE, told, self, *args)

    def arrive(self, live: LiveRun | None) -> None:
        """Its record is there, or will never be; what has waited for it is recorded now."""
        self._live = live
        while waiting := self._taken():
            for say in waiting:
                if live is not None:
                    live.guarded(_WHERE, say)
        self._there.release()

    def _taken(self) -> list[Callable[[], object]]:
        with self._lock:
            taken, self._waiting = self._waiting or [], [] if self._waiting else None
        return taken


@dataclass(frozen=True)
class Ended:
    """An MLflow run whose record has ended."""

    mlflow_id: str
    run_id: str
    how: str

    def refusal(self) -> MlflowException:
        """What a write to it is answered with."""
        return MlflowException(
            f"MLflow run {self.mlflow_id} {self.how}: its record, {self.run_id}, takes no more. What is to be said of "
            f'it goes into an addendum: cognify note "…" --run {self.run_id}, or cognify.note, cognify.eval with '
            f'run_id="{self.run_id}".',
            error_code=RESOURCE_CONFLICT,  # 409: an INVALID_STATE goes out as 500, which clients try again for minutes
        )
