"""A document, rendered again from the store's run out of what its receipt says that it was made from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cognify_core.api.exporting import clear_values
from cognify_core.errors import CognifyError, RunNotFoundError, VerificationError
from cognify_core.export.dossier import Dossier
from cognify_core.export.formats import export_format
from cognify_core.export.inputs import made_from
from cognify_core.verify.document_check import Rendered
from cognify_core.verify.store_check import read_sealed

if TYPE_CHECKING:
    from cognify_core.api.workspace import Workspace
    from cognify_core.seal.statement import ReceiptPredicate


def rendered_again(workspace: Workspace, said: ReceiptPredicate) -> Rendered:
    """Render it again, where run, addenda, renderer and clear values are those of the receipt. Nothing is written."""
    if not workspace.has_store:
        return Rendered(None, "there is no store here that holds the run")
    store = workspace.store
    try:
        run, *addenda = read_sealed(store, said.run_id, [*workspace.ring.trusted()])
    except RunNotFoundError:
        return Rendered(None, f"the store here does not hold {said.run_id}")
    except VerificationError as error:
        return Rendered(None, f"the run does not hold: {error}", contradicts=True)
    except CognifyError as error:
        return Rendered(None, str(error))
    addenda = addenda[: len(said.addenda)]
    try:
        kind = export_format(said.format, said.template)
    except CognifyError as error:
        return Rendered(None, str(error).splitlines()[0])
    shows = kind.template is not None and kind.template.shows_personal_data
    openings = clear_values(store, run, addenda) if shows else None
    here = made_from(run, addenda, said.format, said.template, kind.version, openings)
    if (here.seal, here.addenda, here.nonce) != (said.seal, said.addenda, said.nonce):
        told = f"the receipt names another seal, or other addenda, than the store has for {said.run_id}"
        return Rendered(None, told, contradicts=True)
    if here.renderer != said.renderer:
        return Rendered(None, f"it was rendered by {said.renderer}, and here is {here.renderer}")
    if here.openings != said.openings:
        return Rendered(None, "the clear values that it was given are not those that the store has now")
    return Rendered(kind.render(Dossier.of(run, addenda, openings=openings or ())))
