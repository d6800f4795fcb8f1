"""What is asked about timestamps. Each function imports what it needs when it is called, as in `functions`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cognify_core.api.functions import this_session

if TYPE_CHECKING:
    from cognify_core.api.timestamping import Renewal, Trial


def timestamp_urls() -> tuple[str, ...]:
    """The time stamping authorities that are asked at each seal."""
    from cognify_core.api.timestamping import urls_in_force

    workspace = this_session().workspace
    return urls_in_force(workspace.settings, workspace.store)


def set_timestamp_urls(urls: Sequence[str]) -> tuple[str, ...]:
    """Say which time stamping authorities are asked at each seal; none: nobody.

    Raises:
        ConfigurationError: one is no URL, holds a secret, or stands there twice.
    """
    from cognify_core.api.timestamping import set_urls

    return set_urls(this_session().workspace.store, urls)


def try_timestamps(urls: Sequence[str] = ()) -> list[Trial]:
    """Ask these authorities, or those in force, for a timestamp over nothing of importance."""
    from cognify_core.api.timestamping import try_authorities

    return try_authorities(this_session().workspace, urls)


def renew_timestamp(target: str | Path = "last") -> Renewal:
    """Have a package, or the newest one of a run, dated anew; the timestamps are added beside it.

    Raises:
        RunNotFoundError, RunStateError: there is no such run, it has no package, or nobody is there to ask.
        ConfigurationError, FormatError: a file cannot be read or written, or is damaged.
        TimestampError: no authority gave a timestamp.
    """
    from cognify_core.api.timestamping import package_of, renew

    workspace = this_session().workspace
    return renew(workspace, package_of(workspace, target))
