"""Which content stands in which runs: what the graph of one run leads to in others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from cognify_core.model.digest import Digest

DETAILED = 60
"""Of so many contents the runs are named; each is a question of its own."""


@dataclass(frozen=True, slots=True)
class Holder:
    """A run that used or produced some content, itself or by an addendum."""

    run_id: str
    name: str | None
    produced: bool
    """It made it; else it used what was there."""


@dataclass(frozen=True, slots=True)
class Holders:
    """The runs in which some content stands."""

    count: int
    newest: tuple[Holder, ...] = ()
    """The last ones; none where nobody asked for them."""


@dataclass(frozen=True, slots=True)
class Teller:
    """An event that tells of a dataset."""

    run_id: str
    """The run that it is of, or that the addendum amends that it is of."""
    event: bytes


@dataclass(frozen=True, slots=True)
class NamedDataset:
    """A dataset of a workspace, by its name."""

    key: str
    """The digest of its name."""
    runs: int
    contents: int
    """How many different ones it had, as far as they were seen."""
    teller: Teller
    """Of the run in which it stood last."""

    @property
    def cursor(self) -> str:
        """After which a page begins."""
        return f"{self.teller.run_id}.{self.key}"


@dataclass(frozen=True, slots=True)
class Content:
    """What a dataset was, in some runs."""

    digest: Digest | None
    """None: it was not seen."""
    runs: int
    tellers: tuple[Teller, ...]
    """Newest first."""

    @property
    def cursor(self) -> str:
        """After which a page begins."""
        return f"{self.tellers[0].run_id}.{self.digest or ''}"


class Mentions(Protocol):
    """The part of a `Store` that knows content across runs. Discarded runs are in it no more."""

    def holders(
        self, digests: Sequence[Digest], *, but: str | None = None, newest: int = 3, workspace: str = "default"
    ) -> dict[Digest, Holders]:
        """The runs of a workspace, other than `but`, in which each of these contents stands; none where there is none.

        Of the first `DETAILED` contents that others have, the newest of those runs are told too.
        """

    def datasets(self, *, after: str | None = None, limit: int = 50, workspace: str = "default") -> list[NamedDataset]:
        """Up to `limit` datasets of a workspace, those that stood in a run last first; of those after that cursor."""

    def contents(
        self, key: str, *, after: str | None = None, limit: int = 10, tellers: int = 50, workspace: str = "default"
    ) -> list[Content]:
        """Up to `limit` contents of the dataset whose name has that digest, in the same order.

        Each with the events that tell of it, of the newest `tellers` of its runs.
        """
