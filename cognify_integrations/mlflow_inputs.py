"""Datasets that MLflow is told of: it has a name, a source and a digest of a sample; we hash the source in full."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlparse

from cognify_core.capture.outcome import Outcome
from cognify_core.capture.redaction import strip_credentials
from cognify_core.model.events import DatasetSeen
from cognify_core.model.names import slug
from cognify_integrations import mlflow_events as events

if TYPE_CHECKING:
    from cognify_integrations.mlflow_runs import Known

_HUB = "hugging_face"  # its source names a dataset or a loader, not the files
_MEND = 'cognify.dataset("<the files>", name="{name}") before the run'
_MEND_SERVER = "let the training itself use cognify+http://…: only it can read its own files"


def record_inputs(known: Known, datasets: Iterable[Any] | None, models: Iterable[Any] | None) -> None:
    """Record the datasets and the models that a run comes from."""
    for given in datasets or ():
        context = next((tag.value for tag in given.tags or () if tag.key == "mlflow.data.context"), "")
        known.live.run.add_inputs(_record_dataset(known, given.dataset, context))
    if models:
        events.said(known, "inputs", models=[each.model_id for each in models])


def _record_dataset(known: Known, dataset: Any, context: str) -> str:
    name, role = dataset.name or "dataset", _role_of(context)
    facts = {
        "mlflow_run": known.mlflow_id,
        "mlflow_context": context or None,
        "mlflow_digest": dataset.digest,
        "mlflow_digest_assurance": "sampled",
        "mlflow_source_type": dataset.source_type,
        "mlflow_source": strip_credentials(dataset.source or ""),
    }
    path, reason = _resolved(dataset, in_server=known.in_server)
    if path is not None:
        return known.live.run.file(path, name=name, role=role, facts=facts)
    known.live.gap(f"ds_{slug(name)}_v1", reason, mend=_MEND_SERVER if known.in_server else _MEND.format(name=name))
    return known.live.run.artifact(
        DatasetSeen,
        f"ds_{slug(name)}_v1",
        Outcome.unresolved(reason),
        fields=lambda _: {"name": name, "role": role, "schema_version_defaulted": True},
        facts=facts,
    )


def _role_of(context: str) -> str:
    if context.startswith(("eval", "valid", "test")):
        return "eval"
    return "train" if not context or context.startswith("train") else context


def _resolved(dataset: Any, *, in_server: bool) -> tuple[Path | None, str]:
    """Where a dataset's source lies, or why that cannot be hashed."""
    source = None if dataset.source_type == _HUB else _location(dataset.source)
    if source is None:
        return None, f"its source is not a file: {dataset.source_type}"
    scheme = urlparse(source).scheme
    if scheme not in ("", "file"):
        return None, f"its source is not on this machine: {strip_credentials(source)[:200]}"
    if in_server:
        return None, "its source lies on the client's machine, which a server does not see"
    path = Path(unquote(urlparse(source).path) if scheme else source).expanduser()
    return (path, "") if path.exists() else (None, f"there is nothing at its source, {source[:200]}")


def _location(source: str | None) -> str | None:
    """The path or URI that a source names; none where it is no JSON object or names none."""
    try:
        found = json.loads(source or "")
    except ValueError:
        return source or None
    if not isinstance(found, dict):
        return None
    return next((str(found[key]) for key in ("uri", "url", "path") if isinstance(found.get(key), str)), None)
