"""`cognify attest`: what a named person answers for, in words or in a form that documents look for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cognify_core.cli.console import say, tell
from cognify_core.cli.options import AsJson, pairs
from cognify_core.cli.statements import finish
from cognify_core.errors import ConfigurationError

if TYPE_CHECKING:
    from cognify_core.canonical import Json
    from cognify_core.model.events import Attestation

FORMS = {
    "phi": "phi",
    "encryption": "encryption_at_rest",
    "test-report": "test_report",
    "sign-off": "sign_off",
}
"""Words that stand for a form where a claim would stand."""
_TRUTH = {"true": True, "yes": True, "false": False, "no": False}


def register(app: typer.Typer) -> None:
    """Add the command of this group."""
    app.command()(attest)


def attest(
    claim: Annotated[
        str, typer.Argument(metavar="CLAIM|FORM", help="What is claimed; or phi, encryption, test-report, sign-off.")
    ],
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run id, the beginning of one, or 'last'.")] = "last",
    *,
    by: Annotated[str, typer.Option(help="Who answers for it: a person's name.")],
    role: Annotated[str, typer.Option(help="In which role, as in 'clinical lead'.")],
    on: Annotated[str | None, typer.Option("--date", metavar="DAY", help="The day; else today.")] = None,
    meaning: Annotated[str | None, typer.Option(help="What the signature means: reviewed, approved …")] = None,
    evidence: Annotated[Path | None, typer.Option(metavar="FILE", help="A file that bears it out.")] = None,
    words: Annotated[
        str | None, typer.Option("--claim", metavar="TEXT", help="With a form: the exact words, in place of its own.")
    ] = None,
    form: Annotated[str | None, typer.Option(help="With a claim: the form that documents look for.")] = None,
    subject: Annotated[str | None, typer.Option(help="What it is about: a node id, annex_iv/2(e) …")] = None,
    datasets: Annotated[
        list[str] | None, typer.Option("--dataset", metavar="DIGEST", help="A dataset that it is bound to.")
    ] = None,
    fact: Annotated[list[str] | None, typer.Option(metavar="KEY=VALUE", help="An answer of the form.")] = None,
    basis: Annotated[
        str | None,
        typer.Option(
            help="phi: no_phi, safe_harbor, expert_determination, limited_data_set or phi_under_authorization_or_baa."
        ),
    ] = None,
    identifiers: Annotated[
        list[str] | None,
        typer.Option(metavar="LETTERS=STATE", help="phi: as in A=removed,B-R=absent (164.514(b)(2)(i))."),
    ] = None,
    no_actual_knowledge: Annotated[
        bool, typer.Option("--no-actual-knowledge", help="phi: the other half of safe_harbor.")
    ] = False,
    location: Annotated[str | None, typer.Option(metavar="URI", help="encryption: what is encrypted.")] = None,
    algorithm: Annotated[str | None, typer.Option(help="encryption: as in AES-256-GCM.")] = None,
    custodian: Annotated[str | None, typer.Option(help="encryption: who holds the key.")] = None,
    run_option: Annotated[str | None, typer.Option("--run", metavar="RUN", help="The run, named so.")] = None,
    as_json: AsJson = False,
) -> None:
    """Record a statement that a named person answers for.

    A phi attestation is bound to all datasets of the run: with others it is void. Nothing is attested by default.
    """
    from cognify_core import api

    run = run_option or run
    known = FORMS.get(claim)
    facts: dict[str, Json] = {key: _TRUTH.get(value, value) for key, value in pairs(fact or (), "--fact").items()}
    facts |= _phi(basis, identifiers, no_actual_knowledge=no_actual_knowledge)
    facts |= {key: value for key, value in {"algorithm": algorithm, "custodian": custodian}.items() if value}
    if algorithm and "encrypted" not in facts:
        facts["encrypted"] = True
    said = api.attest(
        _claim(claim, known, words, facts, location),
        by=by,
        role=role,
        meaning=meaning,
        evidence=evidence,
        on=on,
        form=known or form,
        subject=location or subject,
        datasets=datasets or None,
        facts=facts or None,
        run_id=run,
    )
    if said is None:
        raise ConfigurationError("COGNIFY_MODE=off: nothing is recorded")
    if not as_json:
        _print_back(said)
    finish(run, said.model_dump(mode="json", exclude={"kind"}), as_json)


def _claim(claim: str, form: str | None, words: str | None, facts: dict[str, Json], location: str | None) -> str | None:
    """The exact words: those given, else a plain sentence of what was answered; `phi` has words for each basis."""
    if form is None or words is not None:
        return words or claim
    if form == "phi":
        return None
    if form == "encryption_at_rest" and facts.get("encrypted"):
        return f"{location} is encrypted at rest with {facts.get('algorithm')}; {facts.get('custodian')} holds the key."
    raise ConfigurationError(f"an attestation of the form {form} says its exact words with --claim TEXT")


def _phi(basis: str | None, identifiers: list[str] | None, *, no_actual_knowledge: bool) -> dict[str, Json]:
    found: dict[str, Json] = {}
    if basis is not None:
        found["basis"] = basis
    if identifiers:
        each = [part for text in identifiers for part in text.split(",") if part]
        found["identifiers"] = pairs(each, "--identifiers")
    if no_actual_knowledge:
        found["no_actual_knowledge"] = True
    return found


def _print_back(said: Attestation) -> None:
    """What was signed, word by word: a day or words that were not typed are in it."""
    tell(f"{said.by}, {said.role}, {said.on}{f', {said.meaning}' if said.meaning else ''}:")
    tell(f"  {said.claim}", hang=2)
    for digest in said.datasets or ():
        say(f"  bound to {digest}")
