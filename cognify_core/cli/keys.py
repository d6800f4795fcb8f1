"""`cognify keys`: the key that signs here, and the public keys that are trusted."""

from __future__ import annotations

import sys
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cognify_core.cli.console import emit, say, table, tell
from cognify_core.cli.failures import Commands
from cognify_core.cli.options import AsJson
from cognify_core.errors import ConfigurationError, SigningKeyError

if TYPE_CHECKING:
    from cognify_core.canonical import Json
    from cognify_core.seal.authorities import Authority
    from cognify_core.seal.notes import LogKey
    from cognify_core.seal.pins import Pin
    from cognify_core.seal.signing import PublicKey

app = typer.Typer(cls=Commands, help="The key that signs here, and the keys that are trusted.", no_args_is_help=True)


@app.command("list")
def list_keys(as_json: AsJson = False) -> None:
    """List the trusted keys, and which of them sign here now."""
    from cognify_core import api

    ring = api.keys()
    pinned = [*map(_document, ring.pinned()), *map(_log_document, ring.logs.pinned())]
    pinned += map(_authority_document, ring.authorities.pinned())
    now = ring.signing()
    if as_json:
        emit({"keys": [pin | {"signs": pin["key_id"] in now} for pin in pinned]})
        return
    if pinned:
        rows = ((pin["name"], pin["of"], "now" if pin["key_id"] in now else "", pin["key_id"]) for pin in pinned)
        table(("NAME", "OF", "SIGNS", "KEY ID"), rows)
    else:
        say("no key is trusted yet; the first seal makes one, and `cognify keys trust FILE` pins another's")
    for key_id in sorted(now - {str(pin["key_id"]) for pin in pinned}):
        tell(f"{key_id} signs here, and is not trusted here")


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
    _export(file, which, as_json=as_json)


