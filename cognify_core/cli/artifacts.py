"""Things on disk: `hash` and `diff` look at them, `dataset` puts them on record."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cognify_core.cli.console import emit, remark, say
from cognify_core.cli.documents import outcome_document
from cognify_core.cli.failures import ExitCode
from cognify_core.cli.options import AsJson, RunOption, pairs
from cognify_core.cli.progress import reading, waiting
from cognify_core.cli.statements import finish

_OPTIONS_OF_DATASET = frozenset({"data", "name", "role", "run_id", "schema_version", "source_category"})


class View(StrEnum):
    """As what a path is hashed (`docs/formats.md`)."""

    AUTO = "auto"
    FILE = "file"
    TREE = "tree"
    ROWS = "rows"
    WEIGHTS = "weights"
    CONFIG = "config"


def register(app: typer.Typer) -> None:
    """Add the commands of this group."""
    app.command("hash")(hash_paths)
    app.command()(diff)
    app.command()(dataset)


def hash_paths(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH", help="Files or folders.")],
    view: Annotated[View, typer.Option("--as", help="As what to hash it (docs/formats.md).")] = View.AUTO,
    manifest: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the manifest of a single path."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Hash files or folders as records do.

    Exit code 2: one of them could not be hashed.
    """
    from cognify_core import api

    if manifest is not None and len(paths) != 1:
        raise typer.BadParameter("a manifest can be written for one path at a time", param_hint="--manifest")
    outcomes = []
    for path in paths:
        with reading(f"hashing {path.name}", path):
            outcomes.append((str(path), api.hash_path(path, as_=view.value)))
    if manifest is not None and (text := outcomes[0][1].manifest) is not None:
        manifest.write_bytes(text)
    if as_json:
        emit({"hashes": [outcome_document(path, outcome) for path, outcome in outcomes]})
    for name, outcome in outcomes:
        if not as_json and outcome.hash is not None:
            say(f"{outcome.hash}  {name}")
        if outcome.hash is None:
            remark(f"{name}: unresolved ({outcome.reason})")
        for gap in outcome.gaps:
            remark(f"{name}: {gap}")
    if any(outcome.hash is None for _, outcome in outcomes):
        raise typer.Exit(ExitCode.COULD_NOT)


def diff(
    first: Annotated[str, typer.Argument(metavar="A", help="A dataset, a folder, a package, or a run.")],
    second: Annotated[str, typer.Argument(metavar="B", help="What to compare it with, of the same kind.")],
    as_json: AsJson = False,
) -> None:
    """Name the rows, files or nodes that differ.

    Rows of two datasets, files of two folders, nodes of two packages or runs. Exit code 1: they differ.
    """
    from cognify_core import api

    with waiting("comparing"):
        found = api.diff(first, second)
    if as_json:
        emit(found.to_json())
    else:
        for line in found.lines():
            say(line)
    raise typer.Exit(ExitCode.HOLDS if found.equal else ExitCode.DOES_NOT_HOLD)


def dataset(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="Where it lies: a file, or a folder.")],
    name: Annotated[str, typer.Option(help="What it is called.")],
    schema_version: Annotated[str | None, typer.Option(help="The version of its schema.")] = None,
    role: Annotated[str, typer.Option(help="train, eval, source …")] = "source",
    source_category: Annotated[str | None, typer.Option(help="Where it came from, as in private_licensed.")] = None,
    provenance: Annotated[list[str] | None, typer.Option(metavar="KEY=VALUE", help="What else is known.")] = None,
    run: RunOption = "last",
    as_json: AsJson = False,
) -> None:
    """Put a dataset on a run's record.

    Exit code 2: it could not be hashed, and stands there as unresolved.
    """
    from cognify_core import api

    facts = pairs(provenance or (), "--provenance", taken=_OPTIONS_OF_DATASET)
    with waiting(f"hashing {path.name}"):
        handle = api.dataset(
            path,
            name=name,
            schema_version=schema_version,
            role=role,
            source_category=source_category,
            run_id=run,
            **facts,
        )
        digest = None if handle.hash is None else str(handle.hash)
        finish(run, {"name": name, "role": role, "hash": digest}, as_json)
    if digest is None:
        remark(f"{name}: recorded as unresolved, for it could not be hashed")
        raise typer.Exit(ExitCode.COULD_NOT)
