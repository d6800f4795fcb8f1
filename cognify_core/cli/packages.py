"""Packages: `export` makes one, `verify` checks one."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from cognify_core.cli.console import emit, plural, say
from cognify_core.cli.failures import ExitCode
from cognify_core.cli.options import AsJson
from cognify_core.cli.progress import counting, stages
from cognify_core.cli.vaults import Yes, confirm_plan, fact_document, show_kept
from cognify_core.cli.verdict import show_report
from cognify_core.errors import CannotVerifyError, ConfigurationError, VerificationError

if TYPE_CHECKING:
    from cognify_core.api.exporting import Package
    from cognify_core.verify.report import Report


def register(app: typer.Typer) -> None:
    """Add the commands of this group."""
    app.command(cls=_Export)(export)
    app.command()(preview)
    app.command()(verify)


class _Export(TyperCommand):
    """`export`, whose help ends with the table of what can be exported."""

    def format_epilog(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - typer calls it so
        from cognify_core.export.formats import export_table

        with formatter.section("Which formats and templates there are"):
            for line in export_table().splitlines():
                formatter.write(f"  {line}\n")


def export(
    run: Annotated[
        str | None,
        typer.Argument(metavar="RUN", help="A run id, the beginning of one, or 'last'.", show_default="last"),
    ] = None,
    format: Annotated[  # noqa: A002 - the option's name
        str | None,
        typer.Option(
            help="The package's format: see below; or 'folder', for an auditor.",
            show_default="as --output ends, else json",
        ),
    ] = None,
    template: Annotated[str | None, typer.Option(help="What a law or a framework asks: see below.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="PATH", help="Where to write it; else under COGNIFY_HOME.")
    ] = None,
    refresh: Annotated[
        bool,
        typer.Option(
            "--refresh/--no-refresh",
            help="Take what has changed since the seal (profile, access log) into an addendum first.",
        ),
    ] = True,
    since: Annotated[
        str | None, typer.Option(metavar="DAY", help="With --until: list the runs of a period instead, as xlsx.")
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="DAY", help="The last day of the period, UTC.")] = None,
    vault: Annotated[
        str | None,
        typer.Option(metavar="URI", help="Also put it, with its receipt, into this vault, locked; or 'default'."),
    ] = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Write a sealed run as one file that others can check.

    Addenda are in it. The package hash, which is printed, is what `sha256sum` prints for the file.
    """
    from cognify_core import api
    from cognify_core.export.formats import format_named

    format = format or (format_named(output) if output else None)  # noqa: A001
    if since is not None or until is not None:
        if vault is not None:
            raise ConfigurationError("a list of runs goes into no vault: it belongs to none of them; leave out --vault")
        listed = format or "xlsx"
        _export_period(since, until, run=run, format=listed, template=template, output=output, as_json=as_json)
        return
    if format == "folder":
        if output is None:
            raise ConfigurationError("say where the folder goes: --output DIR")
        if template is not None or vault is not None:
            raise ConfigurationError("a folder has no template and goes into no vault: leave these out")
        _export_folder("last" if run is None else run, output, as_json=as_json)
        return
    with stages("exporting") as watch:
        package = api.export_audit(
            "last" if run is None else run,
            format=format or "json",
            template=template,
            path=output,
            refresh=refresh,
            vault=vault,
            confirm=partial(confirm_plan, yes=yes),
            watch=watch,
        )
    if as_json:
        emit(
            {
                "run_id": package.run_id,
                "package_hash": str(package.package_hash),
                "path": str(package.path),
                "receipt": str(package.receipt_path),
                "format": package.format,
                "template": package.template,
                "bytes": package.size,
                "addenda": package.addenda,
                "personal_data": package.personal_data,
                "refreshed": package.refreshed,
                "oms": [str(path) for path in package.oms.paths],
                "without_oms": package.oms.without,
                "kept": [fact_document(fact) for fact in package.kept],
            }
        )
        _end_as(package)
        return
    if package.refreshed:
        say(f"{package.refreshed}")
    if package.personal_data:
        say("this package holds personal data: users and addresses in clear", style="yellow")
    say(f"{package.path}")
    say(f"{package.package_hash}")
    say(f"receipt: {package.receipt_path}")
    _show_oms(package)
    show_kept(package.kept)
    _end_as(package)


def _show_oms(package: Package) -> None:
    for folder in dict.fromkeys(path.parent for path in package.oms.paths):
        count = sum(path.parent == folder for path in package.oms.paths)
        say(f"model signatures (OMS): {count} in {folder}")
    for node_id, why in package.oms.without.items():
        say(f"no model signature of {node_id}: {why}")


