"""The quick canonical form is the standard library's, of whatever XML."""

from __future__ import annotations

from xml.etree.ElementTree import Element, canonicalize, tostring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cognify_core.export.sheets.canonical_xml import canonical_xml

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
CHARACTERS = st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]) | st.sampled_from("\t\n &<>\"'")
TEXTS = st.text(CHARACTERS, max_size=8)
ATTRIBUTES = st.dictionaries(st.sampled_from(["r", "s", "t", "sqref", "xml:space"]), TEXTS)


def _element(name: str, attributes: dict[str, str], text: str, tail: str, kids: list[Element]) -> Element:
    made = Element(name, attributes)
    made.text, made.tail = text, tail
    made.extend(kids)
    return made


def _elements(kids: st.SearchStrategy[list[Element]]) -> st.SearchStrategy[Element]:
    return st.builds(_element, st.sampled_from(["c", "row", "v"]), ATTRIBUTES, TEXTS, TEXTS, kids)


TREES = st.recursive(_elements(st.just([])), lambda inner: _elements(st.lists(inner, max_size=3)))


@given(TREES, st.booleans())
def test_what_is_written_is_what_the_standard_library_writes(tree: Element, named: bool) -> None:
    tree.tail = None
    if named:
        tree.set("xmlns", MAIN)
    written = tostring(tree)
    assert canonical_xml(written) == canonicalize(written.decode()).encode()


@pytest.mark.parametrize(
    "written",
    [
        '<a xmlns:r="urn:r" r:id="1" b="2"/>',
        '<r:a xmlns:r="urn:r"/>',
        '<a xmlns="urn:a"><b xmlns="urn:b" z="1" y="2"/></a>',
        '<a xmlns="urn:a" xmlns:unused="urn:u"><b/></a>',
        '<!DOCTYPE a><a b="1"/>',
        '<a><?do this?><b/></a>',
        "<a><!-- not kept -->1<![CDATA[<2>]]>\r\n3&#13;</a>",
        '<a b="&#10;&#9;&#13;&gt;&quot;" a="é中😀">é中😀</a>',
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<a  z = "1"\n a="2" />\n',
    ],
)  # fmt: skip
def test_namespaces_and_whatever_else_is_rare_come_out_as_there(written: str) -> None:
    assert canonical_xml(written.encode()) == canonicalize(written).encode()
