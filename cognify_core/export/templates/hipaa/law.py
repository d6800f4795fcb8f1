"""The rule that this template follows, and what is only proposed."""

from __future__ import annotations

LAW = "45 CFR Part 164, Subparts C, D and E, as in force in November 2026"
PROPOSED = (
    "For information only: a proposed rule of 6 January 2025 (RIN 0945-AA22) would end the distinction between "
    "required and addressable specifications and would demand encryption and multi-factor authentication. It is not "
    "final, and nothing in this document is measured against it."
)
SCOPE = (
    "This document describes the machine-learning pipeline of one training run only. It replaces neither the "
    "organisation's HIPAA programme nor its obligations under business associate agreements."
)
PERSONAL = (
    "This document holds personal data: it shows in clear who did what, when and from which address. Keep it where "
    "such data may be kept, and erase it with them."
)
