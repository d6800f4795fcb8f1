"""The JSON package: a sealed run and its addenda in one file, from which everything can be computed again.

A package is a function of its inputs and its renderer: no clock, locale or environment enters. Events, bundles and
manifests travel as strings, byte for byte, so that a verifier needs no canonical JSON of its own to hash them. What
older renderers made is still made here, so that their packages can be verified for ever.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence

from cognify_core.canonical import Json, encode
from cognify_core.errors import FormatError
from cognify_core.export.dossier import Dossier
from cognify_core.export.gaps import gaps
from cognify_core.export.grc_records import grc_records
from cognify_core.export.inputs import SealedRun
from cognify_core.export.templates.template import Template
from cognify_core.export.watched import Watch, unwatched
from cognify_core.model.digest import Digest
from cognify_core.model.record import Status

FORMAT = "cognify.package/v1"
RENDERER = "cognify-json/2"
"""Changes whenever the same inputs would give other bytes."""
SCHEMA = "https://cognify.dev/schema/package-v1.json"
"""A name; the schema itself is `package.schema.json`, beside this module."""


def render(run: SealedRun, addenda: Sequence[SealedRun]) -> bytes:
    """The package's bytes: canonical JSON.

    Raises:
        FormatError: an input is not what it should be: an event, a bundle, a manifest that is not there.
        SigningKeyError: a public key is none.
    """
    return encode(document(run, addenda))


def render_dossier(dossier: Dossier, template: Template | None, watch: Watch = unwatched) -> bytes:  # noqa: ARG001
    """The package's bytes; the JSON package is the same for every template.

    Raises:
        FormatError, SigningKeyError: as `render`.
    """
    return render(dossier.run, dossier.addenda)


def document(run: SealedRun, addenda: Sequence[SealedRun]) -> dict[str, Json]:
    """The package as a JSON value.

    Raises:
        FormatError: as `render`.
        SigningKeyError: as `render`.
    """
    return _told_by(RENDERER, run, addenda) | {"grc_records": grc_records(Dossier.of(run, addenda))}


def first_document(run: SealedRun, addenda: Sequence[SealedRun]) -> dict[str, Json]:
    """The package as `cognify-json/1` rendered it, without flat rows.

    Raises:
        FormatError: as `render`.
        SigningKeyError: as `render`.
    """
    return _told_by("cognify-json/1", run, addenda)


DOCUMENTS: Mapping[str, Callable[[SealedRun, Sequence[SealedRun]], dict[str, Json]]] = {
    "cognify-json/1": first_document,
    RENDERER: document,
}
"""What each renderer makes, by its name."""


def _told_by(renderer: str, run: SealedRun, addenda: Sequence[SealedRun]) -> dict[str, Json]:
    head = {"format": FORMAT, "renderer": renderer, "schema": SCHEMA, "template": None}
    return head | run_document(run) | {"addenda": [run_document(addendum) for addendum in addenda]}


def run_document(run: SealedRun) -> dict[str, Json]:
    """One run or addendum as packages hold it; its first five keys are the lineage that the seal signs.

    Raises:
        FormatError: as `render`.
        SigningKeyError: as `render`.
    """
    record, sealed_at = run.record, run.statement.predicate.sealed_at
    return record.lineage.document(run.run_id, Status.AUDIT_SEALED, sealed_at) | {
        "complete": record.closed.complete,
        "reasons": list(record.closed.reasons),
        "gaps": gaps(record.events),
        "record": {
            "size": record.manifest.size,
            "root": record.manifest.root,
            "events": [event.decode("utf-8") for event in run.events],
        },
        "seal": _seal(run),
        "manifests": _manifests(run),
    }


def _seal(run: SealedRun) -> dict[str, Json]:
    return {
        "anchor": _anchors(run),
        "bundle": run.bundle.decode("utf-8"),
        "key_id": run.key.key_id,
        "public_key": run.key.pem.decode("ascii"),
        "statement": str(Digest.of(run.envelope.payload)),
        "time": run.time,
    }


def _anchors(run: SealedRun) -> list[Json]:
    """What the seal's age rests on: nothing, where the bundle carries no proof of time and no server received it."""
    stamps = [{"authority": stamp.authority, "kind": "timestamp", "time": stamp.told} for stamp in run.timestamps]
    received = run.statement.predicate.received
    return stamps if received is None else [*stamps, {"kind": "remote record", **received.model_dump()}]


def _manifests(run: SealedRun) -> dict[str, Json]:
    named = {str(digest) for digest in run.record.manifest_digests}
    if named != run.manifests.keys():
        missing, stray = sorted(named - run.manifests.keys()), sorted(run.manifests.keys() - named)
        raise FormatError(f"the manifests are not those that the record names; missing {missing}, stray {stray}")
    return {name: manifest_json(data) for name, data in run.manifests.items()}


def manifest_json(data: bytes) -> Json:
    """A manifest as a package holds it: its text, or `{"base64": …}` where it is none (file names are bytes)."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return {"base64": b64encode(data).decode("ascii")}
