"""The access log: who read or exported a run on this machine, as the machine itself says.

An entry holds commitments; the clear values lie among the run's openings, which can be erased. It is written after what
it tells of, and never stops it: whoever may read the store may read it without a word to us.
"""

from __future__ import annotations

import logging
import os
import pwd
import socket
from typing import TYPE_CHECKING, Literal

from cognify_core.capture.commitments import commit
from cognify_core.errors import CognifyError
from cognify_core.model.digest import Digest
from cognify_core.model.events import Access
from cognify_core.model.names import stamp_time, utc_now

if TYPE_CHECKING:
    from cognify_core.api.session import Session
    from cognify_core.store.protocol import Opening

ACTOR, SOURCE = "actor", "source"
"""The labels of the openings."""
_NOWHERE = ("192.0.2.1", 9)
"""TEST-NET-1 (RFC 5737). A datagram socket that is connected sends nothing; it learns which address it would use."""
_log = logging.getLogger("cognify")


def note_access(
    session: Session,
    run_id: str,
    action: str,
    *,
    subject: str | None = None,
    outcome: Literal["allowed", "refused", "failed"] = "allowed",
) -> None:
    """Keep that this user did something to a run, or with what it holds. Never raises for what it could not keep."""
    if session.is_off or session.workspace.is_dry:
        return
    access, openings = access_here(action, subject=subject, outcome=outcome)
    try:
        session.workspace.store.put_access(run_id, access, openings)
    except (CognifyError, OSError) as error:
        _log.debug("Cognify: an access to %s is not in its log: %s", run_id, error)


def access_here(
    action: str, *, subject: str | None = None, outcome: Literal["allowed", "refused", "failed"] = "allowed"
) -> tuple[Access, tuple[Opening, ...]]:
    """An access by the user of this process, now, and the clear values behind its commitments."""
    actor, source = commit(ACTOR, this_user()), commit(SOURCE, this_address())
    access = Access(
        at=stamp_time(utc_now()),
        action=action,
        subject=subject,
        actor=Digest.parse(actor.commitment),
        source=Digest.parse(source.commitment),
        auth="os_user",
        outcome=outcome,
        observed_by="machine",
    )
    return access, (actor, source)


def this_user() -> str:
    """The name of the user whose process this is, as the system knows it: not what a variable says."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a user without a name, as in many containers
        return f"uid {os.getuid()}"
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def this_address() -> str:
    """Where the user sits: the other end of an SSH session, else this machine's own address."""
    remote = os.environ.get("SSH_CONNECTION", "").split()
    if remote and _is_address(remote[0]):
        return remote[0]
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(_NOWHERE)
            return str(probe.getsockname()[0])
    except OSError:  # no route, and so no network
        return "127.0.0.1"


def _is_address(text: str) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, text.partition("%")[0])
        except OSError:
            continue
        return True
    return False
