"""`cognify webhook`: who is told what happens in a workspace of the store that is served from here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cognify_core.cli.console import emit, remark, say, table
from cognify_core.cli.failures import Commands, ExitCode
from cognify_core.cli.options import AsJson
from cognify_core.errors import ConfigurationError

if TYPE_CHECKING:
    from cognify_core.api.workspace import Workspace
    from cognify_core.canonical import Json
    from cognify_core.server.reaching import Reach
    from cognify_core.store.protocol import Store
    from cognify_core.store.working import Hook

app = typer.Typer(
    cls=Commands, help="Who is told by a server what happens in a workspace (docs/server.md).", no_args_is_help=True
)
HookArgument = Annotated[str, typer.Argument(metavar="ID", help="As `webhook list` shows it.")]
WorkspaceOption = Annotated[str, typer.Option("--workspace", metavar="NAME", help="In which workspace.")]
_EVERY = "default"


@app.command()
def add(
    url: Annotated[str, typer.Argument(metavar="URL", help="https://HOST/PATH; it is shown to nobody whole.")],
    event: Annotated[
        list[str] | None, typer.Option(metavar="EVENT", help="As in run.sealed; may be given again; else all.")
    ] = None,
    label: Annotated[str, typer.Option(metavar="TEXT", help="For people.")] = "",
    workspace: WorkspaceOption = _EVERY,
    as_json: AsJson = False,
) -> None:
    """Have a URL be told. The secret that messages are signed with is shown this once."""
    from cognify_core.api.accesses import this_user
    from cognify_core.server.happening import EVENTS
    from cognify_core.server.notifying import add_hook

    room, store, reach = _place(workspace)
    by = f"user {this_user()}"
    hook, secret = add_hook(room, store, reach, url=url, events=event or EVENTS, label=label, enabled=True, by=by)
    if as_json:
        emit(_as_json(hook) | {"secret": secret})
        return
    say(secret)
    remark(f"{hook.hook_id} is told of {', '.join(hook.events)} from now on; the secret is shown this once")


@app.command("list")
def list_hooks(workspace: WorkspaceOption = _EVERY, as_json: AsJson = False) -> None:
    """List webhooks, without their secrets."""
    room, _, _ = _place(workspace)
    shown = [_as_json(hook) for hook in room.store.hooks()]
    if as_json:
        emit({"webhooks": list(shown)})
        return
    rows = [(each["hook_id"], each["url"], " ".join(_events(each)), each["label"], each["enabled"]) for each in shown]
    table(("id", "url", "events", "label", "on"), rows)


@app.command()
def remove(hook_id: HookArgument, workspace: WorkspaceOption = _EVERY, as_json: AsJson = False) -> None:
    """Tell it no more; what was still to be sent is not."""
    room, _, _ = _place(workspace)
    room.store.drop_hook(_found(room, hook_id).hook_id)
    if as_json:
        emit({"hook_id": hook_id, "removed": True})
        return
    say(f"{hook_id} is removed")


@app.command("test")
def try_hook(hook_id: HookArgument, workspace: WorkspaceOption = _EVERY, as_json: AsJson = False) -> None:
    """Send it a message of no importance now. Ends with 2 where it was not taken."""
    from cognify_core.model.names import utc_now
    from cognify_core.server.notifying import try_out

    room, _, reach = _place(workspace)
    message_id, outcome = try_out(reach, room, _found(room, hook_id), utc_now())
    if as_json:
        emit({"message_id": message_id, "status": outcome.status, "error": outcome.error})
    else:
        say(f"{message_id}: {'taken' if outcome.error is None else outcome.error}")
    if outcome.error is not None:
        raise typer.Exit(ExitCode.COULD_NOT)


def _place(workspace: str) -> tuple[Workspace, Store, Reach]:
    from cognify_core import api
    from cognify_core.server.reaching import Reach
    from cognify_core.server.rooms import Rooms

    embedded = api.this_session().workspace
    room = Rooms(embedded.settings, embedded.store).find(workspace)
    if room is None:
        raise ConfigurationError(f"there is no workspace {workspace[:80]!r} in this store")
    return room, embedded.store, Reach(embedded.settings.webhook_hosts)


def _found(room: Workspace, hook_id: str) -> Hook:
    hook = room.store.hook(hook_id)
    if hook is None:
        raise ConfigurationError(f"there is no webhook {hook_id[:40]!r}; `cognify webhook list` lists them")
    return hook


def _events(shown: dict[str, Json]) -> list[str]:
    events = shown["events"]
    return [str(event) for event in events] if isinstance(events, list) else []


def _as_json(hook: Hook) -> dict[str, Json]:
    from cognify_core.server.reaching import origin

    kept = ("hook_id", "label", "enabled", "created_by", "created_at")
    return {name: getattr(hook, name) for name in kept} | {"url": origin(hook.url), "events": list(hook.events)}
