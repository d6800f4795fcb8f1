"""The `cognify` command: its options, its commands, and nothing heavy until one of them runs."""

from __future__ import annotations

import sys
from getpass import getpass
from pathlib import Path
from typing import Annotated

import typer

from cognify_core.cli import (
    accesses,
    artifacts,
    attesting,
    backing,
    checks,
    evaluations,
    keeping,
    keys,
    ledger,
    packages,
    profiles,
    runs,
    serving,
    starting,
    statements,
    timestamps,
    vaults,
    verifier,
    visitors,
    webhooks,
)
from cognify_core.cli.failures import Commands

HELP = """The audit trail of model fine-tuning: list, read, seal, export and verify runs.

Exit codes: 0 it holds (or is done), 1 it does not hold, 2 it could not be checked (or done)."""

app = typer.Typer(
    name="cognify",
    cls=Commands,
    help=HELP,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rich's help costs 0.1 s and reads markup
)


def _version(asked: bool) -> None:
    if asked:
        from cognify_core.version import RECORDER

        print(RECORDER)
        raise typer.Exit


@app.callback()
def _options(
    home: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Store, keys and packages; else COGNIFY_HOME, else ~/.cognify.")
    ] = None,
    version: Annotated[  # noqa: ARG001 - typer calls _version with it
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    is_terminal = sys.stdin is not None and sys.stdin.isatty()
    if is_terminal or home is not None:
        from cognify_core import api

        if is_terminal:
            api.this_session().ask = getpass
        if home is not None:
            api.init(home=home)


for group in (
    starting,
    runs,
    packages,
    verifier,
    artifacts,
    statements,
    evaluations,
    attesting,
    keeping,
    backing,
    serving,
    visitors,
    checks,
):
    group.register(app)
app.add_typer(profiles.app, name="profile")
app.add_typer(keeping.app, name="retention")
app.add_typer(vaults.app, name="vault")
app.add_typer(ledger.app, name="ledger")
app.add_typer(accesses.app, name="access")
app.add_typer(timestamps.app, name="timestamp")
app.add_typer(keys.app, name="keys")
app.add_typer(serving.app, name="token")
app.add_typer(visitors.app, name="person")
app.add_typer(webhooks.app, name="webhook")