def _end_as(package: Package) -> None:
    """End with 2 where the vault gave less than was asked of it."""
    if any(fact.state != "locked" for fact in package.kept):
        raise typer.Exit(ExitCode.COULD_NOT)


def preview(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run id, the beginning of one, or 'last'.")] = "last",
    template: Annotated[str | None, typer.Option(help="What a law or a framework asks, as in 'export'.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="PATH", help="Where to write it; else under COGNIFY_HOME.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Draw the PDF of a run that is not sealed yet, or does not verify: a red banner on every page, and no evidence."""
    from cognify_core import api

    with stages("previewing") as watch:
        drawn = api.preview(run, template=template, path=output, watch=watch)
    if as_json:
        told = {"run_id": drawn.run_id, "path": str(drawn.path), "template": drawn.template, "bytes": drawn.size}
        emit(told | {"banner": drawn.banner})
        return
    say(drawn.banner, style="red")
    say(f"{drawn.path}")


def _export_folder(run: str, output: Path, *, as_json: bool) -> None:
    from cognify_core import api

    with stages("exporting") as watch:
        handed = api.export_folder(run, output, watch=watch)
    package = handed.package
    if as_json:
        told = {"run_id": package.run_id, "package_hash": str(package.package_hash), "path": str(package.path)}
        emit(told | {"receipt": str(package.receipt_path), "folder": str(handed.folder), "files": list(handed.files)})
        return
    say(f"{plural(len(handed.files), 'file')} in {handed.folder}")
    say(f"{package.package_hash}")


def _export_period(
    since: str | None,
    until: str | None,
    *,
    run: str | None,
    format: str,  # noqa: A002 - as the option
    template: str | None,
    output: Path | None,
    as_json: bool,
) -> None:
    from cognify_core import api

    if since is None or until is None:
        raise ConfigurationError("a period has two ends: give --since DAY and --until DAY")
    if run is not None or template is not None:
        raise ConfigurationError("a period is of all runs, and has no template: leave out the run and --template")
    with stages("listing") as watch:
        package = api.export_population(since, until, format=format, path=output, watch=watch)
    if as_json:
        emit(
            {
                "since": package.since,
                "until": package.until,
                "runs": package.runs,
                "package_hash": str(package.package_hash),
                "path": str(package.path),
                "receipt": str(package.receipt_path),
                "format": package.format,
                "bytes": package.size,
            }
        )
        return
    say(f"{plural(package.runs, 'run')} opened from {package.since} to {package.until}")
    say(f"{package.path}")
    say(f"{package.package_hash}")
    say(f"receipt: {package.receipt_path}")


def verify(
    target: Annotated[str, typer.Argument(metavar="PACKAGE|RUN", help="A package file, or a run.")] = "last",
    key: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The signer's public key; else all that are trusted."),
    ] = None,
    receipt: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The package's receipt; else the one beside it, if any.")
    ] = None,
    artifacts: Annotated[
        bool, typer.Option("--artifacts", help="Also hash what lies at the recorded places, and compare.")
    ] = False,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="SYSTEM:URI", help="Also name what drifted there since, as in mlflow:sqlite:///mlflow.db."
        ),
    ] = None,
    head: Annotated[
        str | None,
        typer.Option(metavar="FILE|URL", help="A head or .tlog-proof from outside that must cover the seal."),
    ] = None,
    tiles: Annotated[
        str | None,
        typer.Option(metavar="FOLDER|URL", help="The published ledger that leads to that head; else our own."),
    ] = None,
    require_timestamp: Annotated[
        bool, typer.Option("--require-timestamp", help="Each seal must be dated by an authority that is trusted here.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Compute everything again, and say what holds.

    Exit code 0: intact, and sealed by a trusted key. 1: a contradiction, which is named. 2: it could not be checked.
    """
    report = _report(
        target,
        key=key,
        receipt=receipt,
        artifacts=artifacts,
        against=against,
        head=head,
        tiles=tiles,
        require_timestamp=require_timestamp,
    )
    if as_json:
        emit(report.to_json())
    else:
        show_report(report, target)
    raise typer.Exit(report.exit_code)


def _report(target: str, **options: Any) -> Report:
    from cognify_core import api

    try:
        with counting("verifying artifacts") as progress:
            return api.verify(target, progress=progress, **options)
    except (VerificationError, CannotVerifyError) as error:
        if (report := getattr(error, "report", None)) is None:
            raise
        found: Report = report
        return found
