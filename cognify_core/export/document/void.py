"""When an attestation no longer holds: it is bound to datasets, and the run was fed others."""

from __future__ import annotations

from cognify_core.export.document.cells import listed
from cognify_core.export.document.graph import distinct_datasets
from cognify_core.export.dossier import Dossier
from cognify_core.model.bodies import Attestation


def void(dossier: Dossier, body: Attestation) -> str | None:
    """Why an attestation is void; none where it holds, or was bound to no dataset.

    Sources count too, and a dataset without a digest is covered by nothing.
    """
    if body.datasets is None:
        return None
    covered = frozenset(body.datasets)
    others = [data.body.name for data in distinct_datasets(dossier) if data.body.hash not in covered]
    if not others:
        return None
    return f"void: it is not bound to the datasets {listed(others)} as the record has them"
