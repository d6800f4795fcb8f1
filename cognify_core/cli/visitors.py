"""`cognify login-link`, and `cognify person`: those who use a server's pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cognify_core.cli.console import emit, plural, remark, say, table
from cognify_core.cli.failures import Commands
from cognify_core.cli.options import AsJson
from cognify_core.errors import ConfigurationError

if TYPE_CHECKING:
    from cognify_core.canonical import Json
    from cognify_core.store.protocol import Store
    from cognify_core.store.visitors import Person

app = typer.Typer(
    cls=Commands, help="People who have signed in to a server: list them, remove one.", no_args_is_help=True
)
_HERE = "http://127.0.0.1:8400"
PersonId = Annotated[str, typer.Argument(metavar="ID", help="As `person list` shows it.")]


def register(parent: typer.Typer) -> None:
    """Add the commands of this group."""
    parent.command("login-link")(login_link)


def login_link(
    role: Annotated[str, typer.Option(metavar="ROLE", help="What whoever opens it is there.")] = "admin",
    workspace: Annotated[
        str | None, typer.Option(metavar="NAME", help="In which workspace; without it, in all.")
    ] = None,
    name: Annotated[str, typer.Option(metavar="TEXT", help="Whom it is for, as the access log will have it.")] = "",
    url: Annotated[
        str | None, typer.Option(metavar="URL", help=f"The server's address; else COGNIFY_PUBLIC_URL, else {_HERE}.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a link that signs one browser in to the server, once, within 15 minutes. It is shown this once."""
    from cognify_core import api
    from cognify_core.api.accesses import this_user
    from cognify_core.api.workspace import EMBEDDED
    from cognify_core.model.names import utc_now
    from cognify_core.server.login import links
    from cognify_core.server.roles import Part

    part = Part.parse(role if workspace is None else f"{role}@{workspace}")
    store = _store()
    if workspace not in {None, EMBEDDED, *(row.workspace for row in store.workspaces())}:
        raise ConfigurationError(f"there is no workspace {str(workspace)[:80]!r} in this store")
    user = this_user()
    path = links.make(store, part, name=name or user, created_by=f"user {user}", now=utc_now())
    address = f"{(url or api.this_session().settings.public_url or _HERE).rstrip('/')}{path}"
    if as_json:
        emit({"url": address, "role": part.role.value, "workspace": part.workspace})
        return
    say(address)
    remark(f"{part.role} in {part.workspace or 'all workspaces'}, once, within 15 minutes")


def first_link(store: Store) -> str | None:
    """The path that lets the first administrator of a server in; none where somebody may use it already."""
    from cognify_core.model.names import utc_now
    from cognify_core.server.login import links
    from cognify_core.server.roles import Part, Role

    if not links.nobody_yet(store):
        return None
    made_by = "the server's first start"
    return links.make(store, Part(Role.ADMIN), name="administrator", created_by=made_by, now=utc_now())


def welcome(link: str) -> None:
    """Tell of it."""
    say(f"Nobody may use it yet. This link lets its administrator in, once, within 15 minutes: {link}")


@app.command("list")
def list_people(as_json: AsJson = False) -> None:
    """List who has signed in, and what they were when they came last."""
    people = _store().people()
    if as_json:
        emit({"people": [_as_json(person) for person in people]})
        return
    table(
        ("id", "name", "known as", "roles", "first came", "removed"),
        [
            (
                person.person_id,
                person.name,
                f"{person.auth}: {person.subject}",
                person.parts,
                person.created_at[:10],
                (person.removed_at or "")[:10] or None,
            )
            for person in people
        ],
    )
    say(plural(len(people), "person", "people"))


@app.command()
def remove(person_id: PersonId, as_json: AsJson = False) -> None:
    """End the sessions of a person, and let them in no more."""
    from cognify_core.model.names import stamp_time, utc_now

    _set_removed(person_id, stamp_time(utc_now()), as_json, "is removed")


@app.command()
def readmit(person_id: PersonId, as_json: AsJson = False) -> None:
    """Let a person in again who was removed; they sign in anew."""
    _set_removed(person_id, None, as_json, "may sign in again")


def _set_removed(person_id: str, removed_at: str | None, as_json: bool, what: str) -> None:
    if not _store().set_removed(person_id, removed_at):
        raise ConfigurationError(f"there is no person {person_id[:40]!r}; `cognify person list` lists them")
    if as_json:
        emit({"person_id": person_id, "removed_at": removed_at})
        return
    say(f"{person_id} {what}")


def _store() -> Store:
    from cognify_core import api

    return api.this_session().workspace.store


def _as_json(person: Person) -> dict[str, Json]:
    kept = ("person_id", "auth", "subject", "name", "parts", "created_at", "removed_at")
    return {name: getattr(person, name) for name in kept}
