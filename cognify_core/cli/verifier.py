"""`cognify verifier`: the page that checks packages in a browser, written to a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cognify_core.cli.console import emit, say
from cognify_core.cli.options import AsJson
from cognify_core.errors import ConfigurationError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(verifier)


def verifier(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="Where to write it.", dir_okay=False)
    ] = Path("cognify-verify.html"),
    as_json: AsJson = False,
) -> None:
    """Write the page that checks packages in a browser: one file, which works from disk and sends nothing.

    Its SHA-256 is that of every copy of this version: whoever was handed one compares it.
    """
    from cognify_core.model.digest import Digest
    from cognify_core.server.pages.standalone import standalone

    data = standalone()
    try:
        output.write_bytes(data)
    except OSError as error:
        raise ConfigurationError(f"{output} cannot be written: {error.strerror}; name another file with -o") from error
    digest = Digest.of(data)
    if as_json:
        emit({"path": str(output), "sha256": digest.hex, "size": len(data)})
    else:
        say(f"{digest.hex}  {output}")
