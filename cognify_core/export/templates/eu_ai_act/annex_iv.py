"""The 23 rows of Annex IV: what the law asks, and which function answers it. Abridged, in our words."""

from __future__ import annotations

from functools import partial

from cognify_core.export.templates.eu_ai_act import identity, organisation, performance, process
from cognify_core.export.templates.points import Point, by_people

_point = partial(Point, "annex_iv")
_ANSWERS = "answers → annex_iv/{} in the profile"

ANNEX_IV: tuple[Point, ...] = (
    _point(
        "1(a)",
        "Intended purpose, provider, version",
        "What the system is for, the name of its provider, and its version in relation to those before.",
        identity.purpose_and_version,
    ),
    _point(
        "1(b)",
        "Interaction with other systems",
        "How the system interacts, or can be used to interact, with other hardware, software and AI systems.",
        by_people,
        supply="how it interacts with other hardware, software and AI systems: " + _ANSWERS.format("1(b)"),
    ),
    _point(
        "1(c)",
        "Software versions",
        "The versions of relevant software or firmware, and what is required when they are updated.",
        identity.software,
        "engineer",
        "the environment: record the run on the machine that trains, with Cognify's defaults",
    ),
    _point(
        "1(d)",
        "Forms on the market",
        "All forms in which the system is placed on the market or put into service: embedded, download, API.",
        identity.forms,
        "engineer",
        "the forms in which weights are stored: checkpoints as safetensors or GGUF are recognised",
    ),
    _point(
        "1(e)",
        "Intended hardware",
        "The hardware on which the system is intended to run.",
        identity.intended_hardware,
        supply="the hardware it is intended to run on, not that of the training: " + _ANSWERS.format("1(e)"),
    ),
    _point(
        "1(f)",
        "Product illustrations",
        "Where it is a component of products: photographs or illustrations of their outside, marking and inside.",
        by_people,
        supply="illustrations, or why none apply: " + _ANSWERS.format("1(f)"),
    ),
    _point(
        "1(g)",
        "Deployer's interface",
        "A basic description of the user interface that deployers are given.",
        by_people,
        supply="a description of the deployer's user interface: " + _ANSWERS.format("1(g)"),
    ),
    _point(
        "1(h)",
        "Instructions for use",
        "The instructions for use for the deployer (contents: Art. 13(3)), and a basic description of the interface.",
        identity.instructions,
        supply="the instructions for use, as a file with its SHA-256: instructions_for_use in the profile",
    ),
    _point(
        "2(a)",
        "Methods and steps of development",
        "The methods and steps of development, and how pre-trained systems or third parties' tools were used, "
        "integrated or modified.",
        process.methods,
        "engineer",
        "base model, configuration and program: none is recorded",
    ),
    _point(
        "2(b)",
        "Design specifications",
        "The general logic, key design choices with rationale and assumptions, the persons or groups concerned, what "
        "is optimised for, the relevance of parameters, the expected output and its quality, and trade-offs.",
        process.design,
        "engineer",
        "the configuration: none is recorded",
    ),
    _point(
        "2(c)",
        "Architecture and computing resources",
        "The architecture, how components build on each other, and the computing resources used to develop, train, "
        "test and validate.",
        process.architecture_and_compute,
        "engineer",
        "the model's configuration, its weights and the environment: none is recorded",
    ),
    _point(
        "2(d)",
        "Data requirements",
        "Datasheets on the training methods and data: provenance, scope and main characteristics; how data were "
        "obtained and selected; labelling; cleaning.",
        process.data,
        "engineer",
        "the datasets: none is recorded",
    ),
    _point(
        "2(e)",
        "Human oversight",
        "An assessment of the human-oversight measures needed (Art. 14), with the technical means that help deployers "
        "to interpret outputs (Art. 13(3)(d)).",
        organisation.oversight,
        supply="the assessment of human-oversight measures: human_oversight in the profile",
    ),
    _point(
        "2(f)",
        "Pre-determined changes",
        "Changes to the system and its performance that were determined beforehand, and how it keeps to the law with "
        "them.",
        by_people,
        supply="pre-determined changes, or that there are none: " + _ANSWERS.format("2(f)"),
    ),
    _point(
        "2(g)",
        "Validation and testing",
        "Procedures and data of validation and testing; metrics for accuracy, robustness and other requirements, and "
        "for potentially discriminatory impacts; test logs and reports, dated and signed by the responsible persons.",
        performance.testing,
        "engineer",
        "evaluations: cognify.eval(…)",
    ),
    _point(
        "2(h)",
        "Cybersecurity",
        "The cybersecurity measures put in place.",
        performance.protection,
        supply="the cybersecurity measures: " + _ANSWERS.format("2(h)"),
    ),
    _point(
        "3",
        "Monitoring, functioning and control",
        "Capabilities and limitations, accuracy for the persons or groups concerned and overall; foreseeable "
        "unintended outcomes and sources of risk; oversight measures; specifications of input data.",
        performance.functioning,
        "engineer",
        "evaluations, notes on limitations and failure modes, and the specification of input data",
    ),
    _point(
        "4",
        "Appropriateness of metrics",
        "Why the performance metrics are appropriate for this system.",
        performance.metrics,
        "engineer",
        "why each metric is appropriate: metric_rationale in the profile",
    ),
    _point(
        "5",
        "Risk management",
        "A detailed description of the risk-management system (Art. 9).",
        organisation.risk_management,
        supply="the risk-management system, as a document with its SHA-256: risk_management in the profile",
    ),
    _point(
        "6",
        "Changes through the lifecycle",
        "Relevant changes that the provider makes to the system through its lifecycle.",
        performance.changes,
        "engineer",
    ),
    _point(
        "7",
        "Harmonised standards",
        "The harmonised standards applied in full or in part; else the solutions adopted to meet the requirements, and "
        "other standards and specifications applied.",
        organisation.standards,
        supply="the standards applied, or the solutions adopted instead: standards, or " + _ANSWERS.format("7"),
    ),
    _point(
        "8",
        "EU declaration of conformity",
        "A copy of the EU declaration of conformity (Art. 47, Annex V).",
        organisation.declaration,
        supply="the copy of the declaration, with its SHA-256: declaration_of_conformity in the profile",
    ),
    _point(
        "9",
        "Post-market monitoring",
        "The system by which performance is evaluated after placing on the market, with its plan (Art. 72(3), M1).",
        organisation.monitoring,
        supply="the post-market monitoring system and plan: post_market_monitoring in the profile",
    ),
)
"""In the order of the Annex: 1(a) to (h), 2(a) to (h), 3 to 9."""
