"""`cognify access`: who read, exported, sealed or discarded what, and whether the log of it holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cognify_core.cli.console import emit, plural, say, table, tell
from cognify_core.cli.failures import Commands
from cognify_core.cli.options import AsJson
from cognify_core.cli.progress import counting
from cognify_core.cli.verdict import show_fsck
from cognify_core.errors import ConfigurationError

if TYPE_CHECKING:
    from cognify_core.api.access_log import ShownAccess, WorkspaceAccesses
    from cognify_core.api.workspace import Workspace
    from cognify_core.canonical import Json

app = typer.Typer(
    cls=Commands,
    help="The access log: who looked at what. It is append-only, its heads are signed, names in it can be erased.",
    no_args_is_help=True,
)
Of = Annotated[
    str | None,
    typer.Option("--workspace", metavar="NAME", help="Of a server's store: which workspace's; else default."),
]


@app.command("list")
def list_accesses(
    run: Annotated[str | None, typer.Argument(metavar="[RUN]", help="A run's id, also of one that is gone.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many, of the newest.")] = 50,
    workspace: Of = None,
    as_json: AsJson = False,
) -> None:
    """List who looked, newest first; what was erased is left blank."""
    from cognify_core.api.accesses import note_access_in

    of = _workspace(workspace)
    found = _log(of).page(run_id=run, limit=limit)
    note_access_in(of, run, "accesses")
    if as_json:
        emit({"accesses": [_document(each) for each in found]})
    elif found:
        table(("ENTRY", "AT", "RUN", "ACTION", "WHO", "FROM", "OUTCOME"), [_row(each) for each in found])
    else:
        say("nobody has looked yet")


@app.command()
def head(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where to write it; else stdout.")
    ] = None,
    workspace: Of = None,
    as_json: AsJson = False,
) -> None:
    """Sign the log as it is now, in three lines: send them somewhere that this host does not own."""
    signed = _log(_workspace(workspace)).head()
    if output is not None:
        output.write_bytes(signed.note)
    told = signed.head
    if as_json:
        document: dict[str, Json] = {"origin": told.origin, "entries": told.size, "root": told.root.hex()}
        emit(document | {"note": signed.note.decode(), "path": None if output is None else str(output)})
    elif output is None:
        print(signed.note.decode(), end="")
    else:
        say(f"{output}  {plural(told.size, 'entry', 'entries')}, root {told.root.hex()}")


@app.command()
def fsck(
    head: Annotated[
        str | None, typer.Option("--head", metavar="FILE|URL", help="A head from outside that the log must continue.")
    ] = None,
    workspace: Of = None,
    as_json: AsJson = False,
) -> None:
    """Compute the whole log again, and name entries that were changed, taken out or put in.

    Exit code 0: it holds. 1: a contradiction, which is named. 2: something could not be checked.
    """
    log = _log(_workspace(workspace))
    with counting("checking entries") as progress:
        report = log.check(head, progress)
    if as_json:
        emit(report.to_json())
    else:
        show_fsck(report, plural(report.size, "entry", "entries"))
        if head is None and report.exit_code == 0:
            tell("whether its end was cut off, only `--head FILE` from elsewhere tells")
    raise typer.Exit(report.exit_code)


@app.command()
def erase(
    run: Annotated[str | None, typer.Option("--run", metavar="RUN", help="Beside this run's entries.")] = None,
    value: Annotated[
        str | None, typer.Option("--name", metavar="TEXT", help="This name or address, wherever it stands.")
    ] = None,
    workspace: Of = None,
    as_json: AsJson = False,
) -> None:
    """Erase names and addresses. The entries stay, and what they commit to says nothing without them."""
    from cognify_core.api.accesses import note_access_in

    of = _workspace(workspace)
    erased = _log(of).erase(run_id=run, value=value)
    note_access_in(of, run, "erase")
    if as_json:
        emit({"erased": erased})
        return
    say(f"{plural(erased, 'clear value')} erased")


def _workspace(name: str | None) -> Workspace:
    from cognify_core import api
    from cognify_core.api.workspace import EMBEDDED

    session = api.this_session()
    if name in (None, EMBEDDED):
        return session.workspace
    from cognify_core.server.rooms import Rooms

    room = Rooms(session.settings, session.workspace.store).find(str(name))
    if room is None:
        raise ConfigurationError(f"there is no workspace {str(name)[:80]!r} in this store")
    return room


def _log(workspace: Workspace) -> WorkspaceAccesses:
    from cognify_core.api.access_log import WorkspaceAccesses

    return WorkspaceAccesses(workspace)


def _document(shown: ShownAccess) -> dict[str, Json]:
    said = shown.access
    return {
        "entry": shown.position,
        "at": said.at,
        "run_id": shown.run_id,
        "action": said.action,
        "subject": said.subject,
        "actor": shown.actor,
        "source": shown.source,
        "auth": said.auth,
        "outcome": said.outcome,
        "observed_by": said.observed_by,
        "within": shown.within,
    }


def _row(shown: ShownAccess) -> tuple[str | None, ...]:
    said = shown.access
    return (str(shown.position), said.at[:19], shown.run_id, said.action, shown.actor, shown.source, said.outcome)
