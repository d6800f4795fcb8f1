"""What people say of a run: `note`, `attest`. After the seal it goes into an addendum."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cognify_core.cli.console import emit, say
from cognify_core.cli.options import AsJson, RunOption

if TYPE_CHECKING:
    from cognify_core.canonical import Json


def register(app: typer.Typer) -> None:
    """Add the commands of this group."""
    app.command()(note)
    app.command()(attest)


def note(
    text: Annotated[
        str, typer.Argument(metavar="TEXT", help="What you have to say. It is recorded in clear and for ever.")
    ],
    kind: Annotated[str, typer.Option(help="general, limitation, failure_mode, rationale, tradeoff …")] = "general",
    subject: Annotated[str | None, typer.Option(help="What it is about: a node id, a metric.")] = None,
    run: RunOption = "last",
    as_json: AsJson = False,
) -> None:
    """Say something of a run, for whoever reads the record."""
    from cognify_core import api

    api.note(text, kind=kind, subject=subject, run_id=run)
    finish(run, {"kind": kind, "subject": subject, "text": text}, as_json)


def attest(
    claim: Annotated[str, typer.Argument(metavar="CLAIM", help="What is claimed.")],
    by: Annotated[str, typer.Option(help="Who answers for it: a person's name.")],
    role: Annotated[str, typer.Option(help="In which role, as in 'clinical lead'.")],
    meaning: Annotated[str | None, typer.Option(help="What the signature means: reviewed, approved …")] = None,
    evidence: Annotated[Path | None, typer.Option(metavar="FILE", help="A file that bears it out.")] = None,
    run: RunOption = "last",
    as_json: AsJson = False,
) -> None:
    """Record a statement that a named person answers for."""
    from cognify_core import api

    api.attest(claim, by=by, role=role, meaning=meaning, evidence=evidence, run_id=run)
    finish(run, {"claim": claim, "by": by, "role": role, "meaning": meaning}, as_json)


def finish(run: str, said: dict[str, Json], as_json: bool) -> None:
    """Seal the addendum that holds what was said, export the run with it, and print the new package."""
    from cognify_core import api

    package = api.export_audit(run)
    if as_json:
        emit({"run_id": package.run_id, **said, "package_hash": str(package.package_hash), "path": str(package.path)})
    else:
        say(f"{package.package_hash}  {package.path}")
