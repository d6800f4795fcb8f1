"""The sheet of the controls: for each SOC 2 criterion what in this record speaks to it, and what nobody has supplied.

A row that says RECORDED says that there is evidence; ATTESTED, that a named person answers for it; DECLARED, that
somebody said so. Whether a control is suitable, and whether it worked, is for an
auditor to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from cognify_core.export.criteria import FRAMEWORK, criteria_in, declared_in, status_of
from cognify_core.export.document.told_gaps import owner
from cognify_core.export.dossier import Dossier, Told
from cognify_core.export.sheets.people import is_segregated
from cognify_core.export.sheets.sheet import Column, Sheet
from cognify_core.export.sheets.values import Value
from cognify_core.model.events import Artifact, Attestation, Body, Release

POINTERS = 4
"""Pointers that one row names."""
Evidenced: TypeAlias = dict[str, list[tuple[Told[Body], str]]]
"""For each criterion the events that speak to it, each with how far it was checked."""
_STRONGEST_FIRST = ("RECORDED", "ATTESTED", "DECLARED")


@dataclass(frozen=True, slots=True)
class Criterion:
    """One criterion, or a group of them that the same evidence speaks to."""

    refs: tuple[str, ...]
    asks: str
    sheets: str
    supply: str
    """How evidence comes about where there is none."""
    role: str = "compliance"
    iso_42001: str = ""
    nist_ai_rmf: str = ""
    nist_800_53: str = ""
    part_11: str = ""
    beside: str = ""
    """What no record of a training can show, and an attestation about the criterion (`soc2/CC6.1`) can."""


_ACCESS = (
    "accesses: Cognify logs who shows, exports, verifies and seals a run, and an export with a template that prints "
    "them (hipaa) takes them into an addendum"
)
CONTROLS = (
    Criterion(
        ("CC2.1",),
        "Relevant, quality information supports internal control.",
        "IPE; all",
        "a sealed run",
        "engineer",
        "A.6.2.7, A.6.2.8, clause 7.5",
        "GOVERN 1.4, 1.6",
        "AU-2, AU-3, AU-8, AU-12",
        "11.10(b), (c), (e)",
    ),
    Criterion(
        ("CC6.1", "CC6.2", "CC6.3"),
        "Logical access is restricted, granted and removed as authorised.",
        "access log",
        _ACCESS,
        "compliance",
        "",
        "",
        "AU-3, AU-6",
        "11.10(d), (g)",
        "how access is granted and removed: an attestation about soc2/CC6.1",
    ),
    Criterion(
        ("CC6.7",),
        "Transmission, movement and removal of information are restricted.",
        "checkpoints",
        "checkpoints with locations",
        "engineer",
        "",
        "",
        "AU-9, SI-7",
    ),
    Criterion(
        ("CC7.1",),
        "Changes of configuration, and new vulnerabilities, are detected.",
        "configs; config values; environments; code; seals",
        "a configuration and an environment on record; `cognify diff` names what changed between two runs",
        "engineer",
        "A.4.4, A.4.5",
        "MEASURE 2.7",
        "CM-3, CM-8, SI-7",
        "11.10(a)",
    ),
    Criterion(
        ("CC7.2",),
        "Components are monitored for anomalies.",
        "access log",
        _ACCESS,
        "compliance",
        "A.6.2.6",
        "MANAGE 4.1",
        "AU-6",
    ),
    Criterion(
        ("CC7.3", "CC7.4"),
        "Events are evaluated, and incidents responded to.",
        "notes; gaps",
        "notes of the kind incident, and an incident policy in the profile",
        beside="how incidents are responded to: an attestation about soc2/CC7.3",
    ),
    Criterion(
        ("CC8.1",),
        "Changes are authorised, designed, developed or acquired, configured, documented, tested, approved.",
        "configs; datasets; evaluations; eval metrics; approvals",
        "a release that is approved by somebody other than who ran it: `cognify release`",
        "compliance",
        "A.6.2.3, A.6.2.4",
        "MEASURE 2.1, 2.3; MANAGE 3.1",
        "CM-3, AU-10",
        "11.10(k), 11.50(a), 11.70",
    ),
    Criterion(
        ("CC9.2",),
        "Risks from vendors and business partners are assessed and managed.",
        "base models; datasets",
        "the base model's weights on record; the supplier in each dataset's datasheet",
        "compliance",
        "A.10.3",
        "GOVERN 6.1; MANAGE 3.2",
        "SR-4",
    ),
    Criterion(
        ("PI1.1",),
        "Definitions and specifications of what is processed are there.",
        "configs; config values",
        "a configuration on record, and a profile",
        "engineer",
        "A.6.2.7",
        "MAP 2.1, 2.2",
    ),
    Criterion(
        ("PI1.2",),
        "Inputs are complete and accurate.",
        "datasets; base models",
        "datasets and a base model with digests",
        "engineer",
        "A.7.2 to A.7.6",
        "MAP 2.3; MEASURE 2.3",
        "SR-4",
    ),
    Criterion(
        ("PI1.3",),
        "Processing is complete, accurate and timely.",
        "IPE; training metrics",
        "a run that is complete",
        "engineer",
        "A.6.2.3",
        "MEASURE 2.3",
        "AU-12",
    ),
    Criterion(
        ("PI1.4",),
        "Outputs are complete and accurate, and go where they should.",
        "checkpoints; models; eval metrics",
        "checkpoints with digests, and evaluations",
        "engineer",
        "A.6.2.4",
        "MEASURE 2.1, 2.5, 2.11",
        "SI-7",
    ),
    Criterion(
        ("PI1.5",),
        "What is stored is complete, accurate and protected.",
        "checkpoints; seals",
        "checkpoints with digests, and a seal",
        "engineer",
        "",
        "",
        "AU-9, AU-11, SI-7",
        "11.10(a), (c)",
    ),
    Criterion(
        ("C1.1", "C1.2"),
        "Confidential information is identified, protected and disposed of.",
        "datasets; approvals",
        "an attestation about soc2/C1.1, and the datasheets' answers on personal data",
        "compliance",
    ),
    Criterion(
        ("A1.2",),
        "Data are backed up and can be recovered.",
        "approvals",
        "an attestation about soc2/A1.2",
        "compliance",
    ),
)


def controls(dossier: Dossier) -> Sheet:
    """A row for each criterion."""
    columns = (
        Column("framework", 28),
        Column("criteria", 20),
        Column("asks (in short)", 60),
        Column("status"),
        Column("what is recorded", 60),
        Column("evidence", 12),
        Column("sheets", 36),
        Column("what is missing", 60),
        Column("owner", 28),
        Column("JSON pointers", 44, mono=True),
        Column("ISO/IEC 42001", 28),
        Column("NIST AI RMF", 28),
        Column("NIST SP 800-53", 28),
        Column("21 CFR 11", 28),
    )
    told = _by_criterion(dossier)
    rows = (_row(dossier, criterion, told) for criterion in CONTROLS)
    about = "For each SOC 2 criterion what this record is evidence for; no judgement of any control."
    return Sheet.of("controls", about, columns, rows)


def _by_criterion(dossier: Dossier) -> Evidenced:
    """What is evidence for each criterion; what could not be seen, and what is void, is evidence for nothing."""
    found: Evidenced = {}
    for told in dossier.told:
        status = status_of(dossier, told)
        if status not in ("GAP", "VOID"):
            declared = declared_in(told.body)
            for ref in criteria_in(told.body):
                found.setdefault(ref, []).append((told, "DECLARED" if ref in declared else status))
    return found


def _row(dossier: Dossier, criterion: Criterion, told: Evidenced) -> tuple[Value, ...]:
    pairs = [pair for ref in criterion.refs for pair in told.get(ref, ())]
    every = {each.evidence.pointer: each for each, _ in pairs}
    statuses = {status for _, status in pairs}
    about = {f"soc2/{ref}" for ref in criterion.refs}
    attested = any(isinstance(each.body, Attestation) and each.body.subject in about for each in every.values())
    missing = [] if every else [criterion.supply]
    missing += [criterion.beside] if criterion.beside and not attested else []
    says = [_counted(every.values())] if every else ["nothing"]
    if criterion.refs == ("CC8.1",):
        says += _segregation(dossier)
        missing += [] if dossier.releases else [criterion.supply]
    if dossier.seals and "PI1.5" in criterion.refs:
        says.append(f"seal: {len(dossier.seals)}")
    status = next((status for status in _STRONGEST_FIRST if status in statuses), "GAP")
    pointers = list(every)
    return (
        FRAMEWORK,
        "; ".join(criterion.refs),
        criterion.asks,
        status,
        "; ".join(says),
        len(every),
        criterion.sheets,
        "; ".join(dict.fromkeys(missing)) or "nothing is known to be missing",
        owner(dossier.profile, criterion.role, *(f"soc2/{ref}" for ref in criterion.refs)) if missing else None,
        "\n".join(pointers[:POINTERS]) + (f"\nand {len(pointers) - POINTERS} more" if len(pointers) > POINTERS else ""),
        criterion.iso_42001,
        criterion.nist_ai_rmf,
        criterion.nist_800_53,
        criterion.part_11,
    )


def _counted(told: Iterable[Told[Body]]) -> str:
    kinds: dict[str, int] = {}
    for each in told:
        kind = each.body.node_type if isinstance(each.body, Artifact) else each.body.kind
        kinds[kind] = kinds.get(kind, 0) + 1
    return ", ".join(f"{kind.replace('_', ' ')}: {count}" for kind, count in kinds.items())


def _segregation(dossier: Dossier) -> Iterator[str]:
    releases: tuple[Told[Release], ...] = dossier.releases
    if not releases:
        yield "no release is recorded, so nobody has approved this change"
        return
    segregated = {is_segregated(told.body) for told in releases}
    if False in segregated:
        yield "a release names the same person as approver and as who ran it"
    elif None in segregated:
        yield "a release names who ran it by a commitment alone, so that somebody else approved cannot be seen here"
    else:
        yield "approved by somebody other than who ran it"
