"""The one-third rule: whether a modification makes its maker a provider of a general-purpose AI model.

Commission guidelines on general-purpose AI models, C(2025) 7719 final of 19.11.2025, Section 3.2 (para. 60 as adopted,
paras 62 to 65 of the text of 18.7.2025), and Annex A (paras 118 to 132): compute that contributes directly to updates
of parameters counts, whatever its precision; recomputed activations, evaluations and reward models do not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from cognify_core.canonical import Json
from cognify_core.export.document.blocks import Block, Callout, Facts, Prose, Section
from cognify_core.export.document.cells import bullets, count, cut, gap, plain
from cognify_core.export.document.model_facts import parameters, weights_told
from cognify_core.export.dossier import Dossier, Told
from cognify_core.export.evidence import Evidence
from cognify_core.export.templates.statements import profile_evidence
from cognify_core.model.bodies import Body
from cognify_core.model.numbers import plain_number
from cognify_core.model.profile import BaseCompute

SUBSTITUTE = 1e23
"""Where the original compute is not known and cannot be estimated."""
VERDICT = "This figure is indicative and non-binding; the provider decides."
_TOKENS = ("num_input_tokens_seen", "num_tokens", "tokens")


@dataclass(frozen=True, slots=True)
class Estimate:
    """Operations of the training, and how the number was found."""

    flop: float
    method: str
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Threshold:
    """A third of the original compute, or of the substitute."""

    flop: float
    basis: str
    evidence: tuple[Evidence, ...] = ()


def architecture_estimate(parameter_count: int, tokens: float) -> float:
    """C ≈ 6 · P · D, forwards and backwards through every parameter for every token."""
    return 6.0 * parameter_count * tokens


def threshold(base: BaseCompute | None) -> Threshold:
    """What the compute of a modification is compared with."""
    if base is not None:
        return Threshold(
            base.flop / 3, f"a third of the declared original compute, {flop(base.flop)} ({cut(base.source, 200)})"
        )
    return Threshold(SUBSTITUTE / 3, "substitute 10^23/3: the original compute is not declared")


def verdict(estimate: float, limit: Threshold) -> str:
    """As in `4.8e17 FLOP = 0.0014 % of 3.33e22 FLOP (basis: …)`."""
    share = 100 * estimate / limit.flop
    side = "above" if estimate > limit.flop else "not above"
    compared = f"{flop(estimate)} = {share:.2g} % of {flop(limit.flop)}, {side} the threshold"
    return f"{compared} (basis: {limit.basis}). {VERDICT}"


def flop(number: float) -> str:
    """As in `4.8e17 FLOP`."""
    mantissa, _, exponent = f"{number:.2e}".partition("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)} FLOP"


def one_third_rule(dossier: Dossier) -> Section:
    """The calculation with its assumptions, its method and its uncertainty."""
    limit, found = limit_of(dossier), estimates(dossier)
    if found:
        rows = [(item.method, plain(verdict(item.flop, limit), *item.evidence, *limit.evidence)) for item in found]
    else:
        rows = [("Estimate", gap("not derivable: neither total_flos nor the number of tokens is recorded"))]
    blocks: list[Block] = [
        _lead(),
        Facts((("Threshold", plain(f"{flop(limit.flop)}: {limit.basis}")), *rows)),
        _assumptions(),
    ]
    if any(item.flop > limit.flop for item in found):
        blocks.append(Callout(_ABOVE, "warning"))
    return Section("Compute of the modification (one-third rule)", tuple(blocks))


def estimates(dossier: Dossier) -> tuple[Estimate, ...]:
    """Those that the record allows: by architecture, and the counter of the training framework."""
    found = []
    tokens, told = trained_tokens(dossier)
    number = parameters(dossier).total
    if tokens is not None and number is not None:
        text = f"By architecture: 6 × {count(number)} parameters × {count(int(tokens))} tokens"
        evidence = tuple(item.evidence for item in (*weights_told(dossier), *told))
        found.append(Estimate(architecture_estimate(number, tokens), text, evidence))
    counter = [(value, phase) for phase in dossier.phases if (value := _number(phase.body.facts.get("total_flos")))]
    if counter:
        value, phase = counter[-1]
        found.append(Estimate(value, "By total_flos: upper bound (full-backward formula)", (phase.evidence,)))
    return tuple(found)


def trained_tokens(dossier: Dossier) -> tuple[float | None, tuple[Told[Body], ...]]:
    """The tokens that were trained on, where the framework counted them."""
    for phase in reversed(dossier.phases):
        for key in _TOKENS:
            if value := _number(phase.body.facts.get(key)):
                return value, (phase,)
    for key in _TOKENS:
        if metric := dossier.metrics.get(key):
            return max(metric.values), ()
    return None, ()


def limit_of(dossier: Dossier) -> Threshold:
    """The threshold for the recorded base model, as the profile declares its compute."""
    declared = dossier.profile.base_compute
    for base in dossier.base_models:
        names = (base.body.name, base.node_id, base.body.name.rstrip("/").rpartition("/")[2])
        known = next((declared[name] for name in names if name in declared), None)
        if known is not None:
            limit = threshold(known)
            return Threshold(limit.flop, limit.basis, profile_evidence(dossier))
    return threshold(None)


def _number(value: Json) -> float | None:
    """A positive, finite number out of what was recorded, however it is tagged."""
    try:
        number = value if isinstance(value, int | float) else plain_number(value)
        found = float(number)
    except (ValueError, OverflowError):
        return None
    return found if 0 < found < math.inf and not isinstance(value, bool) else None


def _lead() -> Prose:
    return Prose(
        "Whoever modifies a general-purpose AI model becomes its provider, for the modification only, where the change "
        "in generality, capabilities or systemic risk is significant. The indicator is a modification that takes more "
        "than a third of the compute of the original training (Commission guidelines C(2025) 7719 final, Section 3.2: "
        "para. 60; paras 62 to 65 of the text of 18.7.2025)."
    )


def _assumptions() -> Block:
    return bullets(
        Prose(text)
        for text in (
            "Counted: compute that contributes directly to updates of parameters; all precisions count equally.",
            "Not counted: recomputed activations (gradient checkpointing), evaluations, reward and auxiliary models.",
            "By architecture, C ≈ 6·P·D: all parameters are taken as trained; for an adapter it is an upper bound.",
            "total_flos of the framework follows the same formula for adapters too, and is an upper bound.",
            "By hardware, C = N·L·H·U: not derivable, as peak performance and utilisation are not recorded.",
            "Where the original compute is not declared (base_compute in the profile), a third of 10^23 FLOP stands "
            "for it; for a base model with systemic risk it would be a third of 10^25 FLOP.",
            "Uncertainty: the guidelines allow for ±30 % on a best judgement.",
        )
    )


_ABOVE = (
    "An estimate lies above the threshold. Duties of Art. 53, limited to the modification (recital 109), may apply: "
    "documentation of the change, copyright policy and content summary for the added data."
)
