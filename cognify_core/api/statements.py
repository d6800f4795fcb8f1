"""The façade's functions by which people say something. Each imports what it needs when it is called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cognify_core.api.functions import this_session

if TYPE_CHECKING:
    from cognify_core.api.datasets import DatasetHandle
    from cognify_core.model.digest import Digest
    from cognify_core.model.evaluation_facts import EvaluationFacts
    from cognify_core.model.events import Attestation, Release
    from cognify_core.model.profile import Profile


def note(text: str, *, kind: str = "general", subject: str | None = None, run_id: str | None = None) -> None:
    """Say something of a run: a `limitation`, a `failure_mode`, a `rationale`, a `tradeoff`.

    `kind` may be any lower-case word; those that documents put in a place of their own are in
    `cognify_core.model.words.NOTE_KINDS`. `subject` is what it is about: a node id, a metric.

    Raises:
        ConfigurationError: there is no text; the kind is no such word, or almost one of those.
        RunNotFoundError, RunStateError: there is no run to say it of.
    """
    from cognify_core.api.saying import say_note

    if this_session().speaks:
        say_note(this_session(), text, kind, subject, run_id)


def eval(  # noqa: A001 - the name that users look for
    what: Any = None,
    data: Any = None,
    *,
    results: Mapping[str, Any] | None = None,
    tasks: Any = None,
    name: str | None = None,
    step: int | None = None,
    of: str | None = None,
    dataset: Any = None,
    objective: str | None = None,
    rationale: str | None = None,
    overlap: bool | Mapping[str, str] | None = None,
    run_id: str | None = None,
    **options: Any,
) -> dict[str, EvaluationFacts]:
    """Evaluate, or tell what others found, and record it; return what was found, by the name of each evaluation.

    `eval(predict, data, label="label", metrics=["accuracy", "f1_macro"], slices=["sex"])` asks `predict` for the rows
    of `data`, a batch at a time, and computes scikit-learn's metrics with bootstrap intervals, of all rows and of each
    group. The options are those of `cognify_core.api.evaluating.predictions.HowToEvaluate`.

    `eval(model, tasks=["task.yaml"])` lets a harness run tasks: EleutherAI's lm-evaluation-harness, whose options are
    those of `cognify_integrations.lm_eval`.

    `eval(results={"accuracy": 0.9}, name="…")` records what somebody else found, as declared; also what a harness gave
    them. A result is a number, or a dict of `value`, `n`, `low`, `high`, `level`, `method`, `stderr`, `direction` and
    `definition`. Whatever else is said stands beside it.

    What is not recorded (`COGNIFY_MODE=off`, other ranks than the first) is computed all the same. After the seal it
    goes into an addendum.

    Args:
        what: a callable that predicts, a model, or results.
        data: the rows to predict: a `datasets.Dataset`, a DataFrame, a list of dicts, an Arrow table, a path, an array.
        results: what others found.
        tasks: names, files or configurations of tasks.
        name: what the evaluation is called.
        step: the step of the training that it was made at, and so of the checkpoint of that step.
        of: the node whose weights were evaluated, as in `ckpt_step_2500` or `model_final`.
        dataset: the rows that it was made on, where they are other than `data`.
        objective: the compliance objective that it serves, as in `annex_iv/2(g)`.
        rationale: why these metrics are appropriate (AI Act, Annex IV, point 4).
        overlap: whether to look for the evaluation texts in the training data, column by column of one name; or the
            training texts' column by the evaluation texts', as in `{"question": "text"}`. By default where it is
            evaluated here.
        run_id: the run; else the one that goes on, else this process's last.
        options: of the one who evaluates; or what else is said of the results.

    Raises:
        ConfigurationError: what was asked for cannot be done: no such metric, column, task or option; answers that do
            not fit the rows; a result that is no number.
        RunNotFoundError, RunStateError: there is no run to say it of.
        Exception: whatever `what` raises. Nothing is recorded then.
    """
    from cognify_core.api.evaluating.asked import About, Asked, evaluate

    about = About(
        name=name,
        step=step,
        of=of,
        dataset=dataset,
        objective=objective,
        rationale=rationale,
        overlap=overlap,
        run_id=run_id,
    )
    asked = Asked(what=what, data=data, results=results, tasks=tasks, options=options)
    return evaluate(this_session(), asked, about)


def attest(
    claim: str | None = None,
    *,
    by: str,
    role: str,
    meaning: str | None = None,
    evidence: str | Path | Digest | None = None,
    on: str | date | None = None,
    form: str | None = None,
    subject: str | None = None,
    datasets: Sequence[str | Digest] | None = None,
    facts: Mapping[str, Any] | None = None,
    run_id: str | None = None,
) -> Attestation | None:
    """Record a statement that a named person answers for; return it as it is recorded (None where nothing is).

    Args:
        claim: the exact words. Only a `phi` attestation has words of its own, those of its basis.
        by: the printed name.
        role: in which role.
        meaning: what the signature means: `reviewed`, `approved`, `responsible for` … (21 CFR 11.50(a)(3)).
        evidence: a file that bears it out, which is hashed, or its digest.
        on: the day that the person gives, as in `2026-01-31`; today where none is given.
        form: what documents look for: `phi`, `encryption_at_rest`, `test_report`, `annex_iv`, `hipaa`, `sign_off`.
        subject: what it is about: a node id, a storage location, a point of law such as `annex_iv/2(e)`.
        datasets: the digests of the datasets that it is bound to: for others it is void. A `phi` attestation is bound
            to all datasets of the run where none are named.
        facts: the form's answers, as in `{"basis": "no_phi"}`: `cognify_core.model.attestation_forms`.
        run_id: the run; else the one that goes on, else this process's last.

    Raises:
        RunNotFoundError, RunStateError: there is no run to say it of.
        ConfigurationError: it names nothing, nobody or no role; its form lacks something or a word is misspelt; the
            evidence cannot be read.
    """
    from cognify_core.api.attesting import attestation, say_attestation

    if not this_session().speaks:
        return None
    said = attestation(
        claim,
        by=by,
        role=role,
        meaning=meaning,
        evidence=evidence,
        on=on,
        form=form,
        subject=subject,
        datasets=datasets,
        facts=facts,
    )
    return say_attestation(this_session(), said, run_id)


def release(
    run_id: str | None = None,
    *,
    approved_by: str,
    role: str,
    ran_by: str | None = None,
    on: str | date | None = None,
    meaning: str | None = None,
    market_date: str | date | None = None,
) -> Release:
    """Say that a run is the released one of its project; a later release supersedes it. A run that has ended is sealed.

    Args:
        run_id: the run; else this process's last.
        approved_by: who approves: somebody else than who ran it.
        role: in which role.
        ran_by: who ran it; else it stands there by the commitment to the user whose process it was.
        on: the day of the approval; today where none is given.
        meaning: what the approval means.
        market_date: the day on which the AI system was placed on the market or put into service (AI Act, Art. 18(1)).

    Raises:
        ConfigurationError: who approves is who ran it, or nobody knows who ran it; a day is none.
        RunNotFoundError, RunStateError: there is no such run, or it goes on.
    """
    from cognify_core.api.requests import release_now

    return release_now(
        this_session(),
        run_id,
        approved_by=approved_by,
        role=role,
        ran_by=ran_by,
        on=on,
        meaning=meaning,
        market_date=market_date,
    )


def profile(
    said: Mapping[str, Any] | str | Path | None = None, /, *, project: str | None = None, **fields: Any
) -> Profile | None:
    """What is said of the organisation, or of the AI system that is a project; return what is in force then.

    With a map or the path of a YAML or JSON file, that becomes the profile; with `fields`, these change in it, and a
    field that is None is taken away; with neither, nothing changes. Files that it refers to are hashed; nothing is
    fetched. What is in force is the project's over the workspace's; None where nothing was ever said.

    Args:
        said: the whole profile.
        project: whose it is; None: the workspace's own, for all its projects.
        fields: as in `intended_purpose="Sorts letters."`; `cognify profile template` lists and explains them.

    Raises:
        ConfigurationError: a field is unknown or wrong, or a file is not there; the message names it.
    """
    from cognify_core.api.profiles import change_profile, effective_profile

    store = this_session().workspace.store
    if said is not None or fields:
        change_profile(store, said, fields, project=project)
    return effective_profile(store, project)


def datasheet(
    dataset: str, *, run_id: str | None = None, source_category: str | None = None, **provenance: Any
) -> DatasetHandle:
    """Say where a dataset of a run that has ended comes from: an addendum, sealed at once.

    `dataset` is a node id, as in `ds_patient_notes_v3`, a name or a digest; nothing is hashed again. `provenance` is
    as for `dataset`.

    Raises:
        ConfigurationError: nothing is said, or no such source category; the run has no such dataset, or more than one.
        RunNotFoundError, RunStateError: there is no such run, or it is not sealed.
    """
    from cognify_core.api.datasets import DatasetHandle, say_datasheet

    if not this_session().speaks:
        return DatasetHandle(dataset)
    return say_datasheet(this_session(), dataset, run_id, source_category, provenance)
