"""What each field of a profile asks, an example of it, and which points of law it answers."""

from __future__ import annotations

from dataclasses import dataclass

from cognify_core.model.profile import Profile


@dataclass(frozen=True, slots=True)
class Asked:
    """One field of a profile."""

    field: str
    asks: str
    """One line."""
    example: str
    """YAML, as it stands behind the field's name."""


@dataclass(frozen=True, slots=True)
class Point:
    """A point of law that a profile answers, by one of its fields or under `answers`."""

    name: str
    """As in `annex_iv/1(b)`: also the key under `answers`."""
    asks: str
    fields: tuple[str, ...] = ()

    def answered_by(self, profile: Profile) -> str | None:
        """Where the profile says it; none where it does not, or says but half of what the law asks."""
        if self.name in profile.answers:
            return f"answers.{self.name}"
        law, _, citation = self.name.partition("/")
        if law == "hipaa" and citation in profile.hipaa.addressable:
            made = profile.hipaa.addressable[citation]
            decided = made.decision != "not_reasonable" or made.alternative is not None
            return f"hipaa.addressable.{citation}" if decided else None
        if self.fields == ("hipaa.vendors",) and not all(each.baa and each.baa_date for each in profile.hipaa.vendors):
            return None
        return next((field for field in self.fields if _says(profile, field)), None)

    @property
    def supplied_by(self) -> str:
        """Where it is to be said."""
        return self.fields[0] if self.fields else f"answers.{self.name}"


FIELDS = (
    Asked("stated_by", "Who answers for all that follows: a printed name, a role, a day.",
          "{name: A. Person, role: compliance officer, on: 2026-01-31}"),
    Asked("provider", "The provider of the AI system (AI Act, Art. 3(3)).",
          "{name: Example GmbH, address: 'Street 1, 10115 Berlin', contact: ai@example.org}"),
    Asked("system_name", "The AI system that the project's runs serve.", "Clinical triage"),
    Asked("system_version", "Its version, and how it relates to earlier ones.", "2.1, replaces 2.0"),
    Asked("intended_purpose", "What it is for (Annex IV, point 1(a)).", "Sorts incoming letters by urgency."),
    Asked("deployment_restrictions", "Where it must not be used.", "[Not for emergency care.]"),
    Asked("acceptable_use_policy", "A file, which is hashed, or a URL with the sha256 of what it led to.",
          "{path: policies/acceptable-use.pdf}"),
    Asked("incident_policy", "What is done about incidents (45 CFR 164.308(a)(6); AI Act, Art. 73).",
          "{url: 'https://example.org/incidents', title: Incident response}"),
    Asked("incident_contact", "Who is told of an incident.", "security@example.org"),
    Asked("risk_management", "The risk-management system (AI Act, Art. 9).", "{reference: {path: risk/register.pdf}}"),
    Asked("instructions_for_use", "Instructions for use (AI Act, Art. 13(3)).", "{reference: {path: docs/ifu.pdf}}"),
    Asked("human_oversight", "How people oversee it (AI Act, Art. 14).", "A nurse confirms every decision."),
    Asked("declaration_of_conformity", "The EU declaration of conformity (AI Act, Art. 47).",
          "{path: conformity/declaration.pdf}"),
    Asked("post_market_monitoring", "The post-market monitoring plan (AI Act, Art. 72(3)).",
          "{reference: {path: pmm/plan.pdf}}"),
    Asked("standards", "Harmonised standards that are applied in full or in part.", "[EN ISO 14971:2019]"),
    Asked("metric_rationale", "Why a metric is appropriate, by its name (Annex IV, point 4).",
          "{eval_f1: Classes are uneven.}"),
    Asked("market_date", "The day it was placed on the market or put into service (Art. 18(1)).", "2026-03-01"),
    Asked("high_risk", "annex_i, annex_iii or no (AI Act, Art. 6).", "annex_iii"),
    Asked("base_compute", "Training compute of a base model, by its name, as its provider declares it.",
          "{meta-llama/Llama-3.1-8B: {flop: 7.2e23, source: the model's own report}}"),
    Asked("answers", "Any other point of law; an answer has a text, a reference or a reason why it is not applicable.",
          "{annex_iv/1(f): {not_applicable: Software only; no product has it as a component.}}"),
    Asked("gap_owners", "Who mends a gap, by point of law, or by the owner that a gap names.",
          "{engineer: B. Engineer, annex_iv/5: C. Officer}"),
    Asked("hipaa", "What HIPAA asks: security_official, weights_treated_as_ephi, vendors, addressable, incidents …",
          "{security_official: D. Officer, weights_treated_as_ephi: yes, "
          "vendors: [{name: Cloud Inc, service: GPU host, baa: true, baa_date: 2026-01-15}]}"),
)  # fmt: skip
"""Every field of a profile, in the order in which it is filled in."""

