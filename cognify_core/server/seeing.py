"""The access log: who read, exported or sealed what, when, and from where, as this server saw it itself.

Who and where stand as commitments; the clear values lie beside them and can be erased.
"""

from __future__ import annotations

import logging
from typing import Literal

from cognify_core.api.accesses import ACTOR, SOURCE
from cognify_core.capture.commitments import commit
from cognify_core.errors import CognifyError
from cognify_core.model.digest import Digest
from cognify_core.model.events import Access
from cognify_core.model.names import stamp_time, utc_now
from cognify_core.server.asking import Asked

_log = logging.getLogger("cognify.server")


def seen(
    asked: Asked,
    run_id: str,
    action: str,
    *,
    subject: str | None = None,
    outcome: Literal["allowed", "refused", "failed"] = "allowed",
) -> None:
    """Keep an access to a run. What could not be kept is in the server's own log."""
    caller = asked.caller
    actor, source = commit(ACTOR, caller.name), commit(SOURCE, caller.address)
    access = Access(
        at=stamp_time(utc_now()),
        action=action,
        subject=subject,
        actor=Digest.parse(actor.commitment),
        source=Digest.parse(source.commitment),
        auth=caller.auth,
        outcome=outcome,
        observed_by="server",
    )
    try:
        asked.room.store.put_access(run_id, access, (actor, source))
    except CognifyError as error:
        _log.error("an access to %s is not in its log: %s", run_id, error)
