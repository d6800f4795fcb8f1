"""What an audited model registry does beside MLflow's own: what becomes of a version of a run's model is recorded.

A registry speaks of models, not of runs, so it goes on after a run has been sealed: what it says then goes into an
addendum. Whatever concerns a version goes to the run that the version says it comes from; tags and the description of a
registered model as a whole go nowhere.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from mlflow.exceptions import MlflowException
from mlflow.store.model_registry.abstract_store import AbstractStore

from cognify_core import api
from cognify_core.capture.redaction import strip_credentials
from cognify_core.record.recorder import warn
from cognify_integrations.mlflow_runs import these_runs

_LISTED = 1_000
_depth = threading.local()


class AuditedRegistry(AbstractStore):  # type: ignore[misc] # mlflow is untyped
    """Goes before a class of MLflow's; `super()` is that."""

    rebuilt: tuple[Callable[..., Any], tuple[Any, ...]]
    """How another process builds this store."""

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.rebuilt

    def create_model_version(self, *args: Any, **kwargs: Any) -> Any:
        """Create a version of a registered model."""
        with _outermost() as is_told:
            made = super().create_model_version(*args, **kwargs)
        if is_told:
            _tell([made], "model_version", source=strip_credentials(made.source or ""), model_id=made.model_id)
        return made

    def update_model_version(self, name: Any, version: Any, description: Any = None) -> Any:
        """Describe a version."""
        with _outermost() as is_told:
            changed = super().update_model_version(name, version, description)
        if is_told:
            _tell([changed], "model_version_described", description=description)
        return changed

    def transition_model_version_stage(
        self, name: Any, version: Any, stage: Any, archive_existing_versions: Any
    ) -> Any:
        """Move a version to a stage, and those that are in it to the archive, if that is wanted."""
        with _outermost() as is_told:
            there = self._all_versions(name) if is_told and archive_existing_versions else []
            moved = super().transition_model_version_stage(name, version, stage, archive_existing_versions)
        if is_told:
            _tell([moved], "model_version_stage", stage=moved.current_stage)
            others = [each for each in there if str(each.version) != str(version)]
            archived = [each for each in others if each.current_stage == moved.current_stage]
            _tell(archived, "model_version_stage", stage="Archived", because_of=str(version))
        return moved

    def delete_model_version(self, name: Any, version: Any) -> Any:
        """Delete a version."""
        with _outermost() as is_told:
            there = self._version(name, version) if is_told else []
            result = super().delete_model_version(name, version)
        _tell(there, "model_version_deleted", aliases=[alias for each in there for alias in each.aliases])
        return result

    def set_model_version_tag(self, name: Any, version: Any, tag: Any) -> Any:
        """Tag a version."""
        with _outermost() as is_told:
            result = super().set_model_version_tag(name, version, tag)
        if is_told:
            _tell(self._version(name, version), "model_version_tags", tags={tag.key: tag.value})
        return result

    def delete_model_version_tag(self, name: Any, version: Any, key: Any) -> Any:
        """Delete a version's tag."""
        with _outermost() as is_told:
            result = super().delete_model_version_tag(name, version, key)
        if is_told:
            _tell(self._version(name, version), "model_version_tag_deleted", key=key)
        return result

    def set_registered_model_alias(self, name: Any, alias: Any, version: Any) -> Any:
        """Let an alias name a version, and no longer the one that it named before."""
        with _outermost() as is_told:
            before = self._named(name, alias) if is_told else []
            result = super().set_registered_model_alias(name, alias, version)
        if is_told:
            left = [each for each in before if str(each.version) != str(version)]
            _tell(left, "model_alias_moved", alias=alias, to=str(version))
            was = next((str(each.version) for each in before), None)
            _tell(self._version(name, version), "model_alias", alias=alias, before=was)
        return result

    def delete_registered_model_alias(self, name: Any, alias: Any) -> Any:
        """Delete an alias."""
        with _outermost() as is_told:
            before = self._named(name, alias) if is_told else []
            result = super().delete_registered_model_alias(name, alias)
        _tell(before, "model_alias_deleted", alias=alias)
        return result

    def rename_registered_model(self, name: Any, new_name: Any) -> Any:
        """Rename a registered model, and its versions with it."""
        with _outermost() as is_told:
            there = self._all_versions(name) if is_told else []
            renamed = super().rename_registered_model(name, new_name)
        _tell(there, "model_renamed", to=new_name)
        return renamed

    def delete_registered_model(self, name: Any) -> Any:
        """Delete a registered model, and its versions with it."""
        with _outermost() as is_told:
            there = self._all_versions(name) if is_told else []
            result = super().delete_registered_model(name)
        _tell(there, "model_version_deleted", with_its_model=True)
        return result

    def _version(self, name: Any, version: Any) -> list[Any]:
        return _found(lambda: [self.get_model_version(name, version)])

    def _named(self, name: Any, alias: Any) -> list[Any]:
        return _found(lambda: [self.get_model_version_by_alias(name, alias)])

    def _all_versions(self, name: Any) -> list[Any]:
        return _found(lambda: list(self._pages(name)))

    def _pages(self, name: Any) -> Iterator[Any]:
        quote = '"' if "'" in str(name) else "'"
        token = None
        while True:
            page = self.search_model_versions(f"name = {quote}{name}{quote}", _LISTED, None, token)
            yield from page
            if not (token := page.token):
                return


@contextmanager
def _outermost() -> Iterator[bool]:
    """A call to the registry; whether it is to be told: not one that another one makes, nor while we are off."""
    if getattr(_depth, "inside", False):
        yield False
        return
    _depth.inside = True
    try:
        yield not api.this_session().is_off
    finally:
        _depth.inside = False


def _found(ask: Callable[[], list[Any]]) -> list[Any]:
    """The versions that are there; none where MLflow does not know: what it answers to the call itself says why."""
    try:
        return ask()
    except MlflowException:
        return []


def _tell(versions: Iterable[Any], what: str, **facts: Any) -> None:
    """Record it with the run that each version comes from; what goes wrong with that leaves MLflow alone."""
    for version in versions:
        if not version.run_id:
            continue
        known = {key: value for key, value in facts.items() if value is not None}
        try:
            these_runs().tell(version.run_id, what, name=version.name, version=str(version.version), **known)
        except Exception as error:  # noqa: BLE001 - the failure policy: the registry has done what it was asked
            warn(f"model version {version.name}/{version.version}", error)
