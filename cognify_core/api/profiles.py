"""Profiles: what is said of the organisation and of one AI system, version by version, and what of it is in force."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cognify_core.canonical import Json, encode, parse
from cognify_core.capture.commitments import display_path
from cognify_core.capture.files import file_outcome
from cognify_core.errors import ConfigurationError, FormatError
from cognify_core.model.names import stamp_time, utc_now
from cognify_core.model.profile import Profile
from cognify_core.store.protocol import Store

_REFERENCES = ("reference", "acceptable_use_policy", "incident_policy", "declaration_of_conformity")
_MAPS = ("answers", "gap_owners", "metric_rationale", "base_compute")
"""Their keys may have dots in them, as points of law do: 164.312(b)."""


@dataclass(frozen=True, slots=True)
class SavedProfile:
    """A profile as it is kept."""

    profile: Profile
    project: str | None
    """None: the workspace's own."""
    version: int
    saved_at: str


def saved_profile(store: Store, project: str | None) -> SavedProfile | None:
    """The last version of a project's profile, or of the workspace's own; none where nothing was ever said.

    Raises:
        FormatError, ConfigurationError: what is kept does not read.
    """
    versions = store.profiles(project=project)
    if not versions:
        return None
    last = versions[-1]
    return SavedProfile(Profile.parse(parse(last.profile)), project, last.version, last.saved_at)


def effective_profile(store: Store, project: str | None) -> Profile | None:
    """A project's profile over the workspace's; none where neither was ever given.

    Raises:
        FormatError, ConfigurationError: what is kept does not read.
    """
    below = saved_profile(store, None)
    above = None if project is None else saved_profile(store, project)
    if above is None or below is None:
        one = above or below
        return None if one is None else one.profile
    return above.profile.over(below.profile)


def save_profile(
    store: Store, value: Json, *, project: str | None, folder: Path | None = None, after: int | None = None
) -> SavedProfile:
    """Check a profile, hash the files that it refers to, and keep it as the newest version.

    Args:
        store: where it is kept.
        value: the profile, as JSON or YAML values.
        project: whose it is; none: the workspace's own.
        folder: where relative paths lead from; by default the working directory.
        after: the version that it rests on (0: none); not said: whichever there is.

    Raises:
        ConfigurationError: a field is unknown or wrong, or a file that it refers to is not there; the message names it.
        PolicyChangedError: there is another version than `after` by now.
    """
    if project is not None and not project.strip():
        raise ConfigurationError("a project has a name")
    checked = Profile.parse(value).to_json()
    profile = Profile.parse(with_hashes(checked, folder or Path.cwd(), today()))
    kept = store.put_profile(encode(profile.to_json()), stamp_time(utc_now()), project=project, after=after)
    return SavedProfile(profile, project, kept.version, kept.saved_at)


def change_profile(
    store: Store, said: Mapping[str, Json] | str | Path | None, fields: Mapping[str, Json], *, project: str | None
) -> SavedProfile:
    """Take `said`, a profile or the path of a file that holds one, else what is kept, change `fields` in it, keep it.

    Raises:
        ConfigurationError: as `save_profile` and `read_profile_file`.
    """
    path = Path(said).expanduser() if isinstance(said, str | Path) else None
    if isinstance(said, str | Path):
        base = Profile.parse(read_profile_file(Path(said).expanduser()))
    elif said is not None:
        base = Profile.parse(dict(said))
    else:
        kept = saved_profile(store, project)
        base = Profile() if kept is None else kept.profile
    return save_profile(store, set_fields(base, fields), project=project, folder=path and path.parent)


def read_profile_file(path: Path) -> Json:
    """The values of a YAML or JSON file.

    Raises:
        ConfigurationError: it cannot be read; the message names the line where there is one.
    """
    from cognify_core.api.yaml_text import read_yaml  # the end of a run, which looks for a profile, reads no YAML

    try:
        value = read_yaml(path.read_bytes())
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from error
    except FormatError as error:
        raise ConfigurationError(f"{path}: {error}") from error
    if not isinstance(value, dict):
        raise ConfigurationError(f"{path}: a profile is a map of fields; `cognify profile template` prints one")
    return value


def set_fields(profile: Profile, said: Mapping[str, Json]) -> dict[str, Json]:
    """A profile's values with fields set by their dotted paths; none takes a field away.

    Raises:
        ConfigurationError: a path leads through what is no map.
    """
    value = profile.to_json()
    for path, given in said.items():
        head, _, rest = path.partition(".")
        _set(value, [head, rest] if head in _MAPS and rest else path.split("."), given, path)
    return value


def _set(value: dict[str, Json], parts: list[str], given: Json, path: str) -> None:
    for part in parts[:-1]:
        below = value.setdefault(part, {})
        if not isinstance(below, dict):
            raise ConfigurationError(f"{path}: {part} is no map")
        value = below
    if given is None:
        value.pop(parts[-1], None)
    else:
        value[parts[-1]] = given


def with_hashes(value: Json, folder: Path, day: str, where: Iterable[str] = ()) -> Json:
    """The same values, each reference to a file with the SHA-256 of what lies there now, and the day.

    A reference whose digest is that of the file already keeps its day; a file that is not there keeps a digest that
    was given (the profile comes from another machine). URLs keep what was given: nothing is fetched.

    Raises:
        ConfigurationError: a file cannot be hashed, or is another than the digest that was given; the message names the
            field.
    """
    if isinstance(value, list):
        return [with_hashes(item, folder, day, (*where, str(place))) for place, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    here = tuple(where)
    if here and here[-1] in _REFERENCES and isinstance(value.get("path"), str):
        return _hashed(value, folder, day, ".".join(here))
    return {key: with_hashes(item, folder, day, (*here, key)) for key, item in value.items()}


def _hashed(reference: dict[str, Json], folder: Path, day: str, where: str) -> dict[str, Json]:
    path = Path(reference["path"]).expanduser()
    digest, reason = _digest_of(folder / path)
    given = reference.get("sha256")
    if digest is None:
        if given is not None and reason.startswith("vanished"):
            return reference
        raise ConfigurationError(f"{where}: the file {str(folder / path)[:200]!r} cannot be hashed: {reason[:200]}")
    if given not in (None, digest):
        raise ConfigurationError(
            f"{where}: {str(folder / path)[:200]!r} is {digest}, and the profile says {given}: take the sha256 away if "
            "the file was changed on purpose"
        )
    retrieved = None if given is None else reference.get("retrieved")
    shown = display_path(path) if path.is_absolute() else reference["path"]
    return reference | {"path": shown, "sha256": digest, "retrieved": retrieved or day}


def _digest_of(path: Path) -> tuple[str | None, str]:
    try:
        outcome = file_outcome(path)
    except ValueError as error:  # a path with a NUL in it
        return None, str(error)
    return (None if outcome.hash is None else str(outcome.hash)), outcome.reason or ""


def today() -> str:
    """The calendar day here."""
    return datetime.now(UTC).astimezone().date().isoformat()
