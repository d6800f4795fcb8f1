"""Packages of a run: made, put into the vault, taken along."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Form, Response
from fastapi.responses import RedirectResponse

from cognify_core.api.keeping import DEFAULT
from cognify_core.api.saying import checked
from cognify_core.api.vaulting import check_personal, latest, plan_for
from cognify_core.errors import CognifyError, RunStateError
from cognify_core.export.formats import FORMATS, export_format
from cognify_core.export.templates.registry import templates
from cognify_core.model.record import Status
from cognify_core.server.asking import Asked, require
from cognify_core.server.forms import NewExport, PackageShown
from cognify_core.server.pages.rendering import DONE, HEADERS
from cognify_core.server.roles import May
from cognify_core.server.routes.exports import download, download_receipt, export_run, list_packages
from cognify_core.server.visiting import act, visit
from cognify_core.store.keeping import VaultFact
from cognify_core.store.protocol import RunRow

router = APIRouter(prefix="/w/{workspace_id}/runs/{run_id}/packages", tags=["pages"])
DONE["package"] = "The package is made."
DONE["delivered"] = "The package is made, and on its way into the vault."


@dataclass(frozen=True, slots=True)
class Kept:
    """A package, and where a vault holds it."""

    shown: PackageShown
    facts: tuple[VaultFact, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """A pair of format and template that exists."""

    format: str
    template: str | None = None

    @property
    def value(self) -> str:
        """As a form sends it."""
        return self.format if self.template is None else f"{self.format} {self.template}"


def choices() -> list[Choice]:
    """Every pair, those without a template first."""
    made_with = [Choice(kind, name) for name, each in templates().items() for kind in FORMATS if kind in each.formats]
    return [*map(Choice, FORMATS), *made_with]


def about_packages(asked: Asked, row: RunRow) -> dict[str, Any]:
    """What the page of a run says of its packages."""
    if row.status is not Status.AUDIT_SEALED or row.amends is not None:
        return {"packages": (), "waiting": (), "choices": (), "vault": None, "vault_problem": None}
    store = asked.room.store
    facts = latest(store.facts(row.run_id))
    vault, problem = _vault(asked, row.run_id)
    return {
        "packages": [
            Kept(shown, tuple(fact for fact in facts if str(fact.package_hash) == shown.package_hash))
            for shown in list_packages(asked, row.run_id)
        ],
        "waiting": [job for job in store.jobs() if job.run_id == row.run_id],
        "choices": choices(),
        "vault": vault,
        "vault_problem": problem,
    }


@router.post("")
def make(
    asked: Annotated[Asked, act(May.EXPORT)],
    run_id: str,
    kind: Annotated[str, Form(max_length=100)],
    vault: Annotated[str, Form(max_length=3)] = "",
) -> Response:
    """Make a package and, where that is asked for, put it into the vault."""
    format_, _, template = kind.partition(" ")
    new = checked(lambda: NewExport(format=format_, template=template or None))
    if vault:
        _check_vault(asked, run_id, new)
    export_run(asked, run_id, new)
    if vault:
        asked.room.outbox.put(run_id, new.format, new.template, DEFAULT)
        asked.room.outbox.start()
    done = "delivered" if vault else "package"
    return RedirectResponse(f"/w/{asked.room.name}/runs/{run_id}?done={done}#packages", 303)


@router.get("/{package_hash}")
def take(asked: Annotated[Asked, visit(May.EXPORT)], run_id: str, package_hash: str) -> Response:
    """A package's bytes."""
    return as_file(download(asked, run_id, package_hash))


@router.get("/{package_hash}/receipt")
def take_receipt(asked: Annotated[Asked, visit(May.EXPORT)], run_id: str, package_hash: str) -> Response:
    """The signed statement over a package."""
    answer = download_receipt(asked, run_id, package_hash)
    answer.headers["Content-Disposition"] = f'attachment; filename="{package_hash[7:19]}.sigstore.json"'
    return as_file(answer)


def as_file(answer: Response) -> Response:
    """What is taken along is never shown as a page of ours."""
    answer.headers.update({**HEADERS, "Content-Security-Policy": "sandbox; default-src 'none'"})
    return answer


def _check_vault(asked: Asked, run_id: str, new: NewExport) -> None:
    """Refuse before anything is made what would be refused afterwards."""
    require(asked.caller, May.KEEP)
    template = export_format(new.format, new.template).template
    plan = plan_for(asked.room, run_id, DEFAULT)
    check_personal(plan.uri, personal=template is not None and template.shows_personal_data)


def _vault(asked: Asked, run_id: str) -> tuple[str | None, str | None]:
    """What a package would be given in the vault, and what cannot be undone about it; or why nothing would."""
    try:
        plan = plan_for(asked.room, run_id, DEFAULT)
    except (CognifyError, RunStateError) as error:
        return None, str(error)
    return f"{plan}{f'. {plan.warning}' if plan.warning else ''}", None
