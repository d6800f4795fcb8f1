"""164.310(d) and 164.312(a), (b): who had access, where checkpoints lie, how they are encrypted."""

from __future__ import annotations

from dataclasses import replace

from cognify_core.export.document.cells import count, cut, listed, moment
from cognify_core.export.document.clear_values import ClearValues
from cognify_core.export.dossier import Dossier
from cognify_core.export.templates.hipaa.answers import decision
from cognify_core.export.templates.hipaa.encryption import SUPPLY as ATTEST_ENCRYPTION
from cognify_core.export.templates.hipaa.encryption import places
from cognify_core.export.templates.points import Findings, Point, answered, orientation
from cognify_core.export.templates.statements import (
    attested_by,
)
from cognify_core.export.templates.template import Answer

SHARED = (
    "root",
    "admin",
    "administrator",
    "user",
    "guest",
    "ubuntu",
    "ec2-user",
    "jovyan",
    "runner",
    "service",
    "test",
)
"""Names of accounts that are shared, or belong to a system rather than to a person."""


def locations(dossier: Dossier, point: Point) -> Answer:
    """164.310(d)(2)(iii): where checkpoints lay; their movements afterwards are for people to say."""
    found, known = Findings(), [place for place in places(dossier) if place.location != "not recorded"]
    for place in known[:6]:
        names = listed((told.node_id for told in place.checkpoints), 3)
        found.add(f"Written to {cut(place.location, 300)}: {names}", *place.checkpoints[:2])
    left = len(known) - 6
    found.add(f"{count(left, 'further location')}: see Encryption at rest" if left > 0 else None)
    own = "movements of these media afterwards, and who is responsible: answers, in the profile"
    return answered(dossier, point, found, (decision(dossier, point),), own=own)


def unique_users(dossier: Dossier, point: Point) -> Answer:
    """164.312(a)(2)(i): the users of the access log; accounts that name no person are pointed out."""
    found, values = Findings(), ClearValues.of(dossier.openings)
    if dossier.accesses:
        actors = [values.get(told.body.actor) for told in dossier.accesses]
        users = dict.fromkeys(actor for actor in actors if actor)
        erased = actors.count(None)
        found.add(
            f"{count(len(dossier.accesses), 'access', 'accesses')} by {count(len(users), 'user')}: "
            f"{listed(users, 10) or 'none in clear'}; {count(erased)} with an erased name",
            *dossier.accesses,
        )
        shared = [user for user in users if user.lower() in SHARED]
        found.lack(f"the persons behind shared or system accounts: {listed(shared)}", when=bool(shared))
        found.lack(f"the names behind {count(erased, 'access', 'accesses')}: erased", when=erased > 0)
    return answered(dossier, point, found)


def audit_controls(dossier: Dossier, point: Point) -> Answer:
    """164.312(b): the access log; addresses that a machine declares of itself are told apart."""
    found, accesses = Findings(), dossier.accesses
    if accesses:
        seen = sum(told.body.observed_by == "server" for told in accesses)
        found.add(
            f"{count(len(accesses), 'access', 'accesses')} from {moment(accesses[0].body.at)} to "
            f"{moment(accesses[-1].body.at)}: {count(seen)} observed by a server, {count(len(accesses) - seen)} "
            "declared by the machine itself",
            *accesses,
        )
        found.lack(
            "addresses observed by a server: those declared by a machine are its own word", when=seen < len(accesses)
        )
        return answered(dossier, point, found)
    text = f"the training itself is recorded, {count(sum(dossier.closed.body.counts.values()) + 1, 'event')}"
    return orientation(answered(dossier, point, found), text, dossier.closed)


def encryption(dossier: Dossier, point: Point) -> Answer:
    """164.312(a)(2)(iv): every location is attested, or each that is not is a gap."""
    found, every = Findings(), places(dossier)
    open_places = [place for place in every if place.attested is None]
    told = {place.attested.evidence: place.attested for place in every if place.attested is not None}.values()
    statements = [replace(attested_by(dossier, each), counts=not open_places) for each in told]
    for place in open_places[:8]:
        found.lack(f"an attestation for {cut(place.location, 200)}: {ATTEST_ENCRYPTION}")
    left = len(open_places) - 8
    found.lack(f"attestations for {count(left, 'further location')}", when=left > 0)
    return answered(dossier, point, found, (*statements[:8], decision(dossier, point)))


def unsecured(dossier: Dossier, point: Point) -> Answer:
    """164.402: whether PHI is unsecured depends on encryption."""
    every = places(dossier)
    encrypted = sum(bool(place.facts.get("encrypted")) for place in every)
    text = f"{count(encrypted)} of {count(len(every), 'location')} of checkpoints attested as encrypted"
    return orientation(answered(dossier, point, Findings()), text)
