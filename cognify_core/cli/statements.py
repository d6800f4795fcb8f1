"""What people say of a run: `note`, `release`. After the seal it goes into an addendum."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cognify_core.cli.console import emit, say, tell
from cognify_core.cli.options import AsJson, RunArgument, RunOption

if TYPE_CHECKING:
    from cognify_core.canonical import Json


def register(app: typer.Typer) -> None:
    """Add the commands of this group."""
    app.command()(note)
    app.command()(release)


def note(
    text: Annotated[
        str, typer.Argument(metavar="TEXT", help="What you have to say. It is recorded in clear and for ever.")
    ],
    kind: Annotated[
        str,
        typer.Option(
            metavar="KIND", help="general, limitation, failure_mode, rationale, tradeoff … (docs/cli.md); or any word."
        ),
    ] = "general",
    subject: Annotated[str | None, typer.Option(help="What it is about: a node id, a metric.")] = None,
    run: RunOption = "last",
    as_json: AsJson = False,
) -> None:
    """Say something of a run, for whoever reads the record."""
    from cognify_core import api

    api.note(text, kind=kind, subject=subject, run_id=run)
    finish(run, {"kind": kind, "subject": subject, "text": text}, as_json)


def release(
    run: RunArgument,
    approved_by: Annotated[str, typer.Option(metavar="NAME", help="Who approves: somebody else than who ran it.")],
    role: Annotated[str, typer.Option(help="In which role.")],
    ran_by: Annotated[
        str | None, typer.Option(metavar="NAME", help="Who ran it; else it stands there as a commitment.")
    ] = None,
    on: Annotated[
        str | None, typer.Option("--date", metavar="DAY", help="The day of the approval; else today.")
    ] = None,
    market_date: Annotated[
        str | None,
        typer.Option(metavar="DAY", help="When the AI system was placed on the market or put into service."),
    ] = None,
    meaning: Annotated[str | None, typer.Option(metavar="TEXT", help="What the approval means.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say that a run is the released one of its project.

    A later release supersedes it. Nobody approves what they ran themselves.
    """
    from cognify_core import api

    said = api.release(
        run, approved_by=approved_by, role=role, ran_by=ran_by, on=on, market_date=market_date, meaning=meaning
    )
    if not as_json:
        tell(f"released on {said.on}; approved by {said.approved_by}, {said.role}; ran by {said.ran_by}")
        if said.supersedes:
            tell(f"supersedes {said.supersedes}")
    finish(run, said.model_dump(mode="json", exclude={"kind"}), as_json)


def finish(run: str, said: dict[str, Json], as_json: bool) -> None:
    """Seal the addendum that holds what was said, export the run with it, and print the new package."""
    from cognify_core import api

    package = api.export_audit(run)
    if as_json:
        emit({"run_id": package.run_id, **said, "package_hash": str(package.package_hash), "path": str(package.path)})
    else:
        say(f"{package.package_hash}  {package.path}")
