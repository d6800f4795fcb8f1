"""Things on disk: `hash` and `diff` look at them, `dataset` puts them on record."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cognify_core.cli.console import emit, remark, say
from cognify_core.cli.documents import outcome_document
from cognify_core.cli.failures import ExitCode
from cognify_core.cli.options import AsJson, RunOption, pairs
from cognify_core.cli.progress import reading, waiting
from cognify_core.cli.statements import finish
from cognify_core.errors import ConfigurationError

if TYPE_CHECKING:
    from cognify_core.api.datasets import DatasetHandle
    from cognify_core.canonical import Json

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
    path: Annotated[
        str, typer.Argument(metavar="PATH|RUN", help="Where it lies, a file or a folder; or a run that has one.")
    ],
    known: Annotated[
        str | None,
        typer.Argument(metavar="DATASET", help="Of that run, a dataset: its id, name or digest. Nothing is hashed."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="What it is called.")] = None,
    schema_version: Annotated[str | None, typer.Option(help="The version of its schema.")] = None,
    role: Annotated[str, typer.Option(help="train, eval, source …")] = "source",
    source_category: Annotated[
        str | None,
        typer.Option(help="public, private_licensed, private_third_party, crawled, user_data, synthetic or other."),
    ] = None,
    licence: Annotated[str | None, typer.Option(help="Under which it may be used.")] = None,
    obtained: Annotated[str | None, typer.Option(help="How it was obtained.")] = None,
    personal_data: Annotated[str | None, typer.Option(help="Whether it holds personal data, and of what kind.")] = None,
    approved_by: Annotated[str | None, typer.Option(help="Who approved that it is used.")] = None,
    provenance: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="What else is known: selection, labelling, languages … (docs/cli.md)"),
    ] = None,
    run: RunOption = "last",
    as_json: AsJson = False,
) -> None:
    """Put a dataset on a run's record, or say where one comes from.

    Exit code 2: it could not be hashed, and stands there as unresolved.
    """
    from cognify_core import api

    said = {"licence": licence, "obtained": obtained, "personal_data": personal_data, "approved_by": approved_by}
    given: dict[str, Json] = {key: value for key, value in said.items() if value is not None}
    given |= pairs(provenance or (), "--provenance", taken=_OPTIONS_OF_DATASET | frozenset(given))
    if known is not None:
        handle = api.datasheet(known, run_id=path, source_category=source_category, **given)
        _finish(path, handle, None, as_json)
        return
    if name is None:
        raise ConfigurationError("a dataset has a name: --name NAME; or name the run and its dataset: RUN DATASET")
    with waiting(f"hashing {Path(path).name}"):
        handle = api.dataset(
            path,
            name=name,
            schema_version=schema_version,
            role=role,
            source_category=source_category,
            run_id=run,
            **given,
        )
        _finish(run, handle, role, as_json)
    if handle.hash is None:
        remark(f"{name}: recorded as unresolved, for it could not be hashed")
        raise typer.Exit(ExitCode.COULD_NOT)


def _finish(run: str, handle: DatasetHandle, role: str | None, as_json: bool) -> None:
    digest = None if handle.hash is None else str(handle.hash)
    finish(run, {"name": handle.name, "role": role, "hash": digest}, as_json)
