"""Who is what: what a provider or a proxy says of somebody, and the roles that this gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from cognify_core.canonical import Json
from cognify_core.errors import ConfigurationError
from cognify_core.server.roles import Part

ANY = "*"
"""In place of a value: whatever it is, and whether or not others are named."""


@dataclass(frozen=True, slots=True)
class Roles:
    """By claim and value, what these give: `{"groups": {"auditors": "auditor", "ml": ["recorder@team", "viewer"]}}`."""

    of: Mapping[str, Mapping[str, frozenset[Part]]]

    @classmethod
    def parse(cls, setting: str, said: Mapping[str, Mapping[str, str | Sequence[str]]]) -> Self:
        """The roles that a setting describes.

        Raises:
            ConfigurationError: one of them is none; the message names the setting.
        """
        try:
            return cls({claim: {value: _parts(given) for value, given in by.items()} for claim, by in said.items()})
        except ConfigurationError as error:
            raise ConfigurationError(f"{setting}: {error}") from None

    def parts(self, claims: Mapping[str, Json]) -> frozenset[Part]:
        """What somebody is of whom that is said; nothing, where nothing of it is named here."""
        given = [by[value] for claim, by in self.of.items() for value in (*_values(claims, claim), ANY) if value in by]
        return frozenset[Part]().union(*given)

    def missing(self, claims: Mapping[str, Json]) -> bool:
        """Whether a claim is named here of which nothing is said."""
        return any(next(_said(claims, claim), None) is None for claim in self.of)


def _parts(given: str | Sequence[str]) -> frozenset[Part]:
    return frozenset(map(Part.parse, [given] if isinstance(given, str) else given))


def _values(claims: Mapping[str, Json], claim: str) -> Iterator[str]:
    """The values of a claim, as text; of an address that nobody has verified, none."""
    if claim == "email" and claims.get("email_verified") is not True:
        return
    for said in _said(claims, claim):
        for each in said if isinstance(said, list) else [said]:
            if isinstance(each, str) and each != ANY:
                yield each


def _said(claims: Mapping[str, Json], claim: str) -> Iterator[Json]:
    """What stands under the claim's name; or, as Keycloak has it, under the names that dots part it into."""
    if claim in claims:
        yield claims[claim]
        return
    found: Json = dict(claims)
    for name in claim.split("."):
        if not isinstance(found, dict) or name not in found:
            return
        found = found[name]
    yield found
