"""What people say of a run, checked before it is recorded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from cognify_core.capture.files import file_outcome
from cognify_core.errors import ConfigurationError
from cognify_core.model.digest import Digest
from cognify_core.model.events import Attestation, Body, Note

if TYPE_CHECKING:
    from cognify_core.api.session import Session


def say_note(session: Session, text: str, kind: str, subject: str | None, run_id: str | None) -> None:
    """Record a note where it belongs now.

    Raises:
        ConfigurationError: there is no text.
        RunNotFoundError, RunStateError: there is no run to say it of.
    """
    body = _checked(lambda: Note(text=text.strip(), note_kind=kind, subject=subject))
    session.writing_to(run_id).run.say(body)


def say_attestation(session: Session, run_id: str | None, evidence: str | Path | Digest | None, **said: Any) -> None:
    """Record an attestation, with the digest of its evidence.

    Raises:
        ConfigurationError: it names no claim, nobody, or no role; or the evidence cannot be hashed.
        RunNotFoundError, RunStateError: there is no run to say it of.
    """
    digest = _digest_of(evidence)
    body = _checked(lambda: Attestation(evidence=digest, **said))
    session.writing_to(run_id).run.say(body)


def say_evaluation(
    session: Session,
    results: Mapping[str, float],
    *,
    name: str,
    step: int | None,
    dataset: Any,
    run_id: str | None,
    facts: Mapping[str, Any],
) -> None:
    """Record results, and the rows that they were made on.

    Raises:
        ConfigurationError: a result is no number.
        RunNotFoundError, RunStateError: there is no run to say it of.
    """
    for key, value in results.items():
        try:
            float(value)
        except (TypeError, ValueError) as error:
            raise ConfigurationError(f"the result {key!r} is no number: {str(value)[:80]!r}") from error
    run = session.writing_to(run_id).run
    rows = () if dataset is None else (run.dataset(dataset, name=f"{name}_rows", role="eval"),)
    run.evaluation(results, name=name, step=step, inputs=rows, facts=facts)


def _checked(make: Callable[[], Body]) -> Body:
    try:
        return make()
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ConfigurationError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def _digest_of(evidence: str | Path | Digest | None) -> Digest | None:
    if evidence is None or isinstance(evidence, Digest):
        return evidence
    outcome = file_outcome(Path(evidence))
    if outcome.hash is None:
        raise ConfigurationError(f"the evidence {evidence} cannot be hashed: {outcome.reason}")
    return outcome.hash
