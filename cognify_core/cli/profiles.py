"""`cognify profile`: what an organisation says of itself and of an AI system, in YAML."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cognify_core.cli.console import emit, remark, say
from cognify_core.cli.failures import Commands
from cognify_core.cli.options import AsJson
from cognify_core.errors import ConfigurationError

if TYPE_CHECKING:
    from cognify_core.api.profiles import SavedProfile
    from cognify_core.canonical import Json
    from cognify_core.store.protocol import Store

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Say what no training run can show: provider, purpose, policies, law by law.",
)
Project = Annotated[
    str | None, typer.Option("--project", metavar="NAME", help="The AI system; else the workspace's own profile.")
]


class Law(StrEnum):
    """The templates that a profile is checked for."""

    EU_AI_ACT = "eu_ai_act"
    HIPAA = "hipaa"


@app.command()
def show(
    project: Project = None,
    effective: Annotated[
        bool, typer.Option("--effective", help="What is in force: the project's over the workspace's.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show a profile as it was saved last."""
    from cognify_core.api.yaml_text import write_yaml

    shown = _shown(project, effective=effective)
    if as_json:
        emit(shown)
    elif shown["profile"] is None:
        say("nothing is said yet; `cognify profile template` prints a file to fill in")
    else:
        if shown["version"] is not None:
            remark(f"version {shown['version']}, saved at {shown['saved_at']}")
        _print(write_yaml(shown["profile"]))


@app.command("import")
def import_(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="YAML or JSON; `profile template` prints one.")],
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Take a profile from a file.

    Files that it refers to are hashed as they lie now, beside it; of URLs nothing is fetched. Every version is kept.
    """
    from cognify_core.api.profiles import change_profile

    _tell(change_profile(_store(), path, {}, project=project), as_json)


@app.command()
def export(
    path: Annotated[Path | None, typer.Argument(metavar="FILE", help="Where to write it; else stdout.")] = None,
    project: Project = None,
    effective: Annotated[
        bool, typer.Option("--effective", help="What is in force: the project's over the workspace's.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write a profile as YAML that `import` reads."""
    from cognify_core.api.yaml_text import write_yaml

    shown = _shown(project, effective=effective)
    if shown["profile"] is None:
        raise ConfigurationError("nothing is said yet, so there is no profile to write")
    text = write_yaml(shown["profile"])
    if path is not None:
        path.write_text(text, encoding="utf-8")
    if as_json:
        emit({"project": project, "path": None if path is None else str(path), "profile": shown["profile"]})
    elif path is None:
        _print(text)
    else:
        say(f"{path}")


@app.command("set")
def set_(
    said: Annotated[
        list[str],
        typer.Argument(
            metavar="FIELD=VALUE",
            help="A field, or a part of one, as in hipaa.security_official=NAME. No value: it goes.",
        ),
    ],
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Change fields of a profile."""
    from cognify_core.api.profiles import change_profile

    _tell(change_profile(_store(), None, dict(map(_assignment, said)), project=project), as_json)


@app.command()
def template(as_json: AsJson = False) -> None:
    """Print a YAML file to fill in, every field explained."""
    from cognify_core.model.profile_fields import template_yaml

    if as_json:
        emit({"template": template_yaml()})
    else:
        _print(template_yaml())


@app.command()
def check(
    project: Project = None,
    law: Annotated[Law | None, typer.Option("--template", help="Only what this template asks.")] = None,
    as_json: AsJson = False,
) -> None:
    """Name what is missing in what is in force, by point of law.

    What a run records itself is not looked at here: the documents say of each point what the record holds.
    """
    from cognify_core.api.profiles import effective_profile
    from cognify_core.model.profile import Profile
    from cognify_core.model.profile_fields import POINTS, missing

    profile = effective_profile(_store(), project) or Profile()
    lacking = {name: missing(profile, name) for name in ([law.value] if law else POINTS)}
    if as_json:
        emit(
            {
                "project": project,
                "missing": [
                    {"template": name, "point": point.name, "asks": point.asks, "field": point.supplied_by}
                    for name, points in lacking.items()
                    for point in points
                ],
            }
        )
        return
    for name, points in lacking.items():
        say(f"{name}: {len(POINTS[name]) - len(points)} of {len(POINTS[name])} said", style="bold")
        for point in points:
            say(f"  missing {point.name}: {point.asks}")
            say(f"     → cognify profile set{f' --project {project}' if project else ''} '{point.supplied_by}=…'")


def _shown(project: str | None, *, effective: bool) -> dict[str, Json]:
    from cognify_core.api.profiles import effective_profile, saved_profile

    saved = None if effective else saved_profile(_store(), project)
    kept = None if saved is None else saved.profile
    profile = effective_profile(_store(), project) if effective else kept
    return {
        "project": project,
        "effective": effective,
        "version": saved and saved.version,
        "saved_at": saved and saved.saved_at,
        "profile": None if profile is None else profile.to_json(),
    }


def _assignment(text: str) -> tuple[str, Json]:
    from cognify_core.api.yaml_text import read_yaml
    from cognify_core.errors import FormatError

    field, equals, value = text.partition("=")
    if not equals or not field.strip():
        raise ConfigurationError(f"a field is set as FIELD=VALUE; it cannot be {text[:80]!r}")
    if not value.startswith(("{", "[", '"', "'")):
        return field.strip(), value or None  # what is no collection is the very text that was typed
    try:
        return field.strip(), read_yaml(value.encode("utf-8", "surrogateescape"))
    except FormatError as error:
        raise ConfigurationError(f"{field}: {error}") from error


def _print(text: str) -> None:
    """YAML as it is: what could deceive in it is written as escapes already."""
    for line in text.removesuffix("\n").split("\n"):
        say(line)


def _tell(saved: SavedProfile, as_json: bool) -> None:
    profile = saved.profile.to_json()
    if as_json:
        emit({"project": saved.project, "version": saved.version, "saved_at": saved.saved_at, "profile": profile})
    else:
        whose = "the workspace" if saved.project is None else f"project {saved.project}"
        say(f"profile of {whose}, version {saved.version}: {', '.join(profile) or 'nothing is said in it'}")


def _store() -> Store:
    from cognify_core import api

    return api.this_session().workspace.store
