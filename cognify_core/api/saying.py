"""What people say of a run, checked before it is recorded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pydantic import ValidationError

from cognify_core.capture.files import file_outcome
from cognify_core.errors import ConfigurationError
from cognify_core.model.digest import Digest
from cognify_core.model.events import Body, Note
from cognify_core.model.words import note_kind

if TYPE_CHECKING:
    from cognify_core.api.session import Session

BodyT = TypeVar("BodyT", bound=Body)


def say_note(session: Session, text: str, kind: str, subject: str | None, run_id: str | None) -> None:
    """Record a note where it belongs now.

    Raises:
        ConfigurationError: there is no text, or its kind is no word or almost one that documents look for.
        RunNotFoundError, RunStateError: there is no run to say it of.
    """
    known = note_kind(kind)
    body = checked(lambda: Note(text=text.strip(), note_kind=known, subject=subject))
    session.writing_to(run_id).run.say(body)


def checked(make: Callable[[], BodyT]) -> BodyT:
    """What `make` makes of what was said.

    Raises:
        ConfigurationError: it cannot; the message names the field.
    """
    try:
        return make()
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ConfigurationError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def digest_of(evidence: str | Path | Digest | None) -> Digest | None:
    """The digest of a file that bears something out.

    Raises:
        ConfigurationError: it cannot be hashed.
    """
    if evidence is None or isinstance(evidence, Digest):
        return evidence
    outcome = file_outcome(Path(evidence))
    if outcome.hash is None:
        raise ConfigurationError(f"the evidence {evidence} cannot be hashed: {outcome.reason}")
    return outcome.hash
