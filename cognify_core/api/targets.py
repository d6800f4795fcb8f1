"""Where packages are written, and how."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePath

from cognify_core.errors import ConfigurationError
from cognify_core.export.formats import format_named
from cognify_core.store.places import make_directory, put_all_in_place


def target_of(path: Path | None, folder: Path, name: str) -> Path:
    """Where the package goes: under `folder` by its own name, or where `path` says, a folder or a file.

    Raises:
        ConfigurationError: a file of that name would be taken for one of another format; or the folder cannot be made.
    """
    is_file = path is not None and path.suffix and not path.is_dir()
    target = path if path is not None and is_file else (path or folder) / name
    if (asked := format_named(target)) is not None and target.suffix.lower() != PurePath(name).suffix:
        raise ConfigurationError(
            f"{target.name} would hold a {PurePath(name).suffix} file: call it so, or ask for the format {asked!r}"
        )
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"the folder {target.parent} cannot be made: {error.strerror}") from error
    return target.absolute()


def write_whole(path: Path, data: bytes) -> None:
    """Put `data` in place whole or not at all, and durably; the folder is made where it is missing.

    Raises:
        ConfigurationError: it cannot be written.
    """
    write_all(path.parent, {path.name: data})


def write_all(folder: Path, files: Mapping[str, bytes]) -> None:
    """Do the same for several files of a folder, by their names, at once.

    Raises:
        ConfigurationError: one cannot be written.
    """
    try:
        make_directory(folder)
        put_all_in_place(folder, files)
    except OSError as error:
        named = ", ".join(list(files)[:3])
        raise ConfigurationError(f"{folder / named} cannot be written: {error.strerror}") from error