POINTS: dict[str, tuple[Point, ...]] = {
    "eu_ai_act": (
        Point("annex_iv/1(a)", "intended purpose", ("intended_purpose",)),
        Point("annex_iv/1(a)#provider", "name of the provider", ("provider",)),
        Point("annex_iv/1(b)", "interaction with hardware, software and other AI systems"),
        Point("annex_iv/1(d)", "forms in which it is placed on the market"),
        Point("annex_iv/1(e)", "hardware that it is intended to run on"),
        Point("annex_iv/1(f)", "photographs or illustrations, where it is a component of a product"),
        Point("annex_iv/1(g)", "the user interface of the deployer"),
        Point("annex_iv/1(h)", "instructions for use", ("instructions_for_use",)),
        Point("annex_iv/2(e)", "human oversight (Art. 14)", ("human_oversight",)),
        Point("annex_iv/2(f)", "pre-determined changes"),
        Point("annex_iv/2(h)", "cybersecurity measures"),
        Point("annex_iv/4", "appropriateness of the metrics", ("metric_rationale",)),
        Point("annex_iv/5", "risk-management system (Art. 9)", ("risk_management",)),
        Point("annex_iv/7", "harmonised standards applied", ("standards",)),
        Point("annex_iv/8", "EU declaration of conformity (Art. 47)", ("declaration_of_conformity",)),
        Point("annex_iv/9", "post-market monitoring (Art. 72)", ("post_market_monitoring",)),
        Point("ai_act/13(3)(b)", "deployment restrictions", ("deployment_restrictions",)),
        Point("ai_act/annex_xi/1(b)", "acceptable-use policy", ("acceptable_use_policy",)),
        Point("ai_act/18(1)", "date of placing on the market: without it nothing may be deleted", ("market_date",)),
    ),
    "hipaa": (
        Point("hipaa/scope", "whether you are a covered entity, a business associate or neither"),
        Point("hipaa/weights", "whether weights are treated as ePHI", ("hipaa.weights_treated_as_ephi",)),
        Point("hipaa/164.308(a)(1)(ii)(A)", "risk analysis (R)"),
        Point("hipaa/164.308(a)(1)(ii)(B)", "risk management (R)"),
        Point("hipaa/164.308(a)(2)", "assigned security responsibility (R)", ("hipaa.security_official",)),
        Point("hipaa/164.308(a)(4)(ii)(B)", "access authorization (A)"),
        Point("hipaa/164.308(a)(4)(ii)(C)", "access establishment and modification (A)"),
        Point("hipaa/164.308(a)(5)(ii)(C)", "log-in monitoring (A)"),
        Point("hipaa/164.308(a)(6)(i)", "security incident procedures (R)", ("incident_policy",)),
        Point("hipaa/164.308(a)(6)(ii)", "incidents that have to do with the system (R)", ("hipaa.incidents",)),
        Point("hipaa/164.308(a)(7)(ii)(A)", "data backup plan (R)"),
        Point("hipaa/164.308(a)(8)", "evaluation (R)"),
        Point("hipaa/164.308(b)(1)", "business associate contracts (R)", ("hipaa.vendors",)),
        Point("hipaa/164.310(d)(1)", "device and media controls"),
        Point("hipaa/164.310(d)(2)(i)", "disposal (R)"),
        Point("hipaa/164.310(d)(2)(ii)", "media re-use (R)"),
        Point("hipaa/164.310(d)(2)(iv)", "backup before movement (A)"),
        Point("hipaa/164.312(a)(1)", "access control"),
        Point("hipaa/164.312(a)(2)(ii)", "emergency access procedure (R)"),
        Point("hipaa/164.312(a)(2)(iii)", "automatic logoff (A)"),
        Point("hipaa/164.312(d)", "person or entity authentication"),
        Point("hipaa/164.312(e)(1)", "transmission security"),
        Point("hipaa/164.312(e)(2)(i)", "integrity controls in transmission (A)"),
        Point("hipaa/164.312(e)(2)(ii)", "encryption in transmission (A)"),
        Point("hipaa/164.316(a)", "policies and procedures"),
        Point("hipaa/164.316(b)(2)(ii)", "availability of the documentation (R)"),
        Point("hipaa/164.316(b)(2)(iii)", "updates: the next review (R)", ("hipaa.next_review",)),
        Point("hipaa/164.404-164.414", "breach notification"),
        Point("hipaa/164.514(c)", "re-identification codes"),
        Point("hipaa/164.528", "accounting of disclosures"),
    ),
}
"""By template, what an organisation has to say; the templates say what follows from it."""


def missing(profile: Profile, template: str) -> tuple[Point, ...]:
    """The points of a template that a profile does not answer."""
    return tuple(point for point in POINTS[template] if point.answered_by(profile) is None)


def template_yaml() -> str:
    """A YAML file to fill in: every field explained in a line, and commented out until somebody fills it in."""
    lines = [
        "# What your organisation says of itself and of an AI system: cognify profile import FILE [--project P]",
        "# All of it is optional; what is absent stands in the documents as a gap, with an owner.",
        "# Take the '#' away where you have an answer, and write yours in the place of the example.",
    ]
    for asked in FIELDS:
        lines += ["", f"# {asked.asks}", f"#{asked.field}: {asked.example}"]
    return "\n".join(lines) + "\n"


def _says(profile: Profile, path: str) -> bool:
    value: object = profile
    for part in path.split("."):
        value = getattr(value, part)
    return value not in (None, (), {})
