"""`cognify doctor`: whether this machine can record, seal and verify."""

from __future__ import annotations

import typer

from cognify_core.cli.console import emit, say
from cognify_core.cli.failures import ExitCode
from cognify_core.cli.options import AsJson

_MARKS = {True: "ok  ", False: "BAD ", None: "–   "}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(doctor)


def doctor(as_json: AsJson = False) -> None:
    """Check that this machine can record, seal and verify."""
    from cognify_core import api

    checks = api.doctor()
    if as_json:
        emit({"checks": [{"name": c.name, "ok": c.ok, "detail": c.detail, "mend": c.mend} for c in checks]})
    else:
        for check in checks:
            say(f"{_MARKS[check.ok]} {check.name}: {check.detail}", style="red" if check.ok is False else None)
            if check.mend and not check.ok:
                say(f"     → {check.mend}")
    if any(check.ok is False for check in checks):
        raise typer.Exit(ExitCode.COULD_NOT)
