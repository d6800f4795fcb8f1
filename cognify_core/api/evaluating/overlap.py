"""Which training texts an evaluation is compared with, and what is said of those that it is not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cognify_core.api.progress import Advance
from cognify_core.capture.files import file_outcome
from cognify_core.capture.overlap import NORMALISATION, WORDS, EvalTexts, text_columns, texts_of
from cognify_core.capture.rows import FORMAT, source_outcome
from cognify_core.capture.sources import Source, open_source
from cognify_core.errors import CaptureError, ConfigurationError
from cognify_core.model.evaluation_facts import Overlap, OverlapOfColumn
from cognify_core.model.events import DatasetSeen, Link, parse_event
from cognify_core.record.reads import Read, Reads

MEND = 'cognify.dataset("<the files>", name="…") before the training says where its texts are'
_PROBLEMS = (CaptureError, OSError, ValueError)


def overlap_of(
    reads: Reads, data: Any, *, columns: Mapping[str, str] | None = None, n: int = WORDS, advance: Advance
) -> Overlap:
    """Compare evaluation rows with all training rows that can be read.

    Args:
        reads: what the run read.
        data: anything that records can hash.
        columns: the training texts' column by the evaluation texts'; those of one name where None.
        n: how many words are an n-gram.
        advance: told how many training texts were looked at.

    Raises:
        ConfigurationError: `columns` names a column that the evaluation rows do not have.
    """
    if not (trained := reads.trained_on()):
        return Overlap(status="not comparable", reason=f"the run names no training data; {MEND}")
    try:
        source = open_source(data)
        mine = text_columns(source)
    except _PROBLEMS as error:
        return Overlap(status="not comparable", reason=f"the evaluation rows cannot be read: {error}"[:2000])
    if strange := [name for name in columns or () if name not in mine]:
        known = ", ".join(map(repr, mine)) or "none"
        raise ConfigurationError(f"overlap: there is no text column {strange[0]!r} in the evaluation rows ({known})")
    pairs = {name: name for name in mine} if columns is None else dict(columns)
    comparison = _Comparison(reads, source, pairs, n, advance)
    covered = [comparison.covers(read) for read in trained]
    reasons = tuple(comparison.reasons.values())
    if not comparison.columns:
        return Overlap(status="not comparable", reason=f"{'; '.join(reasons)}; {MEND}"[:2000])
    return Overlap(
        status="compared" if all(covered) else "partly compared",
        normalisation=NORMALISATION,
        n=n,
        columns=tuple(comparison.columns),
        not_compared=() if all(covered) else reasons,
    )


def reads_on_record(events: Iterable[bytes]) -> Reads:
    """The datasets that a record names: those with a place are read there, if they are still what they were."""
    reads = Reads()
    wanted = (b'"kind":"dataset"', b'"kind":"link"')
    for event in (parse_event(data) for data in events if any(kind in data for kind in wanted)):
        if isinstance(body := event.body, DatasetSeen):
            path = None if body.location is None else Path(body.location).expanduser()
            readable = path if body.hash is not None and body.manifest in (FORMAT, None) else None
            reads.add(body.ref, body.name, body.role, readable, body.inputs, body.hash)
        elif isinstance(body, Link):
            reads.relate(body.source, body.target)
    return reads


class _Comparison:
    def __init__(self, reads: Reads, source: Source, pairs: Mapping[str, str], n: int, advance: Advance) -> None:
        self.columns: list[OverlapOfColumn] = []
        self.reasons: dict[str, str] = {}
        self._reads, self._source, self._pairs, self._n, self._advance = reads, source, pairs, n, advance
        self._texts: dict[str, EvalTexts] = {}
        self._done: dict[str, bool] = {}

    def covers(self, read: Read) -> bool:
        """Compare with a dataset, and with what it came from; whether one or the other was done in full."""
        if read.ref not in self._done:
            self._done[read.ref] = False  # also of itself, should the edges go round
            own = self._compare(read)
            sources = [self.covers(each) for each in self._reads.sources_of(read)]
            self._done[read.ref] = own or (bool(sources) and all(sources))
        return self._done[read.ref]

    def _compare(self, read: Read) -> bool:
        try:
            source = _opened(read)
            theirs = text_columns(source)
            shared = [(name, other) for name, other in self._pairs.items() if other in theirs]
            if not shared:
                known = ", ".join(map(repr, theirs)) or "none"
                raise CaptureError(f"it shares no text column with the evaluation rows (its own: {known})")
            self.columns += [self._of_column(read, source, *pair) for pair in shared]
        except _PROBLEMS as error:
            self.reasons[read.ref] = f"{read.name}: {error}"[:500]
            return False
        return True

    def _of_column(self, read: Read, source: Source, column: str, trained: str) -> OverlapOfColumn:
        evaluated = self._evaluated(column)
        key = (read.ref, trained, evaluated.key)
        if key not in self._reads.compared:
            self._reads.compared[key] = self._counted(evaluated, source, trained)
        return OverlapOfColumn(column=column, trained=trained, dataset=read.name, **self._reads.compared[key])

    def _evaluated(self, column: str) -> EvalTexts:
        if column not in self._texts:
            texts = (text for batch in texts_of(self._source, column) for text in batch)
            self._texts[column] = EvalTexts.of(texts, n=self._n)
        return self._texts[column]

    def _counted(self, evaluated: EvalTexts, source: Source, trained: str) -> dict[str, int]:
        counts = evaluated.counts()
        for batch in texts_of(source, trained):
            evaluated.look(batch, counts)
            self._advance(len(batch))
        found = evaluated.found(counts)
        if not found.train_texts or not found.eval_texts:
            raise CaptureError(f"there is no text to compare in its column {trained!r}, or in that of the evaluation")
        return asdict(found)


def _opened(read: Read) -> Source:
    """The rows of a dataset that a run read.

    Raises:
        CaptureError: it is gone, or no longer what it was.
    """
    data = read.data()
    if data is None:
        raise CaptureError("it is a stream, or no longer in memory")
    source = open_source(data)
    if read.must_be is not None and read.must_be not in _digests(data, source):
        raise CaptureError("what lies there now is not what the run read")
    return source


def _digests(path: Path, source: Source) -> Sequence[Any]:
    """What a file may be recorded by: its rows, or its bytes."""
    return [source_outcome(source).hash, *([file_outcome(path).hash] if path.is_file() else [])]
