"""What people say of a run, checked before it is recorded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from pydantic import BaseModel, ValidationError

from cognify_core.capture.files import file_outcome
from cognify_core.errors import ConfigurationError
from cognify_core.model.digest import Digest
from cognify_core.model.events import Note
from cognify_core.model.words import note_kind

if TYPE_CHECKING:
    from cognify_core.api.session import Session

_WRITTEN = {
    "sha256": "a digest is written sha256: and 64 digits of 0-9 and a-f",
    "1[0-2])-": "a day is written 2026-11-29",
}
"""How things are written, by what tells their patterns apart."""
Said = TypeVar("Said", bound=BaseModel)
Tags: TypeAlias = Mapping[str, str | float]


def say_note(session: Session, text: str, kind: str, subject: str | None, run_id: str | None) -> None:
    """Record a note where it belongs now.

    Raises:
        ConfigurationError: there is no text, or its kind is no word or almost one that documents look for.
        RunNotFoundError, RunStateError: there is no run to say it of.
    """
    known, said = note_kind(text_of("the kind of a note", kind)), text_of("a note", text)
    body = checked(lambda: Note(text=said, note_kind=known, subject=subject))
    session.writing_to(run_id).run.say(body)


def text_of(what: str, said: object) -> str:
    """What a person said, without the space around it.

    Raises:
        ConfigurationError: it is no text.
    """
    if not isinstance(said, str):
        raise ConfigurationError(f"{what} is text, and no {type(said).__name__}")
    return said.strip()


def tags_of(said: Tags) -> dict[str, str]:
    """Tags as they are recorded: text, and numbers in digits."""
    return {key: str(value) if isinstance(value, int | float) else value for key, value in said.items()}


def checked(make: Callable[[], Said]) -> Said:
    """What `make` makes of what was said.

    Raises:
        ConfigurationError: it cannot; the message names the field.
    """
    try:
        return make()
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        pattern = str(first.get("ctx", {}).get("pattern", ""))
        told = next((told for mark, told in _WRITTEN.items() if mark in pattern), first["msg"])
        raise ConfigurationError(f"{'.'.join(map(str, first['loc']))}: {told}") from None


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
