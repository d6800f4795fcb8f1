"""`cognify keys`: the key that signs here, and the public keys that are trusted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cognify_core.cli.console import emit, say, table
from cognify_core.cli.failures import Commands
from cognify_core.cli.options import AsJson
from cognify_core.errors import SigningKeyError

if TYPE_CHECKING:
    from cognify_core.canonical import Json
    from cognify_core.seal.keys import PinnedKey

app = typer.Typer(cls=Commands, help="The key that signs here, and the keys that are trusted.", no_args_is_help=True)


@app.command("list")
def list_keys(as_json: AsJson = False) -> None:
    """List the trusted keys."""
    from cognify_core import api

    pinned = api.keys().pinned()
    if as_json:
        emit({"keys": [_document(pin) for pin in pinned]})
    elif pinned:
        table(("NAME", "KEY ID"), ((pin.name, pin.key.key_id) for pin in pinned))
    else:
        say("no key is trusted yet; the first seal makes one, and `cognify keys trust FILE` pins another's")


@app.command()
def show(
    which: Annotated[
        str | None, typer.Argument(metavar="KEY", help="A name or the beginning of a key id; else our own.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show one key: its id, and its public half as PEM."""
    found = _find(which)
    if as_json:
        emit(_document(found) | {"pem": found.key.pem.decode("ascii")})
        return
    say(f"{found.name}  {found.key.key_id}")
    print(found.key.pem.decode("ascii"), end="")


@app.command()
def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it; it must not be there yet.")],
    which: Annotated[
        str | None, typer.Argument(metavar="KEY", help="A name or the beginning of a key id; else our own.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a public key to a file, to be handed to auditors by a way that they trust."""
    found = _find(which)
    with file.open("xb") as target:
        target.write(found.key.pem)
    if as_json:
        emit(_document(found) | {"path": str(file)})
    else:
        say(f"{file}  {found.key.key_id}")


@app.command()
def trust(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A P-256 public key, PEM.")],
    name: Annotated[str | None, typer.Option(help="What to call it; else the file's name.")] = None,
    as_json: AsJson = False,
) -> None:
    """Pin a public key: from now on, seals made with it have a known signer."""
    from cognify_core import api
    from cognify_core.seal.keys import PinnedKey

    chosen = name or file.stem
    pin = PinnedKey(chosen, api.keys().trust(file.read_bytes(), chosen))
    if as_json:
        emit(_document(pin))
    else:
        say(f"trusted: {pin.name}  {pin.key.key_id}")


@app.command()
def distrust(
    which: Annotated[str, typer.Argument(metavar="KEY", help="A name, or at least 8 digits of a key id.")],
    as_json: AsJson = False,
) -> None:
    """Unpin a public key: seals made with it have an unknown signer from now on."""
    from cognify_core import api

    gone = api.keys().distrust(which)
    if as_json:
        emit({"distrusted": [key.key_id for key in gone]})
        return
    for key in gone:
        say(f"no longer trusted: {key.key_id}")


def _find(which: str | None) -> PinnedKey:
    from cognify_core import api
    from cognify_core.seal.keys import OWN_NAME, PinnedKey

    ring = api.keys()
    if which is None:
        return PinnedKey(OWN_NAME, ring.signer().public_key)
    found = [pin for pin in ring.pinned() if pin.name == which or pin.key.key_id.startswith(which)]
    if len(found) != 1:
        names = ", ".join(pin.name for pin in ring.pinned()) or "none"
        what = "more than one trusted key answers" if found else "no trusted key answers"
        raise SigningKeyError(f"{what} to {which!r}; trusted are: {names}")
    return found[0]


def _document(pin: PinnedKey) -> dict[str, Json]:
    return {"name": pin.name, "key_id": pin.key.key_id}
