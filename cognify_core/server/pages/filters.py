"""How values stand in pages. Text that people, trainings and files brought is escaped here, and nowhere else."""

from __future__ import annotations

import re
from datetime import datetime
from itertools import accumulate
from unicodedata import east_asian_width

from markupsafe import Markup, escape

from cognify_core.export.document.cells import count, figure
from cognify_core.export.templates.covered import tally
from cognify_core.model.shown import plain
from cognify_core.store.indexing import named

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_STEP = 1024
_DEEDS = {
    "accesses": "look at the access log",
    "add_webhook": "add a webhook",
    "addenda": "look at the addenda",
    "attestation": "add an attestation",
    "bundle": "take the seal along",
    "change_profile": "change a profile",
    "change_retention": "change the retention",
    "change_storage": "change the vault",
    "change_webhook": "change a webhook",
    "compliance": "look at the compliance",
    "datasets": "look at datasets",
    "decline_release": "decline a release",
    "diff": "compare it",
    "discard": "discard it",
    "download": "take a package along",
    "entries": "take entries of this log along",
    "erase": "erase names",
    "events": "read the record",
    "export": "make a package",
    "give_token": "give an API key",
    "interrupt": "close it as interrupted",
    "lineage": "look at the lineage",
    "list": "look at the list of runs",
    "locks": "look at the locks",
    "note": "add a note",
    "open": "look at what is open in the ledger",
    "packages": "look at the packages",
    "population": "make a list of runs",
    "proof": "take a proof of the ledger along",
    "propose_release": "propose a release",
    "receipt": "take a receipt along",
    "release": "approve a release",
    "remove_webhook": "remove a webhook",
    "retention": "look at a change of the retention",
    "revoke_token": "revoke an API key",
    "seal": "seal it",
    "show": "look at the run",
    "show_release": "look at the release",
    "storage": "look at the storage",
    "vaults": "look at what vaults said",
    "verify": "verify it",
}
_KNOWN_BY = {
    "api_key": "API key",
    "oidc": "identity provider",
    "os_user": "account of the machine",
    "proxy": "proxy",
    "session": "signed in here",
}
_DIGEST = re.compile(r"(?:sha256:)?[0-9a-f]{64}")


def visible(value: object) -> object:
    """What an expression of a template becomes: on one line, with every character that would not show written out."""
    if isinstance(value, Markup):
        return value
    text = str(value)
    return text if text.isascii() and text.isprintable() else plain(text)


def prose(text: str) -> Markup:
    """A text of several lines, for an element that keeps them."""
    return Markup("\n").join(escape(plain(line)) for line in str(text).splitlines())


def moment(time: str | None) -> Markup:
    """A time of a record or of a seal: `2025-09-12 14:30:22`, in UTC."""
    return _time(time, 19)


def minute(time: str | None) -> Markup:
    """The same, for lists: `2025-09-12 14:30`."""
    return _time(time, 16)


def day(time: str | None) -> Markup:
    """The day of a time."""
    return _time(time, 10)


def size(number: float) -> str:
    """Bytes, as in `1.4 GiB`."""
    for unit in _UNITS:
        if number < _STEP or unit == _UNITS[-1]:
            break
        number /= _STEP
    return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"


def span(began: str, ended: str | None) -> str:
    """How long it was between two times, as in `2 h 5 min`; empty where one of them is none."""
    if not ended or not _is_time(began) or not _is_time(ended):
        return ""
    seconds = int((datetime.fromisoformat(ended) - datetime.fromisoformat(began)).total_seconds())
    for unit, name, smaller, small in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if seconds >= unit:
            return f"{seconds // unit} {name} {seconds % unit // smaller} {small}"
    return f"{max(seconds, 0)} s"


def _time(time: str | None, length: int) -> Markup:
    if not time:
        return Markup("–")
    if not _is_time(time):
        return escape(plain(time))
    return Markup('<time datetime="{0}" title="{0}">{1}</time>').format(time, time[:length].replace("T", " "))


def _is_time(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def fitted(text: object, columns: int) -> str:
    """A text for a place of so many columns of a fixed width; of a longer one the middle is left out."""
    shown = plain(text)
    if sum(map(_columns, shown)) <= columns:
        return shown
    start = _beginning(shown, (columns - 1) // 2)
    return f"{start}…{_beginning(shown[::-1], columns - 1 - sum(map(_columns, start)))[::-1]}"


def _beginning(text: str, columns: int) -> str:
    taken = accumulate(map(_columns, text))
    return "".join(character for character, width in zip(text, taken, strict=True) if width <= columns)


def _columns(character: str) -> int:
    return 1 + (east_asian_width(character) in "WF")


def kind(value: object) -> str:
    """The name of a value's class, by which templates tell blocks apart."""
    return type(value).__name__


def is_digest(text: object) -> bool:
    """Whether a text is a digest or a root, which is shortened to the eye."""
    return _DIGEST.fullmatch(str(text)) is not None


def sentence(text: object) -> str:
    """A text that begins as a sentence does; one that begins with an id or a name stays."""
    said = str(text)
    word = said.partition(" ")[0]
    return said[:1].upper() + said[1:] if word.isalpha() and word.islower() else said


def deed(action: str) -> str:
    """What an entry of the access log tells of, in words; one that is not known here as it stands."""
    return _DEEDS.get(action, action.replace("_", " "))


def known_by(auth: str | None) -> str:
    """How whoever it was had been known."""
    return "–" if auth is None else _KNOWN_BY.get(auth, auth)


TESTS = {"digest": is_digest}
FILTERS = {
    "count": count,
    "day": day,
    "deed": deed,
    "figure": figure,
    "fitted": fitted,
    "kind": kind,
    "known_by": known_by,
    "minute": minute,
    "moment": moment,
    "named": named,
    "prose": prose,
    "sentence": sentence,
    "size": size,
    "span": span,
    "tally": tally,
}
