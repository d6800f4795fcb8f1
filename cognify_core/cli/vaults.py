"""`cognify vault`: storage that keeps packages until a day; which one, whether it works, and what it says it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cognify_core.cli.console import emit, say, table, tell
from cognify_core.cli.failures import Commands, ExitCode
from cognify_core.cli.options import AsJson
from cognify_core.errors import ConfigurationError

if TYPE_CHECKING:
    from cognify_core.api.vaulting import Plan
    from cognify_core.canonical import Json
    from cognify_core.store.keeping import VaultFact
    from cognify_core.vault.uri import VaultUri

app = typer.Typer(
    cls=Commands,
    help="Storage that keeps packages until a day (WORM): S3 Object Lock, GCS, Azure, or a folder.",
    no_args_is_help=True,
)
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask before a lock that cannot be undone.")]
_MARKS = {True: "ok  ", False: "BAD ", None: "–   "}
_GOOD = "locked"


@app.command("set")
def set_vault(
    uri: Annotated[str, typer.Argument(metavar="URI", help="As in s3://BUCKET/PREFIX?mode=COMPLIANCE.")],
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Say which vault this workspace uses. `vault test` tries it out.

    Credentials stay where the provider's own tools have them: the URI is written down, and holds none.
    """
    from cognify_core import api
    from cognify_core.vault.protocol import Mode
    from cognify_core.vault.uri import VaultUri

    named = VaultUri.parse(uri)
    if named.mode is Mode.COMPLIANCE:
        years = api.retention().said.retention_years
        words = f"COMPLIANCE: what goes into {named.place} cannot be deleted by anybody for at least {years} years"
        confirm(words, yes=yes)
    said = api.set_vault(uri)
    if as_json:
        emit(uri_document(said))
    else:
        say(f"{said}")


@app.command("test")
def try_vault(
    uri: Annotated[str, typer.Argument(metavar="URI", help="A vault; else the one in force.")] = "default",
    put: Annotated[
        bool, typer.Option("--put/--no-put", help="Also put a small object, locked for a minute, and try to delete it.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Find out whether a vault is there, keeps versions, locks, and enforces what it locks."""
    from cognify_core import api

    findings = api.try_vault(uri, put=put)
    if as_json:
        emit({"findings": [{"name": each.name, "ok": each.ok, "detail": each.detail} for each in findings]})
    else:
        for each in findings:
            say(f"{_MARKS[each.ok]} {each.name}: {each.detail}", style="red" if each.ok is False else None)
    if any(each.ok is False for each in findings):
        raise typer.Exit(ExitCode.COULD_NOT)


@app.command("list")
def list_facts(
    run: Annotated[str | None, typer.Argument(metavar="RUN", help="A run; else all.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Ask the vaults again now, and keep what they say.")] = False,
    as_json: AsJson = False,
) -> None:
    """List what is in vaults, as it was read back last. With --check, anything less than locked ends with 2."""
    from cognify_core import api

    facts = api.vault_facts(run, check=check)
    if as_json:
        emit({"vault": str(api.vault()), "objects": [fact_document(fact) for fact in facts]})
    elif facts:
        headings = ("STATE", "MODE", "UNTIL", "HELD", "READ AT", "PART", "OBJECT", "VERSION")
        table(headings, (_row(fact) for fact in facts))
    else:
        say(f"nothing was put into a vault yet; the vault in force is {api.vault()}")
    if check and any(fact.state != _GOOD for fact in facts):
        raise typer.Exit(ExitCode.COULD_NOT)


def _row(fact: VaultFact) -> tuple[object, ...]:
    held = "yes" if fact.held else "no"
    return (fact.state, fact.mode, fact.until, held, fact.read_at, fact.part, f"{fact.vault}/{fact.key}", fact.version)


def uri_document(uri: VaultUri) -> dict[str, Json]:
    """A vault, as `--json` gives it."""
    return {"vault": str(uri), "kind": uri.kind, "place": uri.place, "mode": str(uri.mode)}


def fact_document(fact: VaultFact) -> dict[str, Json]:
    """What a vault said of an object, as `--json` gives it."""
    return {
        "run_id": fact.run_id,
        "package_hash": str(fact.package_hash),
        "part": fact.part,
        "vault": fact.vault,
        "key": fact.key,
        "version": fact.version,
        "state": fact.state,
        "mode": fact.mode,
        "until": fact.until,
        "held": fact.held,
        "asked": {"mode": fact.asked_mode, "until": fact.asked_until, "held": fact.asked_held},
        "read_at": fact.read_at,
    }


def show_kept(facts: tuple[VaultFact, ...]) -> None:
    """Say what was read back of a package and its receipt, and plainly where it is less than was asked for."""
    for fact in facts:
        good = fact.state == _GOOD
        until = f", {fact.mode} until {fact.until}" if fact.mode else ""
        say(f"{fact.part}: {fact.vault}/{fact.key} {fact.state}{until}", style=None if good else "yellow")
        if not good:
            tell(
                f"NOT what was asked for: {fact.asked_mode} until {fact.asked_until}"
                f"{' and a hold' if fact.asked_held else ''}. `cognify vault test` looks for the reason."
            )


def confirm_plan(plan: Plan, *, yes: bool) -> bool:
    """Show a lock that cannot be undone, and ask."""
    confirm(f"{plan}", yes=yes)
    return True


def confirm(words: str, *, yes: bool) -> None:
    """Ask before something that cannot be undone.

    Raises:
        ConfigurationError: nobody is there to be asked, and `--yes` was not given.
        typer.Abort: no.
    """
    import sys

    print(words, file=sys.stderr)
    if yes:
        return
    if not sys.stdin.isatty():
        raise ConfigurationError("this cannot be undone, and nobody is there to be asked: say --yes if it is meant")
    typer.confirm("This cannot be undone. Go on?", abort=True, err=True)
