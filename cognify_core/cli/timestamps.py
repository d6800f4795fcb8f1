"""`cognify timestamp`: authorities that sign at which time a seal was there, and timestamps that come later."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cognify_core.cli.console import emit, say, tell
from cognify_core.cli.failures import Commands, ExitCode
from cognify_core.cli.options import AsJson
from cognify_core.cli.progress import waiting
from cognify_core.errors import ConfigurationError

app = typer.Typer(
    cls=Commands,
    help="Time stamping authorities (RFC 3161): somebody else than the signer says when a seal was there.",
    no_args_is_help=True,
)


@app.command("set")
def set_urls(
    urls: Annotated[list[str] | None, typer.Argument(metavar="URL...", help="As in https://tsa.example/tsr.")] = None,
    nobody: Annotated[bool, typer.Option("--none", help="Ask nobody any more.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say which authorities are asked at each seal. `timestamp test` tries them, `keys trust ROOT.pem` trusts one."""
    from cognify_core import api

    if bool(urls) is nobody:
        raise ConfigurationError("name the authorities by their URLs, or give --none")
    said = api.set_timestamp_urls(urls or ())
    _show(said, as_json=as_json)


@app.command()
def show(as_json: AsJson = False) -> None:
    """Show which authorities are asked at each seal."""
    from cognify_core import api

    _show(api.timestamp_urls(), as_json=as_json)


@app.command("test")
def try_out(
    urls: Annotated[list[str] | None, typer.Argument(metavar="URL...", help="Else those in force.")] = None,
    as_json: AsJson = False,
) -> None:
    """Ask each authority for a timestamp. Ends with 2 where one gives none that holds under a root that is pinned."""
    from cognify_core import api

    with waiting("asking"):
        trials = api.try_timestamps(urls or ())
    if as_json:
        fields = ("url", "authority", "time", "pinned", "error")
        emit({"authorities": [{name: getattr(each, name) for name in fields} for each in trials]})
    elif not trials:
        say("nobody is asked: `cognify timestamp set URL` names an authority")
    else:
        for each in trials:
            if each.time is not None:
                say(f"{'ok  ' if each.pinned else '–   '} {each.url}: {each.time} by {each.authority}")
            if each.error is not None:
                say(f"{'BAD ' if each.time is None else '     '} {each.url}: {each.error}", style="yellow")
    if not trials or not all(each.pinned for each in trials):
        raise typer.Exit(ExitCode.COULD_NOT)


@app.command()
def renew(
    target: Annotated[
        str, typer.Argument(metavar="PACKAGE|RUN", help="A package file, or a run, whose newest package is meant.")
    ] = "last",
    as_json: AsJson = False,
) -> None:
    """Have a package dated now, or once more before an old timestamp grows weak: beside it, in its .evidence.json.

    The first timestamp there is over the package, each later one over the one before. Nothing is ever replaced.
    """
    from cognify_core import api

    with waiting("asking"):
        done = api.renew_timestamp(Path(target) if Path(target).is_file() else target)
    if as_json:
        told = [{"time": each.told, "authority": each.authority} for each in done.timestamps]
        emit({"evidence": str(done.evidence), "timestamps": list(told), "failures": list(done.failures)})
        return
    say(f"{done.evidence}")
    for each in done.timestamps:
        say(f"{each.told} by {each.authority}")
    for failure in done.failures:
        tell(f"no timestamp of {failure}", style="yellow")


def _show(urls: tuple[str, ...], *, as_json: bool) -> None:
    if as_json:
        emit({"urls": list(urls)})
        return
    for url in urls:
        say(url)
    if not urls:
        say("nobody is asked: seals have the signer's own time (claimed)")
