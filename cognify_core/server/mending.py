"""Which form of the dashboard supplies what a row of a law lacks, by the words in which templates say so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from cognify_core.export.templates.points import Point
from cognify_core.export.templates.template import Answer
from cognify_core.server.profile_fields import place_of
from cognify_core.server.roles import May

_NOTE = re.compile(r'(?:kind="|notes of the kind )([a-z_]+)')
_FORM = re.compile(r'form(?:="| )(test_report|phi|encryption_at_rest)')
_PLACE = re.compile(r"an attestation for (.+?): cognify\.attest", re.DOTALL)
_RELEASE = re.compile(r"a release of the run|of a release")
_FIELD = re.compile(r"(?<![\w.])(?:hipaa\.[a-z_]+|[a-z]+(?:_[a-z]+)+|provider|standards)(?=\b)")
_OF_PROFILE = re.compile(r"in the profile|\(stated_by\)|system_name")


@dataclass(frozen=True, slots=True)
class Mend:
    """A form, and what it is filled with beforehand."""

    title: str
    page: str
    """`profile`, below the workspace; else below the run: `note`, `attestation`, `release`, `seal`."""
    asks: tuple[tuple[str, str], ...] = ()
    needs: May = May.SAY
    anchor: str = ""


def mends(point: Point, answer: Answer, *, sealed: bool, project: str) -> tuple[Mend, ...]:
    """The forms that supply something of what is missing, the most fitting first; none where nothing is."""
    if not answer.missing:
        return ()
    named = [mend for text in answer.missing for mend in (*_in_profile(text, point, project), *_of_run(text))]
    named += [Mend("Release the run", "release")] if any(map(_RELEASE.search, answer.missing)) else []
    every = dict.fromkeys([*named, _about(point)])
    if not any(mend.page == "profile" for mend in every):
        every |= dict.fromkeys(_field(point.name, point, project))
    if sealed:
        return tuple(every)
    return (*(mend for mend in every if mend.page == "profile"), Mend("Seal the run first", "seal", needs=May.SEAL))


def _of_run(text: str) -> Iterator[Mend]:
    for kind in _NOTE.findall(text):
        yield Mend(f"Add a note: {kind.replace('_', ' ')}", "note", (("kind", kind),))
    for form in _FORM.findall(text):
        place = _PLACE.search(text)
        about = (("subject", place[1]),) if place and form == "encryption_at_rest" else ()
        yield Mend(f"Attest: {form.replace('_', ' ')}", "attestation", (("form", form), *about))


def _in_profile(text: str, point: Point, project: str) -> Iterator[Mend]:
    if not _OF_PROFILE.search(text):
        return
    fields = [field for field in _FIELD.findall(text) if place_of(field)]
    for field in fields or [point.name]:
        yield from _field(field, point, project)


def _field(field: str, point: Point, project: str) -> Iterator[Mend]:
    place = place_of(field) or place_of(point.name)
    if place is not None:
        part, anchor = place
        asks = (("project", project), ("part", part), ("open", anchor))
        yield Mend(f"Profile: {_title(anchor)}", "profile", asks, May.KEEP, anchor)


def _title(anchor: str) -> str:
    """As in `intended purpose`, `1(b)`."""
    return anchor.rpartition("/")[2].removeprefix("hipaa.").replace("_", " ")


def _about(point: Point) -> Mend:
    return Mend("Attest this point", "attestation", (("form", point.prefix), ("subject", point.name)))
