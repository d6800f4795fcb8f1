"""A sealed run and its addenda as documents tell them: everything that was said, by kind, with where it is written.

A dossier is a function of the bytes that a JSON package carries, and every `Evidence` points into that package.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, TypeVar, cast

from cognify_core.canonical import Json, parse
from cognify_core.export.evidence import Evidence
from cognify_core.export.gaps import gap_bodies
from cognify_core.export.inputs import SealedRun
from cognify_core.export.logged import Logged, logged
from cognify_core.export.seal_facts import SealFacts
from cognify_core.model.events import (
    Access,
    Artifact,
    Attestation,
    BaseModelSeen,
    Body,
    CheckpointSeen,
    CodeSeen,
    ConfigSeen,
    DatasetSeen,
    EnvironmentSeen,
    EvaluationSeen,
    Event,
    Failure,
    Gap,
    Metrics,
    ModelSeen,
    Note,
    Phase,
    ProfileSeen,
    RankJoined,
    Release,
    RunClosed,
    RunOpened,
)
from cognify_core.model.lineage import Edge, Node, node_ids
from cognify_core.model.plain import readable
from cognify_core.model.profile import Profile
from cognify_core.store.protocol import Opening

BodyT = TypeVar("BodyT", bound=Body, covariant=True)
_UNCITED = ("metrics", "link", "shards", "rank_left")
"""Kinds of events that no document cites one by one."""


@dataclass(frozen=True, slots=True)
class Told(Generic[BodyT]):
    """Something that a record says, and where."""

    body: BodyT
    time: str
    evidence: Evidence
    addendum: int
    """The ordinal of the addendum that says it; 0 is the run's own record."""
    node_id: str = ""
    """Of an artifact: its node in the lineage, which those of addenda are named within their addendum."""


