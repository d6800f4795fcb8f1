"""Identifiers and times, in the one spelling that records use."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

RUN_ID_PATTERN = r"run_[0-9]{8}_[0-9]{6}_[0-9a-f]{5}"
RunId = Annotated[str, StringConstraints(pattern=f"^{RUN_ID_PATTERN}$")]
"""As in `run_20250912_143022_a7f3c`: UTC date, UTC time, five hex digits."""

_TIME = re.compile(r"\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):\d\d:\d\d\.\d{6}Z", re.ASCII)
_NOT_SLUG = re.compile(r"[^a-z0-9]+")
_SLUG_LENGTH = 48
_UNSEEN = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")
"""Letters and marks that are drawn as nothing; others that nobody sees are neither."""


def new_run_id(now: datetime, entropy: bytes) -> str:
    """Draw a run id from a UTC time and at least three random bytes."""
    at = now.astimezone(UTC)
    day = f"{at.year:04}{at.month:02}{at.day:02}"  # `strftime` takes twice as long, and MLflow waits for this
    return f"run_{day}_{at.hour:02}{at.minute:02}{at.second:02}_{entropy.hex()[:5]}"


def is_run_id(text: str) -> bool:
    """Whether `text` has the form of a run id, and so is safe as a file name."""
    return re.fullmatch(RUN_ID_PATTERN, text, re.ASCII) is not None


def same_name(one: str, other: str) -> bool:
    """Whether two names are one person's, however they are written: letters and digits tell, nothing else does.

    Neither case nor width, spaces, punctuation and characters that nobody sees make another person; letters of another
    script that look alike do.
    """
    return _letters(one) == _letters(other)


def _letters(name: str) -> str:
    folded = _UNSEEN.sub("", unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold()))
    return "".join(each for each in folded if unicodedata.category(each)[0] in "LMN") or folded.strip()


def slug(text: str) -> str:
    """Lower-case letters, digits and underscores out of any text; never empty, at most 48 characters.

    Text of which nothing or only a part survives keeps apart from other such text by four hex digits of its hash.
    """
    kept = _NOT_SLUG.sub("_", text.lower()).strip("_")
    if kept and len(kept) <= _SLUG_LENGTH and text.isascii():
        return kept
    mark = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:4]
    return f"{kept[: _SLUG_LENGTH - 5].strip('_')}_{mark}".strip("_")


def utc_now() -> datetime:
    """The present, in UTC."""
    return datetime.now(UTC)


def stamp_time(moment: datetime) -> str:
    """RFC 3339 in UTC with six decimals and `Z`: the time of an event."""
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def day_after(day: date | None) -> str | None:
    """The day after one, before which everything of that day is; none of the last day of all, and of none."""
    return None if day in (None, date.max) else (day + timedelta(days=1)).isoformat()


def whole_seconds(time: str) -> str:
    """The time of an event as the lineage writes it: cut, not rounded, to whole seconds."""
    return f"{time[:19]}Z"


def _check_time(text: str) -> str:
    if not _TIME.fullmatch(text):
        raise ValueError("a time is written 2025-09-12T16:45:00.000000Z")
    datetime.fromisoformat(text)
    return text


def is_time(text: object) -> bool:
    """Whether it is the time of an event."""
    try:
        return isinstance(text, str) and bool(_check_time(text))
    except ValueError:
        return False


Time = Annotated[str, AfterValidator(_check_time)]


def _check_seconds(text: str) -> str:
    _check_time(f"{text[:-1]}.000000{text[-1:]}")
    return text


Seconds = Annotated[str, AfterValidator(_check_seconds)]
"""A time in whole seconds, as lineages and seals write it."""
