"""The clear values behind commitments, each checked before it is shown (`docs/formats.md`, Events)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256

from cognify_core.export.dossier import Dossier
from cognify_core.model.digest import Digest
from cognify_core.store.protocol import Opening

_DOMAIN = b"cognify.commit/v1\x00"


@dataclass(frozen=True, slots=True)
class ClearValues:
    """By commitment; an opening that is not that of its commitment is none."""

    values: Mapping[str, str]
    are_given: bool = False
    """Whether there are any at all: only then is one that is missing erased."""

    @classmethod
    def of(cls, openings: Iterable[Opening]) -> ClearValues:
        """Those whose random bytes and value give the commitment."""
        given = tuple(openings)
        return cls({opening.commitment: opening.value for opening in given if _opens(opening)}, bool(given))

    def get(self, commitment: Digest | str | None) -> str | None:
        """The clear value; none where it is erased."""
        return self.values.get(str(commitment))

    def show(self, commitment: Digest | str | None, *, clear: bool) -> str:
        """What stands in a document: the value, or why there is none, or the commitment where values are not shown."""
        if commitment is None:
            return "not recorded"
        value = self.get(commitment)
        if value is not None:
            return value
        if not clear:
            return str(commitment)
        return f"{'erased' if self.are_given else 'not supplied'} ({commitment})"


def personal_commitments(dossier: Dossier) -> frozenset[str]:
    """The commitments of a record whose clear values documents may show: of who accessed it, and of who ran it."""
    wanted = {str(told.body.actor) for told in dossier.accesses} | {str(told.body.source) for told in dossier.accesses}
    for told in dossier.environments:
        personal = told.body.facts.get("personal")
        wanted |= {str(personal.get(label)) for label in ("user", "host")} if isinstance(personal, dict) else set()
    return frozenset(wanted)


def _opens(opening: Opening) -> bool:
    data = _DOMAIN + opening.random + opening.value.encode("utf-8", "surrogateescape")
    return opening.commitment == f"sha256:{sha256(data).hexdigest()}"
