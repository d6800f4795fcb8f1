from __future__ import annotations

import re
from pathlib import Path

import pytest

from cognify_core.settings import Settings

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
CLAIM = re.compile(r"tamper.?proof|\bcompliant\b|\bcertified\b", re.IGNORECASE)
SOURCES = sorted(
    path
    for folder in ("cognify_core", "cognify_integrations", "examples", "notebooks")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in (".py", ".ipynb")
)


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_link_to_a_file_resolves(document: Path) -> None:
    targets = [link for link in LINK.findall(document.read_text("utf-8")) if "://" not in link]
    broken = [link for link in targets if not leads_somewhere(document, link)]
    assert broken == []


def leads_somewhere(document: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = (document.parent / path).resolve() if path else document
    return target.exists() and (not anchor or anchor in anchors(target))


def anchors(document: Path) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", document.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", [*DOCUMENTS, *SOURCES], ids=named)
def test_nothing_claims_more_than_tamper_evidence(document: Path) -> None:
    assert CLAIM.findall(document.read_text("utf-8")) == []


def test_every_decision_is_in_the_index() -> None:
    index = (ROOT / "docs/adr/README.md").read_text("utf-8")
    pages = [path.name for path in (ROOT / "docs/adr").glob("0*.md")]
    assert [page for page in pages if f"({page})" not in index] == []


@pytest.mark.parametrize("page", sorted((ROOT / "docs/adr").glob("0*.md")), ids=named)
def test_a_decision_says_context_options_outcome_and_cost(page: Path) -> None:
    bold = re.findall(r"^\*\*([^*]+)\*\*", page.read_text("utf-8"), re.MULTILINE)
    assert bold == ["Context.", "Options.", "Outcome.", "What it costs."]


def test_every_setting_is_in_the_guide() -> None:
    named = set(
        re.findall(r"^\| `COGNIFY_(\w+)` \|", (ROOT / "docs" / "audit-trail.md").read_text("utf-8"), re.MULTILINE)
    )
    assert named >= {name.upper() for name in Settings.model_fields}
