"""The law that this template follows, and words for it."""

from __future__ import annotations

from cognify_core.errors import UnsupportedExportError

LAW = "Regulation (EU) 2024/1689, consolidated 27.07.2026 (M1 = Reg. (EU) 2026/1744)"
"""On every page: points and dates differ from version to version."""
FORMS = ("full", "simplified")


def check_form(form: str) -> None:
    """Annex IV in full is the only form there is so far.

    Raises:
        UnsupportedExportError: the simplified form of Art. 11(1), second subparagraph, is asked for, or another.
    """
    if form == "simplified":
        raise UnsupportedExportError(
            "the simplified technical documentation form for SMEs and SMCs (Regulation (EU) 2024/1689, Art. 11(1), "
            "second subparagraph) has not been published by the Commission: use the full form of Annex IV"
        )
    if form not in FORMS:
        raise UnsupportedExportError(f"there is no form {form!r} of the technical documentation; there is 'full'")
