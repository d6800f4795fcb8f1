"""The name under which the ranks of a training meet: that of the job, and the number of the training in it."""

from __future__ import annotations

from dataclasses import replace

from cognify_core.errors import RunStateError
from cognify_core.record.ranks import Rank

MEND_MEETING = "give all ranks one COGNIFY_MEETING that is used once, as in a job's id"


class Meetings:
    """Counts the trainings of several ranks that this process has begun: one process may train several times."""

    def __init__(self) -> None:
        self._begun = 0

    def numbered(self, rank: Rank, *, drawn: bool, dry: bool) -> Rank:
        """The rank with its meeting's full name; as it is where its run's id was `drawn` before.

        A dry run has no meeting, for its store is each process's own.
        """
        if dry:
            return replace(rank, meeting=None)
        if rank.meeting is None or drawn:
            return rank
        self._begun += 1
        return replace(rank, meeting=f"{rank.meeting}#{self._begun}")


def check_meeting(rank: Rank, *, dry: bool) -> None:
    """Raise `RunStateError` where nothing tells a rank which run is its own."""
    if not rank.is_first and rank.meeting is None:
        why = "a dry run is the first rank's alone" if dry else MEND_MEETING
        raise RunStateError(f"nothing tells which run is its own: {why}")
