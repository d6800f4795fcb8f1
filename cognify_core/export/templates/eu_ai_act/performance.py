"""Annex IV, points 2(g), 2(h), 3, 4 and 6: how well it works, where it fails, what protects it, what changed."""

from __future__ import annotations

from cognify_core.export.document.cells import count, cut, figure, listed, mapping, moment, shown
from cognify_core.export.document.measured import HOW, best_known, interval_of, measured
from cognify_core.export.document.model_facts import weight_forms
from cognify_core.export.document.seals import anchored_by
from cognify_core.export.document.sections_config import flat
from cognify_core.export.document.sections_limits import LIMITS, notes_of
from cognify_core.export.dossier import Dossier, Told
from cognify_core.export.templates.points import Findings, Point, answered
from cognify_core.export.templates.statements import Statement, attested, attested_by, said_by_profile
from cognify_core.export.templates.template import Answer
from cognify_core.model.evaluation_facts import EvaluationFacts, Measured
from cognify_core.model.events import EvaluationSeen

METRICS = 4


def testing(dossier: Dossier, point: Point) -> Answer:
    """2(g): evaluations are recorded; groups and signed reports are missing until somebody supplies them."""
    found = Findings()
    for told, facts in best_known(dossier, 6):
        found.add(evaluation_text(told, facts), told)
    has_slices = any(EvaluationFacts.of(told.body.facts).slices for told in dossier.evaluations)
    if has_slices:
        found.add("Results by group are recorded: see Evaluations")
    reports = _reports(dossier)
    found.lack(
        "results by group, for potentially discriminatory impacts: cognify.eval(…, slices=…)", when=not has_slices
    )
    found.lack(
        "test logs and reports dated and signed by the responsible person: an attestation of the form test_report",
        when=not any(statement.by for statement in (*reports, attested(dossier, point.name)) if statement),
    )
    return answered(dossier, point, found, reports)


def evaluation_text(told: Told[EvaluationSeen], facts: EvaluationFacts) -> str:
    """One evaluation in a sentence."""
    metrics = listed(map(_metric, measured(told.body, facts)), METRICS)
    at = "" if told.body.step is None else f", step {count(told.body.step)}"
    return f"Evaluation {cut(told.body.name, 80)}{at}, {HOW[facts.how]}: {metrics or 'no metric'}"


def _metric(metric: Measured) -> str:
    value = "not defined" if metric.value is None else figure(metric.value)
    details = "; ".join(filter(None, (f"n {count(metric.n)}" if metric.n else "", interval_of(metric))))
    return f"{metric.name} {value}{f' ({details})' if details else ''}"


def _reports(dossier: Dossier) -> list[Statement]:
    signed = [told for told in dossier.attestations if told.body.form == "test_report"]
    return [attested_by(dossier, told) for told in signed[-4:] if told.body.subject != "annex_iv/2(g)"]


def protection(dossier: Dossier, point: Point) -> Answer:
    """2(h): what the record itself shows; the measures of the system come from people."""
    found, forms = Findings(), weight_forms(dossier)
    for seal in dossier.seals[:1]:
        found.add(
            f"Integrity of the record: sealed with the key {seal.key_id}; its age rests on {anchored_by(seal)}",
            *dossier.evidence_of("seal"),
        )
    if forms:
        pickles = any("pickle" in form for form in forms)
        note = "loading a pickle can run code" if pickles else "no weights were stored as pickles"
        found.add(f"Weights were stored as {listed(forms)}: {note}", *dossier.checkpoints[-1:])
    remote = _trusts_remote_code(dossier)
    found.add("The configuration trusts remote code (trust_remote_code)" if remote else None, *dossier.configs[:1])
    locations = [told for told in dossier.attestations if told.body.form == "encryption_at_rest"]
    if locations:
        found.add(
            f"Encryption at rest is attested for {listed(told.body.subject or '' for told in locations)}", *locations
        )
    own = f"the cybersecurity measures of the system: answers → {point.name} in the profile"
    return answered(dossier, point, found, own=own)


