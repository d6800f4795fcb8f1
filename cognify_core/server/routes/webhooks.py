"""Webhooks: who is told what happens in a workspace, and what became of it."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Query, Request
from pydantic import StringConstraints

from cognify_core.canonical import parse
from cognify_core.model.names import utc_now
from cognify_core.server.asking import Asked, asked, rooms_of
from cognify_core.server.forms import Form, Shown
from cognify_core.server.happening import NOTIFY, message_id_of
from cognify_core.server.notifying import MOST_HOOKS, add_hook, checked_events, try_out
from cognify_core.server.problems import Problem
from cognify_core.server.reaching import MOST_URL, Reach, origin
from cognify_core.server.roles import May
from cognify_core.server.seeing import did
from cognify_core.server.strict import StrictRoute
from cognify_core.store.working import Hook, Job

router = APIRouter(prefix="/v2/workspaces/{workspace_id}/webhooks", tags=["webhooks"], route_class=StrictRoute)
Label = Annotated[str, StringConstraints(max_length=200)]
Events = list[Annotated[str, StringConstraints(max_length=60)]]


class NewHook(Form):
    """Somebody to be told."""

    url: Annotated[str, StringConstraints(min_length=1, max_length=MOST_URL)]
    events: Events
    """Of `run.sealed`, `package.exported`, `export.failed`, `verification.failed`, `retention.ending`, `gap.opened`."""
    label: Label = ""
    enabled: bool = True


class HookChange(Form):
    """What of it is to change."""

    events: Events | None = None
    label: Label | None = None
    enabled: bool | None = None


class HookShown(Shown):
    """A webhook. Its secret is not shown, and of its URL no more than where it leads: the rest may be a secret, too."""

    hook_id: str
    url: str
    events: list[str]
    label: str
    enabled: bool
    created_by: str
    created_at: str

    @classmethod
    def of(cls, hook: Hook, **more: Any) -> Self:
        """Show a webhook."""
        kept = {name: getattr(hook, name) for name in ("hook_id", "label", "enabled", "created_by", "created_at")}
        return cls(**kept, url=origin(hook.url), events=list(hook.events), **more)


class HookGiven(HookShown):
    """A webhook, with its secret, this once."""

    secret: str
    """`whsec_…`: the key of HMAC-SHA256, in base64."""


class DeliveryShown(Shown):
    """A message to a webhook."""

    message_id: str
    """`webhook-id`: the same however often it is tried."""
    event: str
    state: Literal["waiting", "delivered", "failed"]
    attempts: int
    created_at: str
    due_at: str | None
    """When it is tried next."""
    ended_at: str | None
    error: str | None
    """Of the last try: what the server saw. Of what a receiver answers only the status is kept."""


class Tried(Shown):
    """What became of a try."""

    message_id: str
    delivered: bool
    status: int | None
    error: str | None


@router.get("")
def list_webhooks(asked: Annotated[Asked, asked(May.KEEP)]) -> list[HookShown]:
    """The webhooks of the workspace, oldest first."""
    return [HookShown.of(hook) for hook in asked.room.store.hooks()]


@router.post("", status_code=201, description=f"Have a URL be told, from now on. {MOST_HOOKS} at most.")
def add_webhook(asked: Annotated[Asked, asked(May.KEEP)], request: Request, new: NewHook) -> HookGiven:
    """Have a URL be told. Its secret is shown this once."""
    hook, secret = add_hook(
        asked.room,
        rooms_of(request).store,
        _reach(asked),
        url=new.url,
        events=new.events,
        label=new.label,
        enabled=new.enabled,
        by=asked.caller.name,
    )
    did(asked, None, add_webhook.__name__, subject=f"webhook {hook.hook_id}")
    return HookGiven.of(hook, secret=secret)


@router.patch("/{hook_id}")
def change_webhook(asked: Annotated[Asked, asked(May.KEEP)], hook_id: str, change: HookChange) -> HookShown:
    """Change what is given. What happens while it is switched off is not told later."""
    _hook(asked, hook_id)
    events = None if change.events is None else checked_events(change.events)
    asked.room.store.change_hook(hook_id, label=change.label, events=events, enabled=change.enabled)
    did(asked, None, change_webhook.__name__, subject=f"webhook {hook_id}")
    return HookShown.of(_hook(asked, hook_id))


@router.delete("/{hook_id}", status_code=204)
def remove_webhook(asked: Annotated[Asked, asked(May.KEEP)], hook_id: str) -> None:
    """Tell it no more; what was still to be sent is not."""
    asked.room.store.drop_hook(_hook(asked, hook_id).hook_id)
    did(asked, None, remove_webhook.__name__, subject=f"webhook {hook_id}")


@router.post("/{hook_id}/test")
def test_webhook(asked: Annotated[Asked, asked(May.KEEP)], request: Request, hook_id: str) -> Tried:
    """Send a message of the type `webhook.test` now, once, and say what became of it."""
    hook, trials = _hook(asked, hook_id), rooms_of(request).trials
    if not trials.acquire(blocking=False):
        raise Problem(429, "others are being tried just now; wait a moment", {"Retry-After": "5"})
    try:
        message_id, outcome = try_out(_reach(asked), asked.room, hook, utc_now())
    finally:
        trials.release()
    return Tried(message_id=message_id, delivered=outcome.error is None, status=outcome.status, error=outcome.error)


@router.get("/{hook_id}/deliveries")
def list_deliveries(
    asked: Annotated[Asked, asked(May.KEEP)],
    hook_id: str,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> list[DeliveryShown]:
    """What was sent to it, or waits, newest first; of the last 90 days."""
    jobs = asked.room.store.jobs(done=True, kind=NOTIFY, lane=_hook(asked, hook_id).hook_id)
    return [_delivery(job) for job in jobs[: -limit - 1 : -1]]


def _reach(asked: Asked) -> Reach:
    return Reach(asked.room.settings.webhook_hosts)


def _hook(asked: Asked, hook_id: str) -> Hook:
    hook = asked.room.store.hook(hook_id)
    if hook is None:
        raise Problem(404, "there is no such webhook in this workspace")
    return hook


def _delivery(job: Job) -> DeliveryShown:
    message = parse(job.body)
    over = job.done_at or job.failed_at
    return DeliveryShown(
        message_id=message_id_of(job),
        event=str(message["type"]) if isinstance(message, dict) else "",
        state="failed" if job.failed_at else "delivered" if job.done_at else "waiting",
        attempts=job.attempts,
        created_at=job.created_at,
        due_at=None if over else job.due_at,
        ended_at=over,
        error=None if job.done_at else job.last_error,
    )
