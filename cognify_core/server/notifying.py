"""Webhooks are told: one message, signed, to one receiver; and when it is tried again."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from cognify_core.errors import CognifyError, ConfigurationError, RecordError
from cognify_core.model.names import stamp_time, utc_now
from cognify_core.server import hook_secrets
from cognify_core.server.happening import EVENTS, TEST, Happening, job_of, message_id_of
from cognify_core.server.reaching import NotReachedError, Reach
from cognify_core.store.working import Hook, Job

if TYPE_CHECKING:
    from cognify_core.api.workspace import Workspace
    from cognify_core.store.protocol import Store

MOST_HOOKS = 20
"""Of a workspace."""
WAITS = (5.0, 300.0, 1800.0, 7200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0, 86_400.0)
"""Seconds after each failure until the next try; after the last one, some 75 hours later, it is given up."""
DAYS_KEPT = 90
"""How long it is kept what was sent."""
_AGENT = "Cognify-Webhooks/1"
_GONE = 410
_log = logging.getLogger("cognify.server")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one try."""

    status: int | None
    """What the receiver answered."""
    error: str | None
    """None: it was taken."""


def add_hook(
    room: Workspace, shared: Store, reach: Reach, *, url: str, events: Sequence[str], label: str, enabled: bool, by: str
) -> tuple[Hook, str]:
    """Keep a webhook that is told from now on; return it with its secret, which is shown this once.

    Raises:
        ConfigurationError: the URL may not be reached, an event is none, or there are too many.
    """
    asked = checked_events(events)
    try:
        reach.addresses(url)
    except NotReachedError as error:
        raise ConfigurationError(str(error)) from error
    if len(room.store.hooks()) >= MOST_HOOKS:
        raise ConfigurationError(f"a workspace has at most {MOST_HOOKS} webhooks: remove one first")
    hook_id = f"hook_{secrets.token_hex(8)}"
    secret = hook_secrets.secret_of(room.settings.keys_path, room.name, hook_id)
    hook = Hook(
        hook_id=hook_id,
        workspace=room.name,
        url=url,
        events=asked,
        label=label,
        enabled=enabled,
        created_by=by,
        created_at=stamp_time(utc_now()),
        secret_id=hook_secrets.id_of(secret),
        leaves=room.store.ledger_size(),
        facts=shared.count_facts(),
    )
    room.store.put_hook(hook)
    return hook, hook_secrets.shown(secret)


def checked_events(events: Sequence[str]) -> tuple[str, ...]:
    """The events that are named, in their usual order.

    Raises:
        ConfigurationError: there is none, or one that does not exist.
    """
    if unknown := [event for event in events if event not in EVENTS]:
        raise ConfigurationError(f"there is no event {unknown[0][:60]!r}; there are {', '.join(EVENTS)}")
    if not events:
        raise ConfigurationError(f"name at least one event: {', '.join(EVENTS)}")
    return tuple(event for event in EVENTS if event in events)


def attempt(reach: Reach, room: Workspace, hook: Hook, message_id: str, body: bytes) -> Outcome:
    """Send a message once. Nothing of what the receiver answers but its status is kept."""
    try:
        headers = _signed(room, hook, message_id, body)
        status = reach.post(hook.url, body, headers)
    except (ConfigurationError, NotReachedError, RecordError) as error:
        return Outcome(None, str(error)[:500])
    except CognifyError as error:
        _log.error("%s of %s cannot be signed for: %s", hook.hook_id, hook.workspace, error)
        return Outcome(None, "the server cannot sign it; its log says why")
    return Outcome(status, None if 200 <= status < 300 else f"it answered {status}")


def _signed(room: Workspace, hook: Hook, message_id: str, body: bytes) -> dict[str, str]:
    """The headers of a message.

    Raises:
        RecordError: the secret that was given out cannot be computed here any more.
        SigningKeyError: as `hook_secrets.secret_of`.
    """
    secret = hook_secrets.secret_of(room.settings.keys_path, room.name, hook.hook_id)
    if hook_secrets.id_of(secret) != hook.secret_id:
        raise RecordError(
            f"{hook_secrets.FILE} here is not the one that this webhook's secret was made with: servers of one store "
            "share keys/"
        )
    timestamp = int(utc_now().timestamp())
    return {
        "Content-Type": "application/json",
        "User-Agent": _AGENT,
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": hook_secrets.signature(secret, message_id, timestamp, body),
    }


def send(store: Store, reach: Reach, room: Workspace, job: Job, waits: Sequence[float]) -> Outcome:
    """Do a job of a webhook, and write down what became of it."""
    hook = store.hook(job.lane or "")
    now = utc_now()
    if hook is None or not hook.enabled:
        store.fail_job(job.job_id, "the webhook is switched off", stamp_time(now), attempt=job.attempts)
        return Outcome(None, "the webhook is switched off")
    outcome = attempt(reach, room, hook, message_id_of(job), job.body)
    now = utc_now()
    if outcome.error is None:
        store.finish_job(job.job_id, stamp_time(now), attempt=job.attempts)
    elif job.attempts > len(waits) or outcome.status == _GONE:
        store.fail_job(job.job_id, outcome.error, stamp_time(now), attempt=job.attempts)
    else:
        due = now + timedelta(seconds=waits[job.attempts - 1])
        store.postpone_job(job.job_id, outcome.error, stamp_time(due), attempt=job.attempts)
    return outcome


def try_out(reach: Reach, room: Workspace, hook: Hook, now: datetime) -> tuple[str, Outcome]:
    """Send a message of no importance now; it is listed like any other. Returns its id, and what became of it."""
    at = stamp_time(now)
    happening = Happening(TEST, (hook.hook_id, at, secrets.token_hex(8)), at, {"hook_id": hook.hook_id})
    message_id, body = happening.message_id(room.name), happening.body()
    outcome = attempt(reach, room, hook, message_id, body)
    over = stamp_time(utc_now())
    room.store.put_job(_over(job_of(hook, happening, now), outcome, over))
    return message_id, outcome


def _over(job: Job, outcome: Outcome, at: str) -> Job:
    failed = outcome.error is not None
    return replace(
        job, attempts=1, done_at=None if failed else at, failed_at=at if failed else None, last_error=outcome.error
    )
