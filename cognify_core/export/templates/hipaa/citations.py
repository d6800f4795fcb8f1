"""The citations of 45 CFR Part 164 that a training pipeline touches, abridged in our words."""

from __future__ import annotations

from collections.abc import Callable

from cognify_core.export.dossier import Dossier
from cognify_core.export.templates.hipaa import answers, answers_access, answers_phi
from cognify_core.export.templates.points import Point, by_people, orientation
from cognify_core.export.templates.template import Answer

_Function = Callable[[Dossier, Point], Answer]


def _point(ref: str, kind: str, title: str, asks: str, answer: _Function | None = None, supply: str = "") -> Point:
    in_profile = f"hipaa.addressable → {ref}, in the profile: implemented, or an alternative and why"
    default = in_profile if kind == "addressable" else f"answers → hipaa/{ref}, in the profile"
    function = answer or (answers.decided if kind == "addressable" else by_people)
    return Point("hipaa", ref, title, asks, function, supply=supply or default, kind=kind)


def _addressable_decisions(dossier: Dossier, point: Point) -> Answer:
    """164.306(d)(3): how many of the addressable specifications have been decided."""
    asked = [each for each in CITATIONS if each.kind == "addressable"]
    open_ones = [each.ref for each in asked if each.answer(dossier, each).status.value == "GAP"]
    answer = by_people(dossier, point)
    return orientation(
        answer, f"{len(asked) - len(open_ones)} of {len(asked)} addressable specifications are answered below"
    )


