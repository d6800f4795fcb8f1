"""Datasets of a workspace, by name and content: which runs had them, and what is declared of them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from cognify_core.api.told_datasets import told_contents, told_datasets
from cognify_core.server.asking import Asked, asked
from cognify_core.server.forms_of_datasets import ContentShown, ContentsPage, DatasetShown, DatasetsPage
from cognify_core.server.problems import Problem
from cognify_core.server.roles import May
from cognify_core.server.seeing import seen
from cognify_core.server.strict import StrictRoute

router = APIRouter(prefix="/v2/workspaces/{workspace_id}/datasets", tags=["datasets"], route_class=StrictRoute)
After = Annotated[str | None, Query(max_length=200, description="`next` of the page before.")]
Key = Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="The SHA-256 of the dataset's name.")]


@router.get("")
def list_datasets(
    asked: Annotated[Asked, asked(May.READ)], after: After = None, limit: Annotated[int, Query(ge=1, le=200)] = 50
) -> DatasetsPage:
    """Datasets by name, those that stood in a run last first, by pages."""
    told = told_datasets(asked.room.store, after=after, limit=limit + 1)
    seen(asked, None, "datasets")
    following = told[limit - 1].named.cursor if len(told) > limit else None
    return DatasetsPage(datasets=[DatasetShown.of(each) for each in told[:limit]], next=following)


@router.get("/{key}")
def show_dataset(
    asked: Annotated[Asked, asked(May.READ)],
    key: Key,
    after: After = None,
    limit: Annotated[int, Query(ge=1, le=50)] = 10,
) -> ContentsPage:
    """What a dataset was: each content with the runs that had it, and what is declared of it, by pages."""
    told = told_contents(asked.room.store, key, after=after, limit=limit + 1)
    seen(asked, None, "datasets", subject=key)
    if not told and not asked.room.store.contents(key, limit=1, tellers=1):
        raise Problem(404, "no run of this workspace has a dataset whose name has that digest")
    following = told[limit - 1].cursor if len(told) > limit else None
    return ContentsPage(key=key, contents=[ContentShown.of(each) for each in told[:limit]], next=following)
