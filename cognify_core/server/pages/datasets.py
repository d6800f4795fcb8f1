"""Datasets across runs: which there are, what each was, who trained on which, what is declared and what is not."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import StringConstraints

from cognify_core.api.told_datasets import told_contents, told_datasets
from cognify_core.server.asking import Asked
from cognify_core.server.pages.addressed import Addressed
from cognify_core.server.pages.rendering import page
from cognify_core.server.problems import Problem
from cognify_core.server.roles import May
from cognify_core.server.seeing import seen
from cognify_core.server.visiting import visit
from cognify_core.store.indexing import named

router = APIRouter(prefix="/w/{workspace_id}/datasets", tags=["pages"])
ROWS, CONTENTS = 50, 10
NAMED = 8
"""Of the runs that had a content, so many are named at once."""
Cursor = Annotated[str, StringConstraints(max_length=200)]
Key = Annotated[str, Path(pattern="^[0-9a-f]{64}$")]


class Looked(Addressed):
    """What somebody looks at, as the address holds it."""

    name: Annotated[str, StringConstraints(max_length=2000)] | None = None
    """The whole name of a dataset."""
    after: Cursor | None = None
    """The dataset, or the content, after which the page begins."""


@router.get("")
def show_datasets(
    request: Request, asked: Annotated[Asked, visit(May.READ)], looked: Annotated[Looked, Query()]
) -> Response:
    """Datasets by name, those that stood in a run last first; one that is named whole is gone to."""
    seen(asked, None, "datasets")
    store = asked.room.store
    if looked.name is not None and store.contents(named(looked.name), limit=1, tellers=1):
        return RedirectResponse(f"/w/{asked.room.name}/datasets/{named(looked.name)}", 303)
    told = [] if looked.name is not None else told_datasets(store, after=looked.after, limit=ROWS + 1)
    following = looked.address(after=told[ROWS - 1].named.cursor) if len(told) > ROWS else None
    return page(request, "datasets.html", looked=looked, told=told[:ROWS], next=following)


@router.get("/{key}")
def show_dataset(
    request: Request, asked: Annotated[Asked, visit(May.READ)], key: Key, looked: Annotated[Looked, Query()]
) -> Response:
    """One dataset: what it was, and in which runs."""
    told = told_contents(asked.room.store, key, after=looked.after, limit=CONTENTS + 1)
    seen(asked, None, "datasets", subject=key)
    name = next((body.name for content in told for body in content.bodies), None)
    if not told or name is None:
        if asked.room.store.contents(key, limit=1, tellers=1):
            raise Problem(404, "This dataset has no content after that: begin at its first page.")
        raise Problem(404, "No run of this workspace has that dataset. Datasets are found by their whole name.")
    following = looked.address(after=told[CONTENTS - 1].cursor) if len(told) > CONTENTS else None
    shown = told[:CONTENTS]
    return page(
        request,
        "dataset.html",
        key=key,
        name=name,
        looked=looked,
        contents=shown,
        runs=_names(asked, {each.run_id for content in shown for each in content.used_by[:NAMED]}),
        most=NAMED,
        next=following,
    )


def _names(asked: Asked, run_ids: set[str]) -> dict[str, str]:
    """What runs are called; an unnamed one by its id."""
    rows = (asked.room.store.run(run_id) for run_id in run_ids)
    return {row.run_id: row.name or row.run_id for row in rows}
