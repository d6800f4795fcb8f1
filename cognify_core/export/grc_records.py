"""A run as flat rows of texts, for systems that take tables and no graphs, as ServiceNow's import sets do.

One row for each event that documents cite, and one for each seal. `record_id` is unique and stays: rows that are
imported again replace themselves.
"""

from __future__ import annotations

from collections.abc import Iterator

from cognify_core.export.criteria import FRAMEWORK, actor_of, criteria_of, recorder_of, status_of, when_of
from cognify_core.export.dossier import Dossier, Told
from cognify_core.export.seal_facts import SealFacts
from cognify_core.model.digest import Digest
from cognify_core.model.events import (
    Access,
    Artifact,
    Attestation,
    Body,
    Failure,
    Gap,
    Note,
    Phase,
    Release,
    RunClosed,
    RunOpened,
)

TITLE = 160
"""The characters of a title; the event has the whole."""
_LEFT_OUT = frozenset({"phase", "rank_joined"})


def grc_records(dossier: Dossier) -> list[dict[str, str]]:
    """The rows, in the order of the record, then the seals."""
    told = (each for each in dossier.told if each.body.kind not in _LEFT_OUT)
    return [*(_of_event(dossier, each) for each in told), *_of_seals(dossier)]


def _of_event(dossier: Dossier, told: Told[Body]) -> dict[str, str]:
    body = told.body
    place = told.evidence.pointer.rpartition("/")[2]
    kind = body.node_type if isinstance(body, Artifact) else body.kind
    return {
        "record_id": f"{_record(dossier, told.addendum)}/{place}",
        "record_type": kind,
        "title": _title(told),
        "framework": FRAMEWORK,
        "control_ref": criteria_of(kind),
        "status": status_of(dossier, told),
        "evidence_ref": told.evidence.pointer,
        "sha256": _digest_of(body),
        "occurred_at": when_of(told),
        "actor": _cut(actor_of(dossier, told)),
        "run_id": dossier.run_id,
    }


def _of_seals(dossier: Dossier) -> Iterator[dict[str, str]]:
    for seal in dossier.seals:
        yield {
            "record_id": f"{seal.run_id}/seal",
            "record_type": "seal",
            "title": _seal_title(seal),
            "framework": FRAMEWORK,
            "control_ref": criteria_of("seal"),
            "status": "RECORDED",
            "evidence_ref": seal.pointer,
            "sha256": seal.statement.removeprefix("sha256:"),
            "occurred_at": seal.sealed_at,
            "actor": recorder_of(dossier, seal.addendum),
            "run_id": dossier.run_id,
        }


def _seal_title(seal: SealFacts) -> str:
    return f"{seal.size} events under the Merkle root {seal.root}"


def _record(dossier: Dossier, addendum: int) -> str:
    return dossier.addenda[addendum - 1].run_id if addendum else dossier.run_id


def _digest_of(body: Body) -> str:
    found = getattr(body, "hash", None) or getattr(body, "evidence", None)
    return found.hex if isinstance(found, Digest) else ""


def _title(told: Told[Body]) -> str:
    match told.body:
        case Artifact():
            return _cut(told.node_id)
        case RunOpened() as body:
            return _cut(f"run of project {body.project}{f', called {body.name}' if body.name else ''}")
        case RunClosed() as body:
            return f"ended {body.status}, {'complete' if body.complete else 'not complete'}"
        case Note() as body:
            return _cut(f"{body.note_kind}: {body.text}")
        case Attestation() as body:
            return _cut(f"{body.form or 'attestation'}: {body.claim}")
        case Release() as body:
            return _cut(f"released, ran by {body.ran_by}")
        case Access() as body:
            return _cut(f"{body.action}, {body.outcome}")
        case Gap() as body:
            return _cut(f"{body.subject}: {body.reason}")
        case Failure() as body:
            return _cut(f"{body.where}: {body.error}")
        case Phase() as body:
            return _cut(body.phase)
    return told.body.kind.replace("_", " ")


def _cut(text: str) -> str:
    return text if len(text) <= TITLE else f"{text[: TITLE - 1]}…"
