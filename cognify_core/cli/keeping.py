"""Keeping: `retention show` and `set`, `sync`, `purge`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cognify_core.canonical import parse
from cognify_core.cli.console import emit, plural, say, tell
from cognify_core.cli.failures import Commands, ExitCode
from cognify_core.cli.options import AsJson

if TYPE_CHECKING:
    from cognify_core.api.keeping_calls import RetentionView
    from cognify_core.api.outbox import Delivery
    from cognify_core.canonical import Json
    from cognify_core.store.working import Job

app = typer.Typer(cls=Commands, help="How long sealed runs are kept, and what happens meanwhile.", no_args_is_help=True)


def register(parent: typer.Typer) -> None:
    """Add the commands of this group."""
    parent.command()(sync)
    parent.command()(purge)


@app.command()
def show(as_json: AsJson = False) -> None:
    """Show how long sealed runs are kept here, which floors of the law apply, and what waits in the outbox."""
    from cognify_core import api

    _show(api.retention(), None, as_json)


@app.command("set")
def set_retention(
    years: Annotated[int | None, typer.Option(metavar="N", help="Years after the seal.")] = None,
    archive_after_days: Annotated[
        int | None, typer.Option(metavar="N", help="When packages in the vault move to a cheaper class.")
    ] = None,
    auto_export: Annotated[
        bool | None, typer.Option("--auto-export/--no-auto-export", help="Put every sealed run into the vault.")
    ] = None,
    auto_export_format: Annotated[str | None, typer.Option(metavar="FORMAT", help="In which format.")] = None,
    reason: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="Why floors of the law do not apply to what is sealed from now on."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Change it. More years are for what is sealed already too, fewer for new runs alone."""
    from cognify_core import api

    view, longer = api.set_retention(
        retention_years=years,
        archive_after_days=archive_after_days,
        auto_export_on_seal=auto_export,
        auto_export_format=auto_export_format,
        override_reason=reason,
    )
    _show(view, longer, as_json)


def _show(view: RetentionView, longer: int | None, as_json: bool) -> None:
    said = view.said
    if as_json:
        emit(
            {
                **said.to_json(),
                "version": view.version,
                "saved_at": view.saved_at,
                "templates": list(view.templates),
                "outbox": [_job_document(job) for job in view.waiting],
                **({} if longer is None else {"kept_longer": longer}),
            }
        )
        return
    say(f"kept for {plural(said.retention_years, 'year')} after the seal{'' if view.version else ' (the default)'}")
    for name in view.templates:
        say(f"{name}: {_floor(name, overridden=said.override_reason)}")
    days = said.archive_after_days
    say(f"to a cheaper class {'never' if days is None else 'after ' + plural(days, 'day')}")
    way = f"put into the vault as {said.auto_export_format}" if said.auto_export_on_seal else "not put into the vault"
    say(f"sealed runs are {way} by themselves")
    if longer:
        told = f"{plural(longer, 'sealed run')} kept until another day now"
        tell(f"{told}; `cognify sync` makes locks longer where it is a later one")
    for job in view.waiting:
        say(f"waits: {job.run_id}, due {job.due_at[:19]}Z{f': {job.last_error}' if job.last_error else ''}")


def _floor(name: str, *, overridden: str | None) -> str:
    from cognify_core.model.retention import FLOORS

    if (floor := FLOORS.get(name)) is None:
        return "no law that asks for years"
    if overridden is not None:
        return f"{floor.years} years ({floor.citation}), but for what is sealed under this: {overridden}"
    starts = {"market": "placing on the market; unknown, it is an open hold", "seal": "the last seal"}[floor.clock]
    return f"at least {floor.years} years after {starts} ({floor.citation})"


def sync(as_json: AsJson = False) -> None:
    """Deliver what waits for the vault or the server, and bring locks up to what must be kept.

    Ends with 2 where something still waits.
    """
    from cognify_core import api

    deliveries, said = api.sync()
    if as_json:
        emit({"deliveries": [_delivery_document(each) for each in deliveries], "done": list(said)})
    else:
        for each in deliveries:
            what = ", ".join(each.states) if each.error is None else _told(each)
            say(f"{each.job.run_id}: {what}", style=None if each.error is None else "yellow")
        for line in said:
            say(line)
        if not deliveries and not said:
            say("nothing waits")
    if any(each.error is not None for each in deliveries):
        raise typer.Exit(ExitCode.COULD_NOT)


def _told(delivery: Delivery) -> str:
    return f"{delivery.error}{f'; again after {delivery.due_at}' if delivery.due_at else ''}"


def purge(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run id, or the beginning of one.")],
    by: Annotated[str | None, typer.Option(metavar="NAME", help="The administrator who asks for it.")] = None,
    approved_by: Annotated[str | None, typer.Option(metavar="NAME", help="Somebody else, who agrees.")] = None,
    reason: Annotated[str | None, typer.Option(metavar="TEXT", help="Why; it stays on the tombstone.")] = None,
    as_json: AsJson = False,
) -> None:
    """Delete a sealed run whose time has come; before that it refuses (docs/deletion.md).

    A tombstone stays, and so does what a lock in a vault still holds.
    """
    from cognify_core import api

    done = api.purge(run, by=by, approved_by=approved_by, reason=reason)
    remains = [dict(each) for each in done.remains]
    if as_json:
        emit(
            {
                "run_ids": list(done.run_ids),
                "requested_by": done.purge.requested_by,
                "approved_by": done.purge.approved_by,
                "reason": done.purge.reason,
                "purged_at": done.purge.purged_at,
                "statement": done.purge.statement,
                "remains": list(remains),
            }
        )
        return
    say(f"{done.run_ids[-1]} purged with {plural(len(done.run_ids) - 1, 'addendum', 'addenda')}; a tombstone stays")
    for each in remains:
        where = each.get("path") or f"{each.get('vault')}/{each.get('key')}"
        say(f"remains: {where} ({each.get('state', 'not removed')}{_until(each)})", style="yellow")


def _until(remains: dict[str, Json]) -> str:
    return f" until {remains['until']}" if remains.get("until") else ""


def _job_document(job: Job) -> dict[str, Json]:
    return {
        "run_id": job.run_id,
        "what": parse(job.job_id.encode("utf-8")),
        "attempts": job.attempts,
        "due_at": job.due_at,
        "last_error": job.last_error,
    }


def _delivery_document(delivery: Delivery) -> dict[str, Json]:
    return {
        "run_id": delivery.job.run_id,
        "attempts": delivery.job.attempts,
        "states": list(delivery.states),
        "error": delivery.error,
        "due_at": delivery.due_at,
    }
