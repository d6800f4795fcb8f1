"""`cognify ledger`: the log of every run that was begun, sealed or discarded here, and proofs of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cognify_core.cli.console import emit, plural, say, table, tell
from cognify_core.cli.failures import Commands
from cognify_core.cli.options import AsJson
from cognify_core.cli.progress import counting, waiting
from cognify_core.cli.verdict import show_fsck
from cognify_core.seal.encoding import base64_text

if TYPE_CHECKING:
    from cognify_core.canonical import Json
    from cognify_core.seal.notes import SignedHead

app = typer.Typer(
    cls=Commands,
    help="The append-only log of all that was begun, sealed or discarded here: a missing run shows in it.",
    no_args_is_help=True,
)
Output = Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where to write it; else stdout.")]


@app.command()
def head(output: Output = None, as_json: AsJson = False) -> None:
    """Sign the ledger as it is now, in three lines: send them somewhere that this host does not own."""
    from cognify_core import api

    signed = api.ledger().head()
    _write(output, signed.note)
    if as_json:
        emit(_head_document(signed) | {"path": None if output is None else str(output)})
    elif output is None:
        print(signed.note.decode(), end="")
    else:
        say(f"{output}  {plural(signed.head.size, 'leaf', 'leaves')}, root {signed.head.root.hex()}")


@app.command("list")
def list_leaves(
    open_only: Annotated[
        bool, typer.Option("--open", help="Only runs that were begun, and neither sealed nor discarded.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List what the ledger holds, in order."""
    from cognify_core import api

    ledger = api.ledger()
    if open_only:
        _list_open(as_json=as_json)
        return
    leaves = [(place, leaf.kind, leaf.subject) for place, leaf in enumerate(ledger.leaves())]
    if as_json:
        emit({"leaves": [{"leaf": place, "kind": kind, "subject": subject} for place, kind, subject in leaves]})
    elif leaves:
        table(("LEAF", "KIND", "SUBJECT"), leaves)
    else:
        say("no leaves yet; the first run makes one")


def _list_open(*, as_json: bool) -> None:
    from cognify_core import api

    runs = api.ledger().open_runs()
    if as_json:
        fields = ("run_id", "opened_at", "status")
        emit({"open": [{"leaf": run.position} | {name: getattr(run, name) for name in fields} for run in runs]})
    elif runs:
        rows = ((run.position, run.run_id, run.opened_at[:19], run.status or "GONE") for run in runs)
        table(("LEAF", "RUN", "OPENED", "STATUS"), rows)
    else:
        say("every run that was begun was sealed or discarded")


@app.command()
def consistency(
    old_head: Annotated[str, typer.Argument(metavar="OLD_HEAD", help="A head, as `head` writes it: a file or a URL.")],
    new_head: Annotated[
        str | None, typer.Argument(metavar="NEW_HEAD", help="A later one; else the ledger as it is now.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Prove that the ledger continues an earlier head: nothing in it was changed or taken out since."""
    from cognify_core import api

    found = api.ledger().consistency(old_head, new_head)
    if as_json:
        emit(
            {
                "origin": found.old.origin,
                "old": {"leaves": found.old.size, "root": found.old.root.hex()},
                "new": {"leaves": found.new.head.size, "root": found.new.head.root.hex()},
                "proof": [base64_text(each) for each in found.proof],
                "note": found.new.note.decode(),
            }
        )
    else:
        say(f"holds: {found.old.size} leaves are the beginning of {found.new.head.size}", style="green")


@app.command()
def fsck(
    head: Annotated[
        str | None,
        typer.Option("--head", metavar="FILE|URL", help="A head from outside that the ledger must continue."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compute the whole ledger again, and name what the store lacks or holds beside it.

    Exit code 0: it holds. 1: a contradiction, which is named. 2: something could not be checked.
    """
    from cognify_core import api

    with counting("checking leaves") as progress:
        report = api.ledger().check(head, progress)
    if as_json:
        emit(report.to_json())
    else:
        show_fsck(report, plural(report.size, "leaf", "leaves"))
        if head is None and report.exit_code == 0:
            tell("whether it is the ledger that others have seen, only `--head FILE` from elsewhere tells")
    raise typer.Exit(report.exit_code)


@app.command()
def publish(
    folder: Annotated[
        str,
        typer.Argument(metavar="FOLDER|URL", help="A folder, a URL that takes PUT, or s3://BUCKET/PREFIX."),
    ],
    as_json: AsJson = False,
) -> None:
    """Write the ledger as static files (C2SP tlog-tiles): digests and signatures, nothing of what was said."""
    from cognify_core import api

    with waiting("publishing"):
        done = api.ledger().publish(folder)
    if as_json:
        emit(_head_document(done.head) | {"before": done.before, "files": done.files, "path": str(folder)})
    else:
        say(f"{folder}  {plural(done.head.head.size, 'leaf', 'leaves')}, {plural(done.files, 'file')} written")


@app.command()
def prove(
    what: Annotated[str, typer.Argument(metavar="RUN|LEAF", help="A run, or a leaf by its number.")] = "last",
    output: Output = None,
    as_json: AsJson = False,
) -> None:
    """Write the proof that a run's seal is in the ledger as it is now (C2SP .tlog-proof), for `verify --head`."""
    from cognify_core import api

    place, proof = api.ledger().prove(what)
    _write(output, proof.encode())
    if as_json:
        written = None if output is None else str(output)
        hashes = [base64_text(each) for each in proof.hashes]
        emit(_head_document(proof.head) | {"leaf": place, "hashes": hashes, "path": written})
    elif output is None:
        print(proof.encode().decode(), end="")
    else:
        say(f"{output}  leaf {place} of {proof.head.head.size}")


def _head_document(signed: SignedHead) -> dict[str, Json]:
    found = signed.head
    return {"origin": found.origin, "leaves": found.size, "root": found.root.hex(), "note": signed.note.decode()}


def _write(output: Path | None, data: bytes) -> None:
    if output is not None:
        output.write_bytes(data)