@dataclass(frozen=True)
class Dossier:
    """Everything about one run. Make one with `Dossier.of`."""

    run: SealedRun
    addenda: tuple[SealedRun, ...] = ()
    openings: tuple[Opening, ...] = ()
    """Clear values behind commitments, for templates whose purpose is to show them."""
    banner: str | None = None
    """What is wrong with the run or its seal: it is not sealed, or does not verify."""

    @classmethod
    def of(
        cls,
        run: SealedRun,
        addenda: Sequence[SealedRun] = (),
        *,
        openings: Sequence[Opening] = (),
        banner: str | None = None,
    ) -> Dossier:
        """The dossier of a run. What follows from its bytes is computed when it is first asked for.

        Raises:
            FormatError: by what is asked of it later, where the bytes are no record.
        """
        return cls(run, tuple(addenda), tuple(openings), banner)

    # -- who, when, how it ended

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self.run.run_id

    @cached_property
    def opened(self) -> Told[RunOpened]:
        """The beginning of the run: project, name, tags, recorder."""
        return self.of_kind(RunOpened)[0]

    @cached_property
    def closed(self) -> Told[RunClosed]:
        """Its end: status, completeness, reasons."""
        return next(told for told in self.of_kind(RunClosed) if told.addendum == 0)

    @property
    def opened_at(self) -> str:
        """RFC 3339, six decimals."""
        return self.opened.time

    @property
    def closed_at(self) -> str:
        """RFC 3339, six decimals."""
        return self.closed.time

    @property
    def is_sealed(self) -> bool:
        """Whether there is a seal; whether it holds is for `verify` to say."""
        return bool(self.run.bundle)

    @cached_property
    def seals(self) -> tuple[SealFacts, ...]:
        """The run's seal, then those of the addenda; none of what is not sealed."""
        return tuple(SealFacts.of(run, number) for number, run in enumerate(self._runs) if run.bundle)

    # -- what was recorded

    def of_kind(self, kind: type[BodyT]) -> tuple[Told[BodyT], ...]:
        """All that was told of one kind, the run's own first, then each addendum's."""
        return tuple(cast("Told[BodyT]", told) for told in self.told if isinstance(told.body, kind))

    @cached_property
    def told(self) -> tuple[Told[Body], ...]:
        """Every event that documents cite, in order."""
        told: list[Told[Body]] = []
        for addendum, run in enumerate(self._runs):
            ids = self._ids[addendum]
            base = "" if addendum == 0 else f"/addenda/{addendum - 1}"
            for event in run.record.events:
                if event.body.kind not in _UNCITED:
                    where = Evidence(
                        len(told) + 1,
                        _what(event, ids, addendum),
                        f"{base}/record/events/{event.seq}",
                        str(event.body.hash) if isinstance(event.body, Artifact) and event.body.hash else None,
                    )
                    node_id = ids[event.body.ref] if isinstance(event.body, Artifact) else ""
                    told.append(Told(event.body, event.time, where, addendum, node_id))
        return tuple(told)

    @cached_property
    def datasets(self) -> tuple[Told[DatasetSeen], ...]:
        """Each dataset once, sources too; one that is met again in the same record is the node it was."""
        return self._nodes_of(DatasetSeen)

    @cached_property
    def configs(self) -> tuple[Told[ConfigSeen], ...]:
        """Configurations."""
        return self._nodes_of(ConfigSeen)

    @cached_property
    def base_models(self) -> tuple[Told[BaseModelSeen], ...]:
        """What training started from."""
        return self._nodes_of(BaseModelSeen)

    @cached_property
    def checkpoints(self) -> tuple[Told[CheckpointSeen], ...]:
        """Weights on disk, in the order in which they were there: the record has them as they were hashed."""
        return tuple(
            sorted(self._nodes_of(CheckpointSeen), key=lambda told: (told.addendum, told.body.at, told.body.step))
        )

    @property
    def last_checkpoint(self) -> Told[CheckpointSeen] | None:
        """The last weights that the training wrote to disk, which those it went on from are not."""
        return next((told for told in reversed(self.checkpoints) if told.body.is_produced), None)

    @cached_property
    def models(self) -> tuple[Told[ModelSeen], ...]:
        """Weights in memory: initial and final."""
        return self._nodes_of(ModelSeen)

    @cached_property
    def evaluations(self) -> tuple[Told[EvaluationSeen], ...]:
        """Evaluations, those of addenda too."""
        return self._nodes_of(EvaluationSeen)

    @cached_property
    def environments(self) -> tuple[Told[EnvironmentSeen], ...]:
        """Packages, interpreter, hardware; one for each process that told its own."""
        return self._nodes_of(EnvironmentSeen)

    @cached_property
    def codes(self) -> tuple[Told[CodeSeen], ...]:
        """The programs that trained."""
        return self._nodes_of(CodeSeen)

    @cached_property
    def phases(self) -> tuple[Told[Phase], ...]:
        """Stages of the run."""
        return self.of_kind(Phase)

    @cached_property
    def notes(self) -> tuple[Told[Note], ...]:
        """What people said."""
        return self.of_kind(Note)

    @cached_property
    def attestations(self) -> tuple[Told[Attestation], ...]:
        """What named persons answer for."""
        return self.of_kind(Attestation)

    @cached_property
    def releases(self) -> tuple[Told[Release], ...]:
        """That this run is the released one."""
        return self.of_kind(Release)

    @cached_property
    def accesses(self) -> tuple[Told[Access], ...]:
        """Who read or exported it, as far as that was snapshot."""
        return self.of_kind(Access)

    @cached_property
    def failures(self) -> tuple[Told[Failure], ...]:
        """What of ours failed while the training went on."""
        return self.of_kind(Failure)

    @cached_property
    def world_size(self) -> int:
        """How many processes trained together."""
        return max((told.body.world_size for told in self.of_kind(RankJoined)), default=1)

    @cached_property
    def profile_told(self) -> Told[ProfileSeen] | None:
        """The last snapshot of the profile."""
        seen = self.of_kind(ProfileSeen)
        return seen[-1] if seen else None

    @cached_property
    def profile(self) -> Profile:
        """What the organisation said; an empty one where no snapshot was taken.

        Raises:
            ConfigurationError: the snapshot has another form.
        """
        return Profile.parse(self.profile_told.body.profile) if self.profile_told else Profile()

    @cached_property
    def gaps(self) -> tuple[Gap, ...]:
        """What could not be seen, artifacts that were not resolved included, those of addenda too."""
        return tuple(gap for run in self._runs for gap in gap_bodies(run.record.events))

    @cached_property
    def metrics(self) -> dict[str, Logged]:
        """The points of each metric, by name, in the order in which they were told."""
        return logged(event for run in self._runs for event in run.record.events)

    # -- the lineage

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """The lineage's nodes; those of addenda are called `<addendum's run id>/<id>`."""
        own = list(self.run.record.lineage.nodes)
        for addendum in self.addenda:
            own += [_renamed(node, addendum.run_id) for node in addendum.record.lineage.nodes]
        return tuple(own)

    @cached_property
    def edges(self) -> tuple[Edge, ...]:
        """The lineage's edges, with the same names."""
        edges = list(self.run.record.lineage.edges)
        for addendum in self.addenda:
            edges += [
                Edge(self._named(edge.source, addendum.run_id), self._named(edge.target, addendum.run_id))
                for edge in addendum.record.lineage.edges
            ]
        return tuple(edges)

    def manifest(self, told: Told[Artifact]) -> Json:
        """The manifest of an artifact, where the packages carry it as JSON: a configuration, rows, weights.

        A configuration comes without its tags and its envelope.
        """
        body = told.body
        if body.hash is None or body.manifest is None:
            return None
        data = next((run.manifests[str(body.hash)] for run in self._runs if str(body.hash) in run.manifests), None)
        if data is None or body.manifest == "cognify.tree/v1":
            return None
        value = parse(data)
        if body.manifest == "cognify.config/v1" and isinstance(value, dict):
            return readable(value["config"])
        return value

    # -- where it is written

    @cached_property
    def evidence(self) -> tuple[Evidence, ...]:
        """The index: what documents cite, in the order of the record, then the metrics as a whole, then the seals."""
        found = [told.evidence for told in self.told]
        for addendum, run in enumerate(self._runs):
            first = next((event.seq for event in run.record.events if isinstance(event.body, Metrics)), None)
            if first is not None:
                base = "" if addendum == 0 else f"/addenda/{addendum - 1}"
                found.append(Evidence(len(found) + 1, "metrics, from here on", f"{base}/record/events/{first}"))
        for seal in self.seals:
            said = "seal" if seal.addendum == 0 else f"seal of addendum {seal.addendum}"
            found.append(Evidence(len(found) + 1, said, seal.pointer, seal.statement))
        return tuple(found)

    def evidence_of(self, what: str) -> tuple[Evidence, ...]:
        """The entries of that name: `seal`, `metrics, from here on`."""
        return tuple(entry for entry in self.evidence if entry.what == what)

    # -- within

    @property
    def _runs(self) -> tuple[SealedRun, ...]:
        return (self.run, *self.addenda)

    @cached_property
    def _ids(self) -> tuple[dict[str, str], ...]:
        return tuple(node_ids(run.record.events) for run in self._runs)

    def _nodes_of(self, kind: type[BodyT]) -> tuple[Told[BodyT], ...]:
        seen: set[tuple[int, str]] = set()
        return tuple(told for told in self.of_kind(kind) if _first_of(told, seen))

    def _named(self, node_id: str, addendum: str) -> str:
        """An end of an addendum's edge: `<run id>/<id>` is a node of the run itself."""
        return (
            node_id.removeprefix(f"{self.run_id}/")
            if node_id.startswith(f"{self.run_id}/")
            else f"{addendum}/{node_id}"
        )


def _first_of(told: Told[BodyT], seen: set[tuple[int, str]]) -> bool:
    key = (told.addendum, told.node_id)
    if key in seen:
        return False
    seen.add(key)
    return True


def _what(event: Event, ids: dict[str, str], addendum: int) -> str:
    body = event.body
    said = f"{body.node_type} {ids[body.ref]}" if isinstance(body, Artifact) else body.kind.replace("_", " ")
    return said if addendum == 0 else f"{said} (addendum {addendum})"


def _renamed(node: Node, addendum: str) -> Node:
    return Node(node.type, f"{addendum}/{node.id}", node.hash, node.timestamp, node.assurance, node.reason, node.fields)
