"""Attestations: what a named person answers for, checked against its form and bound to the datasets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from cognify_core.api.profiles import today
from cognify_core.api.saying import checked, digest_of, text_of
from cognify_core.errors import ConfigurationError, FormatError
from cognify_core.model.attestation_forms import PHI_BASES, check_form
from cognify_core.model.digest import Digest
from cognify_core.model.events import Attestation, DatasetSeen, parse_event

if TYPE_CHECKING:
    from cognify_core.api.live import LiveRun
    from cognify_core.api.session import Session
    from cognify_core.canonical import Json
    from cognify_core.store.protocol import Store


def attestation(
    claim: str | None,
    *,
    by: str,
    role: str,
    meaning: str | None,
    evidence: str | Path | Digest | None,
    on: str | date | None,
    form: str | None,
    subject: str | None,
    datasets: Sequence[str | Digest] | None,
    facts: Mapping[str, Json] | None,
) -> Attestation:
    """An attestation, checked; of the form `phi` without a claim it has the words of its basis, without a day today's.

    Raises:
        ConfigurationError: it names no claim, nobody, or no role; its form lacks something; there is no such evidence.
    """
    digest = digest_of(evidence)
    said = check_form(form, facts, subject=subject, has_evidence=digest is not None)
    if claim is None:
        if form != "phi":
            raise ConfigurationError("an attestation has a claim: the exact words that somebody answers for")
        claim = PHI_BASES[str((said or {})["basis"])]
    bound = None if datasets is None else tuple(map(_as_digest, datasets))
    day = on.isoformat() if isinstance(on, date) else on or today()
    return checked(
        lambda: Attestation(
            claim=text_of("a claim", claim),
            by=text_of("a name", by),
            role=text_of("a role", role),
            meaning=meaning,
            evidence=digest,
            on=day,
            form=form,
            subject=subject,
            datasets=bound,
            facts=said,
        )
    )


def say_attestation(session: Session, said: Attestation, run_id: str | None) -> Attestation:
    """Record an attestation where it belongs now, one of the form `phi` bound to the run's datasets; return it so.

    Raises:
        RunNotFoundError, RunStateError: there is no run to say it of.
        ConfigurationError: it speaks of the datasets of a run that has none with a digest.
    """
    live = session.writing_to(run_id)
    if said.form == "phi" and said.datasets is None:
        said = said.model_copy(update={"datasets": _datasets_of(live)})
    live.run.say(said)
    return said


def dataset_digests(store: Store, run_id: str) -> tuple[Digest, ...]:
    """The digest of every dataset that a run and its addenda name, sources and evaluation sets too; each once."""
    runs = (run_id, *(row.run_id for row in store.addenda(run_id)))
    bodies = (parse_event(event).body for run in runs for event in store.events(run) if b'"kind":"dataset"' in event)
    found = (body.hash for body in bodies if isinstance(body, DatasetSeen))
    return tuple(dict.fromkeys(digest for digest in found if digest is not None))


def _datasets_of(live: LiveRun) -> tuple[Digest, ...]:
    live.run.wait()
    live.run.flush()
    run_id = live.amends or live.id
    if not (found := dataset_digests(live.workspace.store, run_id)):
        raise ConfigurationError(
            f"{run_id} names no dataset with a digest, so there is nothing that the attestation could be bound to; "
            "put the datasets on record first, with cognify.dataset(…)"
        )
    return found


def _as_digest(given: str | Digest) -> Digest:
    try:
        return given if isinstance(given, Digest) else Digest.parse(given)
    except FormatError as error:
        raise ConfigurationError(f"an attestation is bound to datasets by their digests: {error}") from error
