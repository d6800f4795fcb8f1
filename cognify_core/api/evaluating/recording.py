"""How evaluations are put on record: the rows and what was said of each, as datasets are; the rest as facts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from cognify_core.api.evaluating.samples import digested, kept
from cognify_core.api.progress import bar
from cognify_core.capture.commitments import display_path
from cognify_core.errors import ConfigurationError, RunStateError
from cognify_core.model.evaluation_facts import EvaluationFacts, Overlap, Samples
from cognify_core.model.events import BaseModelSeen, CheckpointSeen, ModelSeen, parse_event
from cognify_core.model.lineage import node_ids
from cognify_core.model.names import slug
from cognify_core.model.record import Status

if TYPE_CHECKING:
    from cognify_core.api.evaluating.asked import About
    from cognify_core.api.evaluating.evaluated import Evaluated
    from cognify_core.api.live import LiveRun
    from cognify_core.api.session import Session
    from cognify_core.store.protocol import Store

_WEIGHTS = (BaseModelSeen, CheckpointSeen, ModelSeen)


def check_place(session: Session, about: About) -> None:
    """Check that there will be a place for what is found, without making one yet.

    Raises:
        RunNotFoundError: no run is named, and this process has none.
        RunStateError: the run is neither going on here nor sealed.
    """
    run_id, current = session.wanted(about.run_id), session.current
    live = current if current is not None and current.id == run_id else session.guests.find(run_id)
    store = session.workspace.store
    if live is None and (status := store.run(run_id).status) is not Status.AUDIT_SEALED:
        raise RunStateError(f"{run_id} is {status}: seal it first with `cognify seal {run_id}`")
    if about.of is not None:
        _ref_of(store, run_id, about.of, live)


def record(session: Session, evaluated: Evaluated, about: About) -> EvaluationFacts:
    """Put one evaluation on record; return its facts as they stand there.

    Raises:
        ConfigurationError: the run has no such weights as it is said to be of; the samples cannot be kept.
        RunNotFoundError, RunStateError: there is no run to say it of.
    """
    rows = evaluated.rows if about.dataset is None else about.dataset
    overlap = _overlap(session, evaluated, rows, about)
    live = session.writing_to(about.run_id)
    run_id = live.amends or live.id
    inputs = []
    if about.of is not None:
        ref = _ref_of(live.workspace.store, run_id, about.of, live)
        inputs.append(ref if live.amends is None else f"@{about.of}")
    if rows is not None:
        inputs.append(session.record_fed(live, rows, name=f"{evaluated.name}_rows", role="eval")[0])
    facts = evaluated.facts.model_copy(
        update={
            "objective": about.objective,
            "rationale": about.rationale,
            "model": about.of,
            "overlap": overlap,
            "samples": None if evaluated.samples is None else _kept(live, evaluated.name, evaluated.samples),
        }
    )
    live.run.evaluation(
        evaluated.results,
        name=evaluated.name,
        step=about.step,
        inputs=inputs,
        facts=facts.to_facts(),
        setup=evaluated.setup,
        declared=facts.how == "declared",
    )
    if live.amends is not None:  # the rows may change once the caller has them back
        live.run.wait()
    return facts


def _ref_of(store: Store, run_id: str, node_id: str, live: LiveRun | None) -> str:
    """The ref of a node of weights.

    Raises:
        ConfigurationError: there is no such node, or not yet; the message lists those there are.
    """
    if live is not None:
        live.run.wait()
        live.run.flush()
    events = [parse_event(data) for data in store.events(run_id)]
    ids = node_ids(events)
    weights = {ids[event.body.ref]: event.body.ref for event in events if isinstance(event.body, _WEIGHTS)}
    if node_id not in weights:
        known = ", ".join(list(weights)[-10:]) or "none"
        raise ConfigurationError(f"{node_id!r} names no weights of {run_id}; there are: {known}")
    return weights[node_id]


def _overlap(session: Session, evaluated: Evaluated, rows: Any, about: About) -> Overlap | None:
    """What of the evaluation texts stands in the training data; not looked for of what others evaluated."""
    wanted = about.overlap
    if wanted is None and (evaluated.facts.how == "declared" or rows is None):
        return None
    if wanted is False:
        return Overlap(status="not asked")
    if rows is None:
        return Overlap(status="not comparable", reason="nobody has the evaluation rows")
    try:
        from cognify_core.api.evaluating.overlap import overlap_of, reads_on_record
    except ModuleNotFoundError as error:
        return Overlap(status="not comparable", reason=f"reading rows needs pyarrow and NumPy ({error})")
    run_id, workspace = session.wanted(about.run_id), session.workspace
    reads = workspace.reads(run_id)
    if reads is None or not reads.trained_on():
        reads = reads_on_record(workspace.store.events(run_id))
    columns = wanted if isinstance(wanted, Mapping) else None
    with bar(f"{evaluated.name}: overlap with training texts", None, quiet=session.settings.quiet) as advance:
        return overlap_of(reads, rows, columns=columns, advance=advance)


def _kept(live: LiveRun, name: str, rows: Iterable[Mapping[str, Any]]) -> Samples:
    folder = live.workspace.settings.samples_path / (live.amends or live.id)
    path, count = kept(rows, folder, slug(name))
    outcome = digested(path)
    return Samples(digest=outcome.hash, rows=count, location=display_path(path), reason=outcome.reason)
