"""Words that documents look for, and what was probably meant by one that is almost such a word."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

from cognify_core.errors import ConfigurationError

NOTE_KINDS: dict[str, str] = {
    "general": "anything else",
    "limitation": "what the model cannot do, or must not be used for (AI Act, Art. 13(3)(b)(ii))",
    "failure_mode": "how it fails, and when (Annex IV, point 3)",
    "rationale": "why a design choice was made, and what was assumed (Annex IV, point 2(b))",
    "tradeoff": "what was given up for what (Annex IV, point 2(b))",
    "intended_use": "what it is for (Annex IV, point 1(a))",
    "metric_rationale": "why a metric is appropriate; the metric's name is the subject (Annex IV, point 4)",
    "risk": "a foreseeable unintended outcome, or a source of risk (Annex IV, point 3)",
    "bias": "an examination of bias, or what it found (Art. 10(2)(f) and (g))",
    "oversight": "what helps people to oversee it (Art. 14)",
    "change": "what was changed on purpose since the run before (Annex IV, point 6)",
    "incident": "an incident that has to do with the run (45 CFR 164.308(a)(6))",
}
"""The kinds of notes that documents put in a place of their own; notes may have any other."""

DATASHEET: dict[str, str] = {
    "source_category": "one of the European Commission's categories (SOURCE_CATEGORIES)",
    "licence": "under which it may be used",
    "obtained": "how it was obtained",
    "collected": "when, or over which period, it was collected",
    "selection": "how it was selected, and what was left out",
    "labelling": "how it was labelled, and by whom",
    "cleaning": "how it was cleaned",
    "personal_data": "whether it holds personal data, and of what kind",
    "languages": "which languages it is in",
    "tdm_opt_out": "how reservations under Art. 4(3) of Directive (EU) 2019/790 were respected",
    "purpose": "what it was collected for",
    "assumptions": "what the data are supposed to measure and represent (Art. 10(2)(d))",
    "representativeness": "of which persons, groups and settings it is representative (Art. 10(3) and (4))",
    "bias_examination": "how it was examined for biases, and what was done about them (Art. 10(2)(f) and (g))",
    "known_gaps": "what is missing in it, and how that is dealt with (Art. 10(2)(h))",
    "supplier": "who supplied it",
    "generator": "of synthetic data: the model that made them",
    "url": "where it was published",
    "retrieved": "when it was retrieved",
    "approved_by": "who approved that it is used",
}
"""What a datasheet asks of a dataset (Annex IV, point 2(d)); a dataset may be told anything else as well."""

_SPELLINGS = {"license": "licence", "labeling": "labelling", "language": "languages", "license_name": "licence"}
_WORD = re.compile(r"[a-z][a-z0-9_]{0,59}", re.ASCII)
_NEAR = 0.84


def note_kind(kind: str) -> str:
    """The kind of a note, checked.

    Raises:
        ConfigurationError: it is no lower-case word, or almost one that documents look for.
    """
    if not _WORD.fullmatch(kind):
        raise ConfigurationError(
            f"the kind of a note is one lower-case word, as in {', '.join(NOTE_KINDS)}; it cannot be {kind[:80]!r}"
        )
    _refuse_near(kind, NOTE_KINDS, "the kind of a note")
    return kind


def datasheet_key(key: str) -> str:
    """What a datasheet calls something that is said of a dataset, which may be spelt in two ways.

    Raises:
        ConfigurationError: it is almost what a datasheet asks for.
    """
    known = _SPELLINGS.get(key, key)
    _refuse_near(known, {**DATASHEET, **_SPELLINGS}, "what is said of a dataset")
    return known


def meant(word: str, known: Iterable[str]) -> str:
    """`; did you mean …?` where one of the known words is near; else nothing."""
    near = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""


def _refuse_near(word: str, known: Iterable[str], what: str) -> None:
    near = get_close_matches(word, list(known), n=1, cutoff=_NEAR)
    if near and near[0] != word:
        wanted = _SPELLINGS.get(near[0], near[0])
        raise ConfigurationError(
            f"{what} cannot be {word!r}, for documents look for {wanted!r}: say that, or a word that is less like it"
        )
