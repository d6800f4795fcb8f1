"""Runs: `ls`, `show`, `seal`, `discard`."""

from __future__ import annotations

from typing import Annotated

import typer

from cognify_core.cli.console import emit, say, table
from cognify_core.cli.documents import run_document
from cognify_core.cli.options import AsJson, RunArgument
from cognify_core.cli.portrait import show_run, view_document
from cognify_core.cli.progress import waiting


def register(app: typer.Typer) -> None:
    """Add the commands of this group."""
    for command in (ls, show, seal, discard):
        app.command()(command)


def ls(as_json: AsJson = False) -> None:
    """List the runs, newest first."""
    from cognify_core import api

    rows = api.runs()
    if as_json:
        emit({"runs": [run_document(row) for row in rows]})
    elif rows:
        headings = ("RUN", "STATUS", "COMPLETE", "EVENTS", "OPENED", "PROJECT", "NAME")
        whole = {True: "yes", False: "no", None: None}
        table(
            headings,
            (
                (row.run_id, row.status, whole[row.complete], row.size, row.opened_at[:19], row.project, row.name)
                for row in rows
            ),
        )
    else:
        say("no runs yet; `with cognify.run(): …` or CognifyCallback() makes the first one")


def show(run: RunArgument = "last", as_json: AsJson = False) -> None:
    """Show a run: lineage, gaps, packages.

    Every gap comes with the call that mends it.
    """
    from cognify_core import api

    view = api.show(run)
    if as_json:
        emit(view_document(view))
    else:
        show_run(view)


def seal(run: RunArgument = "last", as_json: AsJson = False) -> None:
    """Sign a run's record, which from then on takes no more events."""
    from cognify_core import api

    with waiting("sealing"):
        sealed = api.seal(run)
    if as_json:
        emit(
            {
                "run_id": sealed.run_id,
                "sealed_at": sealed.sealed_at,
                "statement": str(sealed.statement),
                "events": sealed.size,
                "root": sealed.root,
                "complete": sealed.complete,
                "reasons": list(sealed.reasons),
            }
        )
        return
    say(f"{sealed.run_id} sealed at {sealed.sealed_at}: {sealed.size} events, root {sealed.root}")
    say(f"statement {sealed.statement}")
    for reason in sealed.reasons:
        say(f"not complete: {reason}")


def discard(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run id, or the beginning of one.")],
    reason: Annotated[str, typer.Option(help="Why; it stays on the tombstone.")],
    as_json: AsJson = False,
) -> None:
    """Delete a run that was never sealed. A tombstone stays, with the reason."""
    from cognify_core import api

    stone = api.discard(run, reason=reason)
    if as_json:
        emit(
            {
                "run_id": stone.run_id,
                "reason": stone.reason,
                "discarded_at": stone.discarded_at,
                "events": stone.size,
                "root": stone.root,
            }
        )
    else:
        say(f"{stone.run_id} discarded: {stone.size} events gone, root {stone.root} stays on its tombstone")
