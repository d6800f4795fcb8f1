"""`cognify serve`, and `cognify token`: the server, and who may use it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cognify_core.cli.console import emit, plural, remark, say, table
from cognify_core.cli.failures import Commands
from cognify_core.cli.options import AsJson
from cognify_core.cli.visitors import first_link, welcome
from cognify_core.errors import ConfigurationError

if TYPE_CHECKING:
    from cognify_core.canonical import Json
    from cognify_core.store.protocol import Store
    from cognify_core.store.tenancy import Token

app = typer.Typer(
    cls=Commands, help="API keys of a server: each has a role, in one workspace or in all.", no_args_is_help=True
)
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_ROLES = "recorder, viewer, auditor, compliance, admin"
WorkspaceOption = Annotated[
    str | None, typer.Option("--workspace", metavar="NAME", help="In which workspace; without it, in all.")
]


def register(parent: typer.Typer) -> None:
    """Add the commands of this group."""
    parent.command()(serve)


def serve(
    host: Annotated[str, typer.Option(help="The address to listen on; other machines reach 0.0.0.0.")] = "127.0.0.1",
    store: Annotated[
        str | None,
        typer.Option(metavar="URL", help="postgresql://USER@HOST/DATABASE; else COGNIFY_STORE, else a file."),
    ] = None,
    vault: Annotated[
        str | None,
        typer.Option(
            metavar="URI", help="Where packages are kept, for all workspaces; else COGNIFY_VAULT, else theirs."
        ),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")] = 8400,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes; more than one on PostgreSQL alone.")] = 1,
    certificate: Annotated[
        Path | None, typer.Option(metavar="FILE", exists=True, dir_okay=False, help="TLS certificate (PEM).")
    ] = None,
    key: Annotated[
        Path | None, typer.Option(metavar="FILE", exists=True, dir_okay=False, help="The certificate's key (PEM).")
    ] = None,
    behind_tls: Annotated[
        bool, typer.Option("--behind-tls", help="A proxy before it speaks TLS: other machines may reach it in clear.")
    ] = False,
) -> None:
    """Serve the dashboard and the API over the store of this machine (docs/server.md).

    Without options it is for this machine alone. Where nobody may use it yet, it prints a link that lets an
    administrator in, once. `cognify token create` makes the keys that requests carry.
    """
    if host not in _LOOPBACK and certificate is None and not behind_tls:
        raise ConfigurationError(
            f"{host} is reached from other machines, and keys would travel in clear: give --certificate and --key, or "
            "--behind-tls where a proxy speaks TLS"
        )
    if (certificate is None) != (key is None):
        raise ConfigurationError("--certificate and --key belong together")
    from cognify_core import api
    from cognify_core.server.processes import Listening, check_workers
    from cognify_core.server.processes import serve as serve_until_ended
    from cognify_core.vault.opening import open_vault

    session = api.this_session()
    session.init(home=session.settings.home, store=store, vault=vault)
    check_workers(session.settings, workers)
    if session.settings.vault is not None:
        open_vault(session.settings.vault)
    shared = session.workspace.store
    link = first_link(shared)
    shared.close()

    def tell(url: str) -> None:
        say(f"Cognify serves {url} from {shared.place} (Ctrl-C ends it)")
        if link is not None:
            here = url.removesuffix("/v2") if host in _LOOPBACK and not behind_tls else "https://THIS-SERVER"
            welcome(f"{session.settings.public_url or here}{link}")

    serve_until_ended(session.settings, Listening(host, port, certificate, key, workers, behind_tls), tell)


@app.command()
def create(
    role: Annotated[str, typer.Option(metavar="ROLE", help=f"One of {_ROLES}.")],
    label: Annotated[str, typer.Option(metavar="TEXT", help="Who uses it, and what for.")],
    workspace: WorkspaceOption = None,
    days: Annotated[int | None, typer.Option(min=1, max=3660, help="How long it holds.")] = 90,
    forever: Annotated[bool, typer.Option("--forever", help="It holds until it is revoked.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make an API key. It is shown this once: only a digest of it is kept."""
    from cognify_core.api.accesses import this_user
    from cognify_core.api.workspace import EMBEDDED
    from cognify_core.server.roles import Role
    from cognify_core.server.tokens import issue

    if role not in set(Role):
        raise ConfigurationError(f"there is no role {role[:40]!r}; there are {_ROLES}")
    store = _store()
    if workspace not in {None, EMBEDDED, *(row.workspace for row in store.workspaces())}:
        raise ConfigurationError(f"there is no workspace {str(workspace)[:80]!r} in this store")
    held = None if forever else days
    given = issue(store, Role(role), workspace=workspace, label=label, created_by=f"user {this_user()}", days=held)
    if as_json:
        emit(_as_json(given.token) | {"key": given.key})
        return
    say(given.key)
    remark(f"{role} in {workspace or 'all workspaces'}, until {given.token.expires_at or 'it is revoked'}; shown once")


@app.command("list")
def list_tokens(as_json: AsJson = False) -> None:
    """List API keys, without the keys."""
    tokens = _store().tokens()
    if as_json:
        emit({"tokens": [_as_json(token) for token in tokens]})
        return
    table(
        ("id", "role", "workspace", "label", "made", "until", "revoked"),
        [
            (
                token.token_id,
                token.role,
                token.workspace or "all",
                token.label,
                token.created_at[:10],
                (token.expires_at or "")[:10] or None,
                (token.revoked_at or "")[:10] or None,
            )
            for token in tokens
        ],
    )
    say(plural(len(tokens), "API key"))


@app.command()
def revoke(
    token_id: Annotated[str, typer.Argument(metavar="ID", help="As `token list` shows it.")], as_json: AsJson = False
) -> None:
    """End an API key now."""
    from cognify_core.model.names import stamp_time, utc_now

    store = _store()
    if store.token(token_id) is None:
        raise ConfigurationError(f"there is no API key {token_id[:40]!r}; `cognify token list` lists them")
    ended = store.revoke_token(token_id, stamp_time(utc_now()))
    if as_json:
        emit({"token_id": token_id, "revoked": ended})
        return
    say(f"{token_id} {'is revoked' if ended else 'was revoked before'}")


def _store() -> Store:
    from cognify_core import api

    return api.this_session().workspace.store


def _as_json(token: Token) -> dict[str, Json]:
    kept = ("token_id", "workspace", "role", "label", "created_by", "created_at", "expires_at", "revoked_at")
    return {name: getattr(token, name) for name in kept}
