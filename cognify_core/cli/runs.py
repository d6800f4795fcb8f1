"""Runs: `ls`, `show`, `seal`, `discard`."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

from cognify_core.cli.console import emit, say, table
from cognify_core.cli.documents import run_document
from cognify_core.cli.options import AsJson, RunArgument
from cognify_core.cli.portrait import show_run, view_document
from cognify_core.cli.progress import waiting

LISTED = 50
"""Rows of a table, unless more are asked for."""


def register(app: typer.Typer) -> None:
    """Add the commands of this group."""
    for command in (ls, show, seal, discard):
        app.command()(command)


class Which(StrEnum):
    """A status to look for; `unsealed` is any but sealed, running ones included."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    SEALED = "sealed"
    UNSEALED = "unsealed"


def _day(said: str) -> Any:
    return typer.Option(formats=["%Y-%m-%d"], metavar="DAY", help=said)


def ls(
    text: Annotated[str | None, typer.Argument(metavar="TEXT", help="Stands in the id or the name.")] = None,
    project: Annotated[str | None, typer.Option(metavar="NAME", help="The project that they serve.")] = None,
    status: Annotated[Which | None, typer.Option(help="How they stand.", case_sensitive=False)] = None,
    gaps: Annotated[
        bool | None, typer.Option("--gaps/--no-gaps", help="Whether they name something that was not seen.")
    ] = None,
    since: Annotated[datetime | None, _day("The first day on which they began, UTC.")] = None,
    until: Annotated[datetime | None, _day("The last one.")] = None,
    holds: Annotated[
        str | None, typer.Option(metavar="DIGEST", help="A content, sha256:…, that they used or produced.")
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option("--limit", "-n", min=0, help="How many at most; 0: all.", show_default=f"{LISTED}; --json: all"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the runs, newest first; of those that are asked for."""
    from cognify_core import api
    from cognify_core.model.digest import Digest
    from cognify_core.model.names import day_after
    from cognify_core.model.record import Status
    from cognify_core.store.finding import Wanted

    wanted = Wanted(
        project=project,
        status=Status(status.upper()) if status not in (None, Which.SEALED, Which.UNSEALED) else None,
        sealed=status is Which.SEALED if status in (Which.SEALED, Which.UNSEALED) else None,
        gaps=gaps,
        text=text,
        since=None if since is None else since.date().isoformat(),
        until=day_after(None if until is None else until.date()),
        holds=None if holds is None else Digest.parse(holds),
    )
    most = limit or (LISTED if limit is None and not as_json else None)
    rows = api.runs(wanted, limit=most and most + 1)
    rows, more = rows[:most], most is not None and len(rows) > most
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
        if more:
            say("… and older ones: --limit 0 lists all, --help says what can be looked for")
    elif wanted != Wanted():
        say("no run answers to all of that")
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
