"""The access log: who read or exported a run on this machine, as the machine itself says.

An entry holds commitments; the clear values lie beside it and can be erased. It is written after what it tells of, and
never stops it: whoever may read the store may read it without a word to us.
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
from cognify_core.model.shown import encodable
from cognify_core.store.access_log import Look

if TYPE_CHECKING:
    from cognify_core.api.session import Session
    from cognify_core.api.workspace import Workspace
    from cognify_core.store.access_log import SignHead
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
    if not session.is_off:
        note_access_in(session.workspace, run_id, action, subject=subject, outcome=outcome)


def note_access_in(
    workspace: Workspace,
    run_id: str | None,
    action: str,
    *,
    subject: str | None = None,
    outcome: Literal["allowed", "refused", "failed"] = "allowed",
) -> None:
    """The same, of a workspace; `run_id` is none of what is no single run."""
    if workspace.is_dry:
        return
    access, openings = access_here(action, subject=subject, outcome=outcome)
    try:
        workspace.store.put_accesses([Look(run_id, access, openings)], _heads_of(workspace))
    except (CognifyError, OSError) as error:
        _log.debug("Cognify: an access to %s is not in its log: %s", run_id, error)


def _heads_of(workspace: Workspace) -> SignHead | None:
    """Who signs the heads; nobody where there is no key yet, and on a machine that records to a server."""
    try:
        return workspace.access_tree.sign if workspace.ring.has_log and not workspace.is_remote else None
    except CognifyError as error:
        _log.debug("Cognify: the access log's head is not signed: %s", error)
        return None


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
    return encodable(name)


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
