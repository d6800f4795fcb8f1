"""How long sealed runs are kept: what is in force and why; what a change would do; and the change."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, StringConstraints, ValidationError

from cognify_core.api.foreseeing import foresee
from cognify_core.api.keeping import retention_in_force, vault_in_force
from cognify_core.canonical import parse
from cognify_core.errors import CognifyError, FloorError, PolicyChangedError
from cognify_core.export.formats import FORMATS
from cognify_core.model.retention import FLOORS, LOG_MONTHS, MAX_YEARS, Retention
from cognify_core.server.asking import Asked
from cognify_core.server.forms import RetentionChange
from cognify_core.server.pages.fields import number_in, wrong_fields
from cognify_core.server.pages.rendering import DONE, page
from cognify_core.server.roles import May
from cognify_core.server.routes.workspaces import retention_changed, show_round
from cognify_core.server.seeing import seen
from cognify_core.server.visiting import act, visit
from cognify_core.vault.protocol import Mode

router = APIRouter(prefix="/w/{workspace_id}/retention", tags=["pages"])
DONE["retention"] = "The retention is saved."
YES = "yes"
Line = Annotated[str, StringConstraints(max_length=100, strip_whitespace=True)]
WRONG = {
    "retention_years": f"Say a whole number of years, from 0 to {MAX_YEARS}.",
    "archive_after_days": "Say a whole number of days, from 1 to 36500, or nothing.",
    "auto_export_format": "Choose one of the formats.",
    "override_reason": "A reason has at most 1000 characters.",
}


_FORMATS = [(name, name) for name in FORMATS]


class Sent(BaseModel):
    """The form, as it was sent."""

    retention_years: Line = ""
    archive_after_days: Line = ""
    auto_export_on_seal: Line = ""
    auto_export_format: Line = ""
    override_reason: Annotated[str, StringConstraints(max_length=4000, strip_whitespace=True)] = ""
    version: Line = ""
    """The one that what was foreseen rests on."""

    @classmethod
    def of(cls, said: Retention) -> Sent:
        """The form as it stands before anything is changed."""
        days = "" if said.archive_after_days is None else str(said.archive_after_days)
        return cls(
            retention_years=str(said.retention_years),
            archive_after_days=days,
            auto_export_on_seal=YES if said.auto_export_on_seal else "",
            auto_export_format=said.auto_export_format,
            override_reason=said.override_reason or "",
        )

    @property
    def rests_on(self) -> int:
        """The version that what was foreseen rests on; one that there never is, where the form says none."""
        version = number_in(self.version)
        return version if isinstance(version, int) else -1

    def change(self) -> RetentionChange:
        """What it asks for.

        Raises:
            ValidationError: a field says what it cannot say.
        """
        said: dict[str, Any] = {
            "retention_years": number_in(self.retention_years),
            "archive_after_days": number_in(self.archive_after_days) if self.archive_after_days else None,
            "auto_export_on_seal": self.auto_export_on_seal == YES,
            "auto_export_format": self.auto_export_format,
        }
        reason = {"override_reason": self.override_reason} if self.override_reason else {}
        return RetentionChange.model_validate(said | reason)


@router.get("")
def show_retention(request: Request, asked: Annotated[Asked, visit(May.READ)]) -> Response:
    """What is in force, and why; and the form, for those who may change it."""
    return _page(request, asked, Sent.of(retention_in_force(asked.room.store)))


@router.post("/preview")
def preview(request: Request, asked: Annotated[Asked, act(May.KEEP)], sent: Annotated[Sent, Form()]) -> Response:
    """What a change would do."""
    try:
        return _foreseen(request, asked, sent, sent.change())
    except ValidationError as error:
        return _page(request, asked, sent, wrong_fields(error, WRONG), 422)
    except FloorError as error:
        return _page(request, asked, sent, {"retention_years": str(error)}, 409)


@router.post("")
def save(request: Request, asked: Annotated[Asked, act(May.KEEP)], sent: Annotated[Sent, Form()]) -> Response:
    """Make the change, unless somebody has made another one since it was foreseen."""
    try:
        change = sent.change()
        retention_changed(asked, change, after=sent.rests_on)
    except ValidationError as error:
        return _page(request, asked, sent, wrong_fields(error, WRONG), 422)
    except PolicyChangedError:
        return _foreseen(request, asked, sent, change, status=409)
    except FloorError as error:
        return _page(request, asked, sent, {"retention_years": str(error)}, 409)
    return RedirectResponse(f"/w/{asked.room.name}/retention?done=retention", 303)


def _foreseen(request: Request, asked: Asked, sent: Sent, change: RetentionChange, status: int = 200) -> Response:
    version = _version(asked)  # the one that is looked at, or an older one: then nothing is saved upon it
    foreseen = foresee(asked.room.store, change.model_dump(exclude_unset=True))
    seen(asked, None, "retention")
    return page(
        request,
        "retention_change.html",
        status=status,
        meanwhile=status != 200,
        foreseen=foreseen,
        compliance=sum(each.lock.mode is Mode.COMPLIANCE for each in foreseen.longer),
        latest=max((each.lock.until.date() for each in foreseen.longer), default=None),
        rests_on=version,
        next_round=show_round(asked).next_at,
        vault=_vault(asked),
        sent=sent,
        formats=_FORMATS,
        wrong={},
    )


def _page(
    request: Request, asked: Asked, sent: Sent, wrong: dict[str, str] | None = None, status: int = 200
) -> Response:
    store = asked.room.store
    known, made = store.policies("retention"), store.count_made()
    return page(
        request,
        "retention.html",
        status=status,
        said=retention_in_force(store),
        versions=[(each, Retention.parse(parse(each.policy))) for each in reversed(known[-20:])],
        floors=[(name, floor, made.get(name, 0)) for name, floor in FLOORS.items()],
        log_months=LOG_MONTHS,
        sealed=store.count_runs().sealed,
        kept=store.count_kept(),
        sent=sent,
        formats=_FORMATS,
        wrong=wrong or {},
    )


def _vault(asked: Asked) -> tuple[str, str] | None:
    """Where packages go, and how they are locked there; none where what was said names no vault."""
    try:
        uri = vault_in_force(asked.room.settings, asked.room.store)
    except CognifyError:
        return None
    return uri.place, uri.mode.value


def _version(asked: Asked) -> int:
    known = asked.room.store.policies("retention")
    return known[-1].version if known else 0