def _trusts_remote_code(dossier: Dossier) -> bool:
    return any(
        name.rpartition(".")[2] == "trust_remote_code" and value is True
        for told in dossier.configs
        for name, value in flat(dossier.manifest(told))
    )


def functioning(dossier: Dossier, point: Point) -> Answer:
    """3: input, accuracy, limitations and failure modes."""
    found, limits, risks = Findings(), notes_of(dossier, LIMITS), notes_of(dossier, ("risk",))
    for config in dossier.configs[:1]:
        tokenizer = mapping(mapping(dossier.manifest(config)).get("tokenizer"))
        if tokenizer:
            found.add(
                f"Input: text, tokenizer {shown(tokenizer.get('serialised_sha256'), 80)}, at most "
                f"{shown(tokenizer.get('model_max_length'), 30)} tokens",
                config,
            )
    for told, facts in best_known(dossier, 1):
        found.add(evaluation_text(told, facts), told)
    for note in (*limits, *risks)[:8]:
        kind = note.body.note_kind.replace("_", " ").capitalize()
        found.add(f"{kind}: {cut(note.body.text)}", note, source="notes")
    kinds = {note.body.note_kind for note in limits}
    for kind in LIMITS:
        found.lack(f'notes of the kind {kind}: cognify.note(…, kind="{kind}")', when=kind not in kinds)
    found.lack("foreseeable unintended outcomes and sources of risk: notes of the kind risk", when=not risks)
    own = f"oversight measures and the specification of input data: answers → {point.name} in the profile"
    return answered(dossier, point, found, own=own)


def metrics(dossier: Dossier, point: Point) -> Answer:
    """4: why each metric is appropriate, as somebody says."""
    found, reasons = Findings(), dossier.profile.metric_rationale
    told = tuple(said_by_profile(dossier, f"{name}: {reason}") for name, reason in list(reasons.items())[:8])
    explained = {name.lower() for name in reasons}
    for note in notes_of(dossier, ("metric_rationale",))[:6]:
        explained.add((note.body.subject or "").lower())
        found.add(f"{cut(note.body.subject or 'Metrics', 80)}: {cut(note.body.text)}", note, source="notes")
    for seen in dossier.evaluations:
        facts = EvaluationFacts.of(seen.body.facts)
        if facts.rationale:
            explained |= {metric.name.lower() for metric in facts.metrics}
            found.add(f"Evaluation {cut(seen.body.name, 80)}: {cut(facts.rationale)}", seen)
    names = {metric.name: None for seen, facts in best_known(dossier, 6) for metric in measured(seen.body, facts)}
    lacking = [name for name in names if name.lower() not in explained]
    found.lack(f"why these metrics are appropriate: {listed(lacking)}", when=bool(lacking and (told or found.says)))
    return answered(dossier, point, found, told)


def changes(dossier: Dossier, point: Point) -> Answer:
    """6: what this record knows of changes: what came before, what was noted, what was said after the seal."""
    found = Findings()
    period = f"{moment(dossier.opened_at)} to {moment(dossier.closed_at)}"
    found.add(
        f"This record is of one training, {period}; what it used is under 2(a) to 2(d)", dossier.opened, dossier.closed
    )
    for release in dossier.releases[-1:]:
        found.add(
            f"Released on {release.body.on}; supersedes {release.body.supersedes or 'no run that is named'}", release
        )
    for note in notes_of(dossier, ("change",))[:8]:
        found.add(f"Change: {cut(note.body.text)}", note, source="notes")
    later = len(dossier.addenda)
    found.add(f"After the seal: {count(later, 'sealed addendum', 'sealed addenda')}", *dossier.evidence_of("seal"))
    has_before = any(release.body.supersedes for release in dossier.releases)
    found.lack("the run before this one: supersedes of a release, and cognify diff of the two", when=not has_before)
    return answered(dossier, point, found, own=f"changes through the lifecycle: answers → {point.name} in the profile")
