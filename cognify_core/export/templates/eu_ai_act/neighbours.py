"""The articles beside Annex IV: what each demands, and what of it stands in this document."""

from __future__ import annotations

from cognify_core.export.document.blocks import Callout, Cell, RowStatus, Section
from cognify_core.export.document.cells import cut, joined, listed, mono, plain, table
from cognify_core.export.document.datasheets import declared
from cognify_core.export.document.graph import Dataset, distinct_datasets, sources
from cognify_core.export.document.sections_limits import notes_of
from cognify_core.export.document.told_gaps import owner
from cognify_core.export.dossier import Dossier, Told
from cognify_core.model.bodies import Body

NOT_A_LOG = (
    "A training record is not a log in the sense of Art. 12: that article is about events while the system operates, "
    "over its lifetime. This record supports traceability, and nothing more."
)
_GOVERNANCE = (
    ("10(2)(a)-(e)", "Data-governance practices: design, collection, preparation, assumptions", "assumptions"),
    ("10(2)(f), (g)", "Examination for biases, and measures against them", "bias_examination"),
    ("10(2)(h)", "Gaps in the data, and how they are dealt with", "known_gaps"),
    ("10(3), (4)", "Data relevant and representative for persons, groups and setting", "representativeness"),
)
_OTHERS = (
    ("11(1)", "Drawn up before the market, kept up to date", "Law version in the footer; supersedes under 1(a)"),
    ("12(1), (2)", "Logs over the system's lifetime", "Not answered here: see the notice above"),
    ("13(3)", "Contents of the instructions for use", "1(h); limitations and results of this document feed them"),
    (
        "15(3)",
        "Accuracy metrics declared in the instructions for use",
        "The metrics under Evaluations are those to declare",
    ),
    ("17(1)", "Quality-management system", "Elements (d), (f), (k): this document is a part of them, no substitute"),
    ("18(1)", "Documentation kept for ten years", "Retention"),
    ("25(4), 53(1)(b)", "Information along the value chain", "Identification, data, evaluations"),
    ("Annex VII 4.3-4.5", "Notified bodies may get data, tests and models", "Digests identify what they are given"),
)


def neighbouring_articles(dossier: Dossier) -> Section:
    """The table, below the sentence that nobody should overread."""
    columns = (("Article", 1.3), ("Demand", 3.0), ("Where it stands", 4.2))
    rows = [*(_governance(dossier, *row) for row in _GOVERNANCE), *(_other(*row) for row in _OTHERS)]
    return Section("Neighbouring articles", (Callout(NOT_A_LOG), table(dossier, columns, rows)))


def _other(article: str, demand: str, place: str) -> tuple[Cell, ...]:
    return mono(article), plain(demand), plain(place)


def _governance(dossier: Dossier, article: str, demand: str, asked: str) -> tuple[Cell, ...]:
    """Declared for each dataset, or noted; else a gap."""
    datasets, behind = distinct_datasets(dossier), sources(dossier)
    told = [(data, declared(data, behind[data.names[0]], asked)) for data in datasets]
    known = [(data, value) for data, value in told if value is not None]
    notes = notes_of(dossier, ("bias",)) if asked == "bias_examination" else ()
    says = [*(f"{data.body.name}: {value}" for data, value in known), *(cut(note.body.text, 300) for note in notes)]
    cites: list[Told[Body]] = [*(_first(data) for data, _ in known), *notes]
    if says and (notes or len(known) == len(datasets)):
        return mono(article), plain(demand), plain(joined(says), *cites)
    lacking = [data.body.name for data, value in told if value is None]
    whose = owner(dossier.profile, "engineer", f"art_{article}")
    text = f"not declared of {listed(lacking, 3) or 'any dataset'}: cognify.dataset(…, {asked}=…); owner: {whose}"
    parts = (*says, text)
    status = RowStatus.RECORDED if says else RowStatus.GAP
    return (
        mono(article),
        plain(demand),
        Cell(cut(joined(parts)), status=status, evidence=tuple(item.evidence for item in cites)),
    )


def _first(dataset: Dataset) -> Told[Body]:
    return dataset.first
