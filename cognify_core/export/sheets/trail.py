"""The sheets of how things hang together, who touched them, what is missing, and what was sealed."""

from __future__ import annotations

from cognify_core.export.criteria import criteria_of
from cognify_core.export.document.seals import anchored_by
from cognify_core.export.document.told_gaps import owner, told_gaps
from cognify_core.export.dossier import Dossier
from cognify_core.export.sheets.common import DIGEST, TOLD, told_cells
from cognify_core.export.sheets.sheet import Column, Sheet

_SEEN = {"server": "observed by a server", "machine": "declared by the machine"}
_NODE = Column("node", 50, mono=True)


def lineage(dossier: Dossier) -> Sheet:
    """A row for each node of the lineage, with what it came from and what came from it."""
    columns = (
        _NODE,
        Column("type", 16),
        DIGEST,
        Column("assurance", 14),
        Column("at (UTC)", 24, mono=True),
        Column("inputs"),
        Column("came from", 70, mono=True),
        Column("outputs"),
    )
    sources: dict[str, list[str]] = {}
    outputs: dict[str, int] = {}
    for edge in dossier.edges:
        sources.setdefault(edge.target, []).append(edge.source)
        outputs[edge.source] = outputs.get(edge.source, 0) + 1
    rows = (
        (
            node.id,
            node.type,
            str(node.hash) if node.hash else f"none: {node.reason or 'declared without one'}",
            node.assurance,
            node.timestamp,
            len(sources.get(node.id, ())),
            "; ".join(sources.get(node.id, ())),
            outputs.get(node.id, 0),
        )
        for node in dossier.nodes
    )
    about = "Every node; 'inputs' counts its edges in the JSON package, and 'came from' names them."
    return Sheet.of("lineage", about, columns, rows)


def access_log(dossier: Dossier) -> Sheet:
    """A row for each access that was snapshot into the record."""
    columns = (
        Column("at (UTC)", 30, mono=True),
        Column("action", 16),
        Column("outcome", 12),
        Column("object", 50, mono=True),
        Column("user (commitment)", 71, mono=True),
        Column("from (commitment)", 71, mono=True),
        Column("known by", 16),
        Column("seen by", 26),
        *TOLD,
    )
    rows = (
        (
            told.body.at,
            told.body.action,
            told.body.outcome,
            told.body.subject or dossier.run_id,
            str(told.body.actor),
            str(told.body.source) if told.body.source else "not recorded",
            told.body.auth or "not recorded",
            _SEEN[told.body.observed_by],
            *told_cells(dossier, told),
        )
        for told in dossier.accesses
    )
    about = "Accesses that an addendum holds. Where none is here, that is no statement that there was none."
    return Sheet.of("access log", about, columns, rows)


def gaps(dossier: Dossier) -> Sheet:
    """A row for each gap, with its owner."""
    columns = (
        Column("subject", 44, mono=True),
        Column("what could not be seen", 70),
        Column("what mends it", 60, mono=True),
        Column("owner", 32),
        *TOLD,
    )
    rows = (
        (
            each.gap.subject,
            each.gap.reason,
            each.gap.mend,
            owner(dossier.profile, each.gap.owner),
            *told_cells(dossier, each.told),
        )
        for each in told_gaps(dossier)
    )
    return Sheet.of("gaps", "What the record says that it could not see, and who owns it.", columns, rows)


def seals(dossier: Dossier) -> Sheet:
    """A row for each seal."""
    columns = (
        Column("of", 36, mono=True),
        Column("events"),
        Column("Merkle root (RFC 6962)", 66, mono=True),
        Column("sealed at (UTC)", 24, mono=True),
        Column("time", 12),
        Column("statement", 71, mono=True),
        Column("signing key", 66, mono=True),
        Column("anchored by", 32),
        Column("criteria (SOC 2)", 24),
        Column("JSON pointer", 24, mono=True),
    )
    rows = (
        (
            seal.run_id,
            seal.size,
            seal.root,
            seal.sealed_at,
            seal.time,
            seal.statement,
            seal.key_id,
            anchored_by(seal),
            criteria_of("seal"),
            seal.pointer,
        )
        for seal in dossier.seals
    )
    return Sheet.of("seals", "The seal of the run, then those of its addenda.", columns, rows)