@app.command("export-public")
def export_public(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it; it must not be there yet.")],
    which: Annotated[
        str | None, typer.Argument(metavar="KEY", help="A name or the beginning of a key id; else our own.")
    ] = None,
    log: Annotated[bool, typer.Option("--log", help="The key of our ledger's heads, a line of text.")] = False,
    trusted_root: Annotated[
        bool, typer.Option("--trusted-root", help="Our ledger as a trusted_root.json for Sigstore's verifiers.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write what auditors check with: a public key, the ledger's key, or a trusted root for Sigstore's tools."""
    from cognify_core import api
    from cognify_core.seal.trusted_root import trusted_root_of

    if not (log or trusted_root):
        _export(file, which, as_json=as_json)
        return
    key = api.ledger().key
    with file.open("xb") as target:
        target.write(trusted_root_of(key, api.keys().authorities.trusted()) if trusted_root else f"{key}\n".encode())
    if as_json:
        emit({"name": key.origin, "key_id": key.log_id.hex(), "of": "log", "path": str(file)})
    else:
        say(f"{file}  {key}")


def _export(file: Path, which: str | None, *, as_json: bool) -> None:
    found = _find(which)
    with file.open("xb") as target:
        target.write(found.key.pem)
    if as_json:
        emit(_document(found) | {"path": str(file)})
    else:
        say(f"{file}  {found.key.key_id}")


@app.command()
def trust(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="A P-256 public key, PEM; a log's key, one line; or an authority's certificates, PEM, the root last.",
        ),
    ],
    name: Annotated[str | None, typer.Option(help="What to call it; else the file's name.")] = None,
    as_json: AsJson = False,
) -> None:
    """Pin a key: from now on seals have a known signer, heads a known log, timestamps a known authority."""
    from cognify_core import api
    from cognify_core.seal.pins import Pin
    from cognify_core.verify.files import KEY_BYTES, read_file

    ring, data, chosen = api.keys(), read_file(file, KEY_BYTES), name or file.stem
    if b"+" in data and not data.startswith(b"-") and b"\n" not in data.strip():
        log = Pin(chosen, ring.logs.trust(data, chosen))
        document, shown = _log_document(log), str(log.key)
    elif b"-----BEGIN CERTIFICATE-----" in data:
        authority = Pin(chosen, ring.authorities.trust(data, chosen))
        document, shown = _authority_document(authority), f"{authority.key.authority_id}  {authority.key.subject}"
    else:
        signer = Pin(chosen, ring.trust(data, chosen))
        document, shown = _document(signer), signer.key.key_id
    if as_json:
        emit(document)
    else:
        say(f"trusted: {chosen}  {shown}")


@app.command()
def distrust(
    which: Annotated[str, typer.Argument(metavar="KEY", help="A name, or at least 8 digits of a key id.")],
    as_json: AsJson = False,
) -> None:
    """Unpin a public key: seals made with it have an unknown signer from now on."""
    from cognify_core import api

    others = [key.log_id.hex() for key in api.keys().logs.distrust(which)]
    others += [authority.authority_id for authority in api.keys().authorities.distrust(which)]
    answers = any(pin.name == which for pin in api.keys().pinned())
    gone = [key.key_id for key in api.keys().distrust(which)] if answers or not others else []
    if as_json:
        emit({"distrusted": [*gone, *others]})
        return
    for key_id in (*gone, *others):
        say(f"no longer trusted: {key_id}")


@app.command()
def rotate(
    reason: Annotated[str, typer.Option(help="Why; the ledger keeps it.")],
    to: Annotated[
        str | None,
        typer.Option(metavar="URI", help="Who signs from now on, as in awskms:///alias/NAME; else a new key here."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Have a new key sign from now on. The old one introduces it in the ledger, and its private half is destroyed."""
    from cognify_core import api

    done = api.rotate_key(reason=reason, to=to)
    if as_json:
        emit({"old": done.old, "new": done.new, "leaf": done.leaf})
    else:
        say(f"signs from now on: {done.new}")
        say(f"signed until now:  {done.old}, which stays trusted; leaf {done.leaf} of the ledger says so")


@app.command()
def passphrase(
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="Take the new one from the first line of a file.")
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Have none from now on.")] = False,
    as_json: AsJson = False,
) -> None:
    """Put the private keys here under a passphrase, or under another: typed twice in a terminal, or from a file.

    The old one comes from COGNIFY_KEY_PASSPHRASE_FILE or COGNIFY_KEY_PASSPHRASE, or is asked for.
    """
    from cognify_core import api

    if remove and file is not None:
        raise ConfigurationError("give --file or --remove, not both")
    done = api.keys().protect(None if remove else _new_passphrase(file))
    if as_json:
        emit({"files": [str(each) for each in done], "encrypted": not remove})
        return
    for each in done:
        say(f"{each} {'has no passphrase any more' if remove else 'is under a passphrase now'}")
    if done and not remove:
        tell("from now on COGNIFY_KEY_PASSPHRASE_FILE has to name a file with it, wherever something is sealed")
    if not done:
        say("there is no private key here yet: with COGNIFY_KEY_PASSPHRASE_FILE set, one is made under a passphrase")


def _new_passphrase(file: Path | None) -> bytes:
    from cognify_core.seal.passphrases import passphrase_in

    if file is not None:
        return passphrase_in(file)
    if not sys.stdin.isatty():
        raise ConfigurationError("there is no terminal to type a passphrase in: give --file FILE")
    first, second = getpass("New passphrase: "), getpass("Once more: ")
    if first != second:
        raise ConfigurationError("these are two passphrases, and not one")
    return first.encode()


def _find(which: str | None) -> Pin[PublicKey]:
    from cognify_core import api
    from cognify_core.seal.keys import OWN_NAME
    from cognify_core.seal.pins import Pin

    ring = api.keys()
    if which is None:
        return Pin(OWN_NAME, ring.signer().public_key)
    found = [pin for pin in ring.pinned() if pin.name == which or pin.key.key_id.startswith(which)]
    if len(found) != 1:
        names = ", ".join(pin.name for pin in ring.pinned()) or "none"
        what = "more than one trusted key answers" if found else "no trusted key answers"
        raise SigningKeyError(f"{what} to {which!r}; trusted are: {names}")
    return found[0]


def _document(pin: Pin[PublicKey]) -> dict[str, Json]:
    return {"name": pin.name, "key_id": pin.key.key_id, "of": "signer"}


def _log_document(pin: Pin[LogKey]) -> dict[str, Json]:
    return {"name": pin.name, "key_id": pin.key.log_id.hex(), "of": "log"}


def _authority_document(pin: Pin[Authority]) -> dict[str, Json]:
    return {"name": pin.name, "key_id": pin.key.authority_id, "of": "timestamps", "subject": pin.key.subject}
