"""What a seal's age rests on, in words."""

from __future__ import annotations

from cognify_core.export.document.cells import listed
from cognify_core.export.seal_facts import SealFacts


def anchored_by(seal: SealFacts) -> str:
    """The anchors of a seal."""
    return listed(seal.anchors) if seal.anchors else "nothing but the signer's clock"


def age_of(seal: SealFacts) -> str:
    """The same as a sentence."""
    return f"What its age rests on: {anchored_by(seal)}."
