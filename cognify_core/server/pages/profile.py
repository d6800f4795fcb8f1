"""What the organisation says of itself and of its AI systems: what is in force, its versions, and the form."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, StringConstraints, field_validator

from cognify_core.api.profiles import effective_profile, saved_profile
from cognify_core.api.yaml_text import write_yaml
from cognify_core.canonical import parse
from cognify_core.errors import ConfigurationError, PolicyChangedError
from cognify_core.server.asking import Asked
from cognify_core.server.pages.rendering import DONE, page
from cognify_core.server.problems import Problem
from cognify_core.server.profile_fields import PARTS, Path, part_of
from cognify_core.server.profile_forms import Tree, placed, read, settle, shown, shown_rows, spread
from cognify_core.server.profiling import save_sent
from cognify_core.server.roles import May
from cognify_core.server.visiting import act, sent_fields, visit

router = APIRouter(prefix="/w/{workspace_id}/profile", tags=["pages"])
DONE["profile"] = "The profile is saved. Packages that are made from now on take it in."
MEANWHILE = (
    "Somebody else has saved this profile meanwhile. What you wrote stands below and is not saved: look at it again"
)
Said = Annotated[str, StringConstraints(max_length=2000)]


class Looked(BaseModel):
    """What somebody looks at, as the address holds it."""

    project: Said | None = None
    """None: the workspace's own profile."""
    part: Said = PARTS[0].name
    open: Said | None = None
    """What a link leads to: it stands open."""
    version: int | None = None
    """An earlier one, to be read."""

    @field_validator("project", "open", mode="before")
    @classmethod
    def _not_asked(cls, value: Any) -> Any:
        return None if isinstance(value, str) and not value.strip() else value

    def address(self, **changes: str | None) -> str:
        """The address of the page with some of it changed; it begins with `?`."""
        said = {"project": self.project, "part": part_of(self.part).name} | changes
        return f"?{urlencode({name: value for name, value in said.items() if value is not None})}"


@dataclass(frozen=True, slots=True)
class Filled:
    """The form, filled in."""

    tree: Tree
    version: int
    """The version that it was filled in from; 0: there was none."""
    wrong: dict[Path, str] = field(default_factory=dict)
    refused: str = ""
    """Why nothing was saved, where that is no field's."""


@router.get("")
def show_profile(
    request: Request, asked: Annotated[Asked, visit(May.READ)], looked: Annotated[Looked, Query()]
) -> Response:
    """A profile: the form, for those who may change it, what is in force, and every version."""
    if looked.version is not None:
        return _version(request, asked, looked, looked.version)
    return _page(request, asked, looked, _filled(asked, looked.project))


@router.post("")
def save_profile(
    request: Request,
    asked: Annotated[Asked, act(May.KEEP)],
    looked: Annotated[Looked, Query()],
    sent: Annotated[dict[str, str], Depends(sent_fields)],
) -> Response:
    """Save one part of the form; the others stay as they were."""
    before = _filled(asked, looked.project)
    tree = read(part_of(looked.part), sent, before.tree)
    if sent.get("version") != str(before.version):
        return _page(request, asked, looked, Filled(tree, before.version, refused=MEANWHILE), 409)
    settled = settle(tree)
    if settled.wrong:
        return _page(request, asked, looked, Filled(tree, before.version, settled.wrong), 422)
    try:
        save_sent(asked, settled.value, project=looked.project, after=before.version)
    except PolicyChangedError:
        return _page(request, asked, looked, Filled(tree, before.version, refused=MEANWHILE), 409)
    except ConfigurationError as error:
        return _page(request, asked, looked, Filled(tree, before.version, refused=str(error)), 422)
    return RedirectResponse(f"/w/{asked.room.name}/profile{looked.address(done='profile')}", 303)


def _filled(asked: Asked, project: str | None) -> Filled:
    """The form as the saved profile fills it in."""
    saved = saved_profile(asked.room.store, project)
    return Filled({}, 0) if saved is None else Filled(spread(saved.profile.to_json()), saved.version)


def _page(request: Request, asked: Asked, looked: Looked, filled: Filled, status: int = 200) -> Response:
    store, part = asked.room.store, part_of(looked.part)
    below = {} if looked.project is None else _filled(asked, None).tree
    wrong, elsewhere = placed(part, filled.wrong)
    in_force = effective_profile(store, looked.project)
    return page(
        request,
        "profile.html",
        status=status,
        looked=looked,
        part=part,
        parts=PARTS,
        fields=shown(part, filled.tree, wrong, below),
        rows={rows: shown_rows(rows, filled.tree, wrong) for rows in part.rows},
        filled=filled,
        elsewhere=elsewhere,
        wrong=wrong,
        in_force="" if in_force is None else write_yaml(in_force.to_json()),
        versions=store.profiles(project=looked.project),
        projects=store.projects(),
    )


def _version(request: Request, asked: Asked, looked: Looked, version: int) -> Response:
    for each in asked.room.store.profiles(project=looked.project):
        if each.version == version:
            return page(request, "profile_version.html", looked=looked, kept=each, text=write_yaml(parse(each.profile)))
    raise Problem(404, f"this profile has no version {version}")