CITATIONS: tuple[Point, ...] = (
    _point(
        "164.306(d)(3)",
        "required",
        "Addressable decisions",
        "For each addressable specification: implement it, or document why it is not reasonable and appropriate and "
        "implement an equivalent alternative measure. Addressable is not optional.",
        _addressable_decisions,
    ),
    _point(
        "164.308(a)(1)(ii)(A)", "required", "Risk analysis", "An accurate and thorough assessment of risks to ePHI."
    ),
    _point("164.308(a)(1)(ii)(B)", "required", "Risk management", "Measures that reduce risks to a reasonable level."),
    _point(
        "164.308(a)(1)(ii)(D)",
        "required",
        "Information system activity review",
        "Regular review of audit logs and access reports: who reviewed this access log, and when.",
        supply='an attestation with subject="hipaa/164.308(a)(1)(ii)(D)" by whoever reviewed the access log',
    ),
    _point(
        "164.308(a)(2)",
        "required",
        "Assigned security responsibility",
        "The security official who is responsible for policies and procedures.",
        answers.official,
        "hipaa.security_official, in the profile",
    ),
    _point(
        "164.308(a)(3)(ii)(A)",
        "addressable",
        "Authorization and supervision",
        "Procedures for authorising and supervising those who work with ePHI; here: who approved the run.",
        answers.supervision,
        "a release of the run, approved by somebody other than who ran it",
    ),
    _point("164.308(a)(4)(ii)(B)", "addressable", "Access authorization", "Policies for granting access to ePHI."),
    _point(
        "164.308(a)(4)(ii)(C)",
        "addressable",
        "Access establishment and modification",
        "Policies that establish, document, review and modify rights of access.",
    ),
    _point("164.308(a)(5)(ii)(C)", "addressable", "Log-in monitoring", "Monitoring log-in attempts and discrepancies."),
    _point(
        "164.308(a)(6)(i)",
        "standard",
        "Security incident procedures",
        "Policies and procedures that address security incidents.",
        answers.incident_procedures,
        "incident_policy, in the profile: the URL and the SHA-256 of the policy",
    ),
    _point(
        "164.308(a)(6)(ii)",
        "required",
        "Response and reporting",
        "Identify, respond to, mitigate and document incidents and their outcomes.",
        answers.incidents,
        "hipaa.incidents, in the profile: incidents linked to the run, or a statement that there is none",
    ),
    _point(
        "164.308(a)(7)(ii)(A)",
        "required",
        "Data backup plan",
        "Retrievable exact copies of ePHI; here: of checkpoints.",
    ),
    _point(
        "164.308(a)(8)", "required", "Evaluation", "Periodic technical and non-technical evaluation, and its last date."
    ),
    _point(
        "164.308(b)(1)",
        "required",
        "Business associate contracts",
        "Satisfactory assurances, in a written contract (b)(3), of whoever handles ePHI for the organisation.",
        answers.vendors,
        "hipaa.vendors, in the profile: each with its business associate agreement and the date",
    ),
    _point(
        "164.314(a)",
        "required",
        "Contents of business associate contracts",
        "What a business associate contract must provide for.",
        answers.vendors,
        "hipaa.vendors, in the profile: each with its business associate agreement and the date",
    ),
    _point("164.310(d)(1)", "standard", "Device and media controls", "Receipt and removal of media that hold ePHI."),
    _point("164.310(d)(2)(i)", "required", "Disposal", "The final disposition of ePHI and of the media that hold it."),
    _point("164.310(d)(2)(ii)", "required", "Media re-use", "Removal of ePHI before media are used again."),
    _point(
        "164.310(d)(2)(iii)",
        "addressable",
        "Accountability",
        "A record of the movements of media, and of who is responsible; here: where checkpoints lie.",
        answers_access.locations,
    ),
    _point(
        "164.310(d)(2)(iv)", "addressable", "Backup before movement", "An exact copy of ePHI before media are moved."
    ),
    _point("164.312(a)(1)", "standard", "Access control", "Access for those alone to whom rights were granted."),
    _point(
        "164.312(a)(2)(i)",
        "required",
        "Unique user identification",
        "A unique name or number for each user.",
        answers_access.unique_users,
        "accesses in the record: export with the access log",
    ),
    _point("164.312(a)(2)(ii)", "required", "Emergency access", "A procedure to obtain ePHI in an emergency."),
    _point("164.312(a)(2)(iii)", "addressable", "Automatic logoff", "Sessions end after a time of inactivity."),
    _point(
        "164.312(a)(2)(iv)",
        "addressable",
        "Encryption and decryption",
        "A mechanism to encrypt and decrypt ePHI at rest; here: for each location of a checkpoint.",
        answers_access.encryption,
    ),
    _point(
        "164.312(b)",
        "standard",
        "Audit controls",
        "Mechanisms that record and examine activity in systems that hold ePHI.",
        answers_access.audit_controls,
        "accesses in the record: export with the access log",
    ),
    _point(
        "164.312(c)(1)",
        "standard",
        "Integrity",
        "Protection of ePHI from improper alteration or destruction.",
        answers.integrity,
        "a seal",
    ),
    _point(
        "164.312(c)(2)",
        "addressable",
        "Mechanism to authenticate ePHI",
        "Electronic mechanisms that show that ePHI was not altered or destroyed without authority.",
        answers.integrity,
        "a seal",
    ),
    _point(
        "164.312(d)", "standard", "Person or entity authentication", "Whoever seeks access is who they claim to be."
    ),
    _point("164.312(e)(1)", "standard", "Transmission security", "No unauthorised access to ePHI in transmission."),
    _point("164.312(e)(2)(i)", "addressable", "Integrity controls", "ePHI in transmission is not altered undetected."),
    _point("164.312(e)(2)(ii)", "addressable", "Encryption in transmission", "ePHI is encrypted where appropriate."),
    _point("164.316(a)", "standard", "Policies and procedures", "Reasonable and appropriate policies and procedures."),
    _point(
        "164.316(b)(1)(i)",
        "standard",
        "Policies in writing",
        "Policies and procedures in written, or electronic, form.",
    ),
    _point(
        "164.316(b)(1)(ii)",
        "standard",
        "Documentation of actions",
        "Actions, activities and assessments that must be documented, in written, or electronic, form.",
        answers.in_writing,
    ),
    _point(
        "164.316(b)(2)(i)",
        "required",
        "Time limit",
        "Documentation is kept six years from its creation or the date when it was last in effect, whichever is later.",
        answers.time_limit,
    ),
    _point("164.316(b)(2)(ii)", "required", "Availability", "Documentation is available to those who need it."),
    _point(
        "164.316(b)(2)(iii)",
        "required",
        "Updates",
        "Documentation is reviewed periodically, and updated as needed.",
        answers.review,
        "hipaa.next_review, in the profile",
    ),
    _point(
        "164.402",
        "standard",
        "Unsecured PHI",
        "Whether PHI is unsecured, and a breach therefore one that must be notified, depends on encryption.",
        answers_access.unsecured,
    ),
    _point(
        "164.404-164.414", "standard", "Breach notification", "Notification of individuals, media and the Secretary."
    ),
    _point(
        "164.514(a)",
        "standard",
        "De-identification",
        "Whether the information is individually identifiable, and on which basis it is not (164.502(d)).",
        answers_phi.de_identification,
    ),
    _point(
        "164.514(b)(1)",
        "standard",
        "Expert Determination",
        "A qualified person finds the risk of identification very small, and documents methods and results.",
        answers_phi.expert,
    ),
    _point(
        "164.514(b)(2)",
        "standard",
        "Safe Harbor",
        "Eighteen identifiers are removed, and there is no actual knowledge that the rest identifies anybody.",
        answers_phi.safe_harbor,
    ),
    _point(
        "164.514(c)", "standard", "Re-identification codes", "Codes are not derived from information on the individual."
    ),
    _point(
        "164.514(e)",
        "standard",
        "Limited data set",
        "Direct identifiers are removed and a data use agreement is in place; it is still PHI.",
        answers_phi.limited_data_set,
    ),
    _point("164.528", "standard", "Accounting of disclosures", "Individuals can ask to whom their PHI was disclosed."),
    _point(
        "164.530(j)",
        "standard",
        "Retention of determinations",
        "De-identification determinations and attestations are kept for six years as well.",
        answers.time_limit,
    ),
)
"""In the order of the Code, safeguards before privacy."""
