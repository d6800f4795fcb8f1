"""`cognify run`: start a program that records itself, and say what it recorded."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cognify_core.cli.console import emit
from cognify_core.cli.documents import run_document
from cognify_core.cli.options import AsJson

if TYPE_CHECKING:
    from cognify_core.api.reported import Reported, Told
    from cognify_core.settings import Settings


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(options_metavar="[OPTIONS] --", context_settings={"allow_interspersed_args": False})(run)


def run(
    command: Annotated[
        list[str], typer.Argument(metavar="COMMAND", help="python SCRIPT …, python -m MODULE …, torchrun …")
    ],
    project: Annotated[str | None, typer.Option(help="The AI system that its runs serve.")] = None,
    name: Annotated[str | None, typer.Option(help="A name for those of its runs that have none, for people.")] = None,
    as_json: AsJson = False,
) -> None:
    """Run a program and record what it trains, without a change to it.

    It gets the signals that are sent to us; the exit code is its own, 128+n where signal n ended it, and 2 where it was
    not started because nothing would be recorded. With --json its stdout goes to stderr.
    """
    from cognify_core import api
    from cognify_core.api.reported import REPORT, reported
    from cognify_core.cli.child import run_child, signals_held
    from cognify_core.cli.interpreters import check, find

    session = api.this_session()
    settings = session.settings
    with signals_held(), tempfile.TemporaryDirectory(prefix="cognify-run-") as folder:
        report = Path(folder, "report")
        environment = _environment(settings, project, name) | {REPORT: str(report)}
        program = find(command, environment)
        if not session.is_off:
            check(program, command, environment)
            session.workspace.signer  # noqa: B018 - what keeps runs from beginning or ending is told now
            api.init(home=settings.home)  # which closes the store
        code = run_child(program, command, environment, quiet=as_json)
        found = reported(report)
    if as_json:
        emit({"exit_code": code, "runs": [run_document(told.row) for told in found.runs if told.row is not None]})
    elif not settings.quiet and settings.mode != "off":
        from cognify_core.api.console import say

        say(_summary(found))
    raise typer.Exit(code)


def _environment(settings: Settings, project: str | None, name: str | None) -> dict[str, str]:
    """Ours, and what the program is to record with."""
    given = {"COGNIFY_PROJECT": project, "COGNIFY_RUN_NAME": name}
    said = {key: value for key, value in given.items() if value is not None}
    return {**os.environ, **said, "COGNIFY_AUTO": "1", "COGNIFY_HOME": str(settings.home)}


def _summary(found: Reported) -> str:
    """One line: what was recorded, or why it may be that nothing was."""
    if found.runs:
        return f"recorded {'; '.join(map(_told, found.runs))}"
    if found.frameworks:
        return f"nothing was recorded: {', '.join(found.frameworks)} was loaded, and no training began"
    return (
        "nothing was recorded: the program loaded neither transformers.Trainer nor Lightning nor MLflow; a loop of its "
        "own records itself with `with cognify.run():`"
    )


def _told(told: Told) -> str:
    if told.row is None:
        return f"{told.run_id}, which is not in this store"
    if told.row.status == "AUDIT_SEALED":
        return f"{told.run_id} {told.row.status}, package {told.package or 'not exported'}"
    return f"{told.run_id} {told.row.status}, not sealed; seal it with `cognify seal {told.run_id}`"
