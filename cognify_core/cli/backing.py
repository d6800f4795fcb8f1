"""`cognify backup` and `cognify restore`: a home in one file, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cognify_core.cli.console import emit, plural, remark, say
from cognify_core.cli.options import AsJson
from cognify_core.errors import ConfigurationError


def register(parent: typer.Typer) -> None:
    """Add the commands of this group."""
    parent.command()(backup)
    parent.command()(restore)


def backup(
    to: Annotated[Path, typer.Argument(metavar="FILE", help="A new file, on another disk.")],
    without_keys: Annotated[
        bool, typer.Option("--without-keys", help="Leave private keys out: they are kept elsewhere.")
    ] = False,
    clear_keys: Annotated[
        bool, typer.Option("--clear-keys", help="Take private keys that no passphrase protects, too.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Back up the home: store, ledger, packages, keys, of all workspaces. Runs go on being recorded (docs/deploy.md).

    A store in PostgreSQL is not in it: pg_dump first, then this.
    """
    from cognify_core import api
    from cognify_core.api.backups import make_backup

    if without_keys and clear_keys:
        raise ConfigurationError("--without-keys or --clear-keys, not both")
    made = make_backup(
        api.this_session().settings, to, keys="none" if without_keys else "clear" if clear_keys else "encrypted"
    )
    if as_json:
        emit(
            {
                "path": str(made.path),
                "files": made.files,
                "bytes": made.size,
                "left_out": list(made.left_out),
                "store_elsewhere": made.store_elsewhere,
            }
        )
        return
    say(f"{made.path}: {plural(made.files, 'file')}, {plural(made.size, 'byte')}")
    for name in made.left_out:
        remark(f"left out: {name}")
    if made.store_elsewhere is not None:
        remark(f"the store is not in it: back up {made.store_elsewhere} with pg_dump")


def restore(
    backup: Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="What `backup` wrote.")],
    as_json: AsJson = False,
) -> None:
    """Make a home again from a backup, in an empty folder: --home DIR, or COGNIFY_HOME."""
    from cognify_core import api
    from cognify_core.api.restoring import restore_backup

    restored = restore_backup(backup, api.this_session().settings.home)
    if as_json:
        emit({"home": str(restored.home), "files": restored.files, "made_at": restored.made_at})
        return
    say(f"{restored.home}: {plural(restored.files, 'file')}, as they were at {restored.made_at}")
    say(
        "what was recorded since is missing: cognify ledger fsck --head FILE, with a head from elsewhere, says how much"
    )
