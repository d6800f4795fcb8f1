"""Opening MLflow's stores to look at them: none is made where none is, and none that is down is waited for.

MLflow itself creates the database that a mistyped URI names, and asks one that does not answer again for minutes.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from mlflow.exceptions import MlflowException
from mlflow.store.db.db_types import DATABASE_ENGINES
from mlflow.utils.file_utils import local_file_uri_to_path
from mlflow.utils.uri import extract_db_type_from_uri, is_local_uri

from cognify_core.capture.redaction import strip_credentials
from cognify_core.errors import CannotVerifyError
from cognify_integrations.mlflow import plain_uri

_SECONDS = 10
_ELSEWHERE = "mlflow-artifacts:/"
"""An artifact root that is never used."""


class Opened(NamedTuple):
    """MLflow's own stores behind a URI, not audited."""

    tracking: Any
    registry: Any
    """None where it cannot be opened."""
    uri: str
    registry_uri: str
    unopened: str = ""
    """Why there is no registry."""

    @property
    def is_here(self) -> bool:
        """Whether the tracking store is files of this machine: its artifacts, where they are files, then are too."""
        if urlsplit(self.uri).scheme.split("+")[0] in DATABASE_ENGINES:
            return bool(extract_db_type_from_uri(self.uri) == "sqlite")
        return bool(is_local_uri(self.uri))

    @contextmanager
    def as_set(self) -> Iterator[None]:
        """A block in which a registry of files asks this store for its models.

        It asks the one that MLflow is set to, and where none is, MLflow makes a database in the current folder.
        """
        from mlflow.tracking._tracking_service.utils import _use_tracking_uri, is_tracking_uri_set

        with nullcontext() if is_tracking_uri_set() else _use_tracking_uri(self.uri):
            yield


def open_plain(uri: str) -> Opened:
    """Open the tracking store of a URI, with or without `cognify+`, and the registry that belongs to it.

    That is the one that `MLFLOW_REGISTRY_URI` names, else the store's own.

    Raises:
        CannotVerifyError: there is no tracking store, it does not answer, or is of another MLflow.
    """
    from mlflow.tracking._tracking_service.utils import _tracking_store_registry

    plain = plain_uri(uri)
    try:
        look_for(plain)
        tracking = _tracking_store_registry.get_store_builder(plain)(store_uri=plain, artifact_uri=_ELSEWHERE)
    except MlflowException as error:
        raise CannotVerifyError(f"the MLflow store {shown_uri(plain)} cannot be opened: {_line(error)}") from error
    where = plain_uri(os.environ.get("MLFLOW_REGISTRY_URI") or plain)
    try:
        return Opened(tracking, _registry(where, plain), plain, where)
    except (MlflowException, CannotVerifyError) as error:
        return Opened(tracking, None, plain, where, _line(error))


def _registry(where: str, plain: str) -> Any:
    from mlflow.tracking._model_registry.utils import _get_store_registry

    if where != plain:
        look_for(where)
    return _get_store_registry().get_store_builder(where)(store_uri=where)


def shown_uri(uri: str) -> str:
    """A URI as messages have it."""
    return strip_credentials(uri)


def look_for(uri: str) -> None:
    """Return where there is a store to be opened: opening makes none, and waits for none.

    Raises:
        CannotVerifyError: there is none, or it does not answer.
    """
    scheme = urlsplit(uri).scheme
    if scheme in ("http", "https"):
        _look_at_server(uri)
    elif scheme.split("+")[0] in DATABASE_ENGINES:
        _look_at_database(uri)
    elif is_local_uri(uri) and not Path(local_file_uri_to_path(uri)).is_dir():
        raise CannotVerifyError(f"there is no MLflow store at {shown_uri(uri)}")


def _look_at_server(uri: str) -> None:
    parts = urlsplit(uri)
    try:
        address = (parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
        socket.create_connection(address, timeout=_SECONDS).close()
    except (OSError, ValueError) as error:
        raise CannotVerifyError(f"the MLflow server {shown_uri(uri)} does not answer: {_line(error)}") from error


def _look_at_database(uri: str) -> None:
    import sqlalchemy
    from mlflow.store.db.utils import _all_tables_exist

    if extract_db_type_from_uri(uri) == "sqlite":
        name = sqlalchemy.make_url(uri).database
        if not name or not Path(name).is_file():
            raise CannotVerifyError(f"there is no MLflow store at {shown_uri(uri)}")
    engine = None
    try:
        engine = sqlalchemy.create_engine(uri, poolclass=sqlalchemy.NullPool)
        is_store = _all_tables_exist(engine)  # or MLflow would make them
    except (sqlalchemy.exc.SQLAlchemyError, ImportError) as error:
        raise CannotVerifyError(f"the database {shown_uri(uri)} does not answer: {_line(error)}") from error
    finally:
        with suppress(AttributeError):
            engine.dispose()  # type: ignore[union-attr]
    if not is_store:
        raise CannotVerifyError(f"the database {shown_uri(uri)} is not MLflow's, or needs `mlflow db upgrade`")


def _line(error: BaseException) -> str:
    """The first line of what went wrong."""
    return (str(error).splitlines() or [""])[0][:300] or type(error).__name__
