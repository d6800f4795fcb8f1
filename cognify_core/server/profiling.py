"""Profiles that somebody sends: they refer to URLs, and never to files, which would be looked for on the server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cognify_core.api.profiles import SavedProfile, save_profile, saved_profile
from cognify_core.canonical import Json
from cognify_core.errors import ConfigurationError
from cognify_core.model.profile import Profile
from cognify_core.server.seeing import did

if TYPE_CHECKING:
    from cognify_core.server.asking import Asked


def save_sent(asked: Asked, value: Json, *, project: str | None, after: int | None = None) -> SavedProfile:
    """Keep a profile that was sent. A file that the profile before refers to already may stand in it as it was.

    Raises:
        ConfigurationError: a field is unknown or wrong, or it refers to another file.
        PolicyChangedError: `after` is the version that it rests on, and there is another by now.
    """
    store = asked.room.store
    before = saved_profile(store, project)
    known = [] if before is None else list(files_of(before.profile.to_json()))
    for reference in files_of(Profile.parse(value).to_json()):
        if reference not in known:
            raise ConfigurationError("a profile that is sent refers to URLs, not to files: give `url` and `sha256`")
    saved = save_profile(store, value, project=project, after=after)
    whose = "the organisation" if project is None else project[:200]
    did(asked, None, "change_profile", subject=f"version {saved.version} of {whose}")
    return saved


def files_of(value: Json) -> Iterator[dict[str, Json]]:
    """The references to files in a profile that was parsed."""
    if isinstance(value, dict):
        if isinstance(value.get("path"), str):
            yield value
        for each in value.values():
            yield from files_of(each)
    elif isinstance(value, list):
        for each in value:
            yield from files_of(each)
