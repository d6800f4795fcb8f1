"""The structure tree, written into a PDF (ISO 32000-1, 14.7)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cognify_core.export.pdf.pen import Link
from cognify_core.export.pdf.structure import Annotation, Content, Element


def write_structure(pdf: Any, root: Element, links: Sequence[Link]) -> None:
    """Write the tree below `root`, and the links, which are a part of it."""
    _Tagger(pdf, links).write(root)


class _Tagger:
    def __init__(self, pdf: Any, links: Sequence[Link]) -> None:
        self.pdf = pdf
        self.links = links
        self.pages = [page.obj for page in pdf.pages]
        self.parents: list[dict[int, Any]] = [{} for _ in self.pages]
        self.annotations: list[Any] = [None] * len(links)
        self.on_page: list[list[Any]] = [[] for _ in self.pages]

    def write(self, root: Element) -> None:
        """Write the whole tree, and what leads from pages and links back into it."""
        from pikepdf import Array, Dictionary, Name, String

        pdf = self.pdf
        tree = pdf.make_indirect(Dictionary(Type=Name.StructTreeRoot))
        tree.K = Array([self._element(root, tree)])
        count = len(self.pages)
        numbers: list[Any] = []
        for place, (page, found) in enumerate(zip(self.pages, self.parents, strict=True)):
            page.StructParents = place
            page.Tabs = Name.S
            if self.on_page[place]:
                page.Annots = Array(self.on_page[place])
            numbers += [place, pdf.make_indirect(Array([found[mcid] for mcid in range(len(found))]))]
        for place, element in enumerate(self.annotations):
            numbers += [count + place, element]
        tree.ParentTree = pdf.make_indirect(Dictionary(Nums=Array(numbers)))
        tree.ParentTreeNextKey = count + len(self.links)
        pdf.Root.StructTreeRoot = tree
        pdf.Root.MarkInfo = Dictionary(Marked=True)
        pdf.Root.Lang = String("en-GB")

    def _element(self, element: Element, parent: Any) -> Any:
        from pikepdf import Array, Dictionary, Name, String

        node = self.pdf.make_indirect(Dictionary(Type=Name.StructElem, S=Name(f"/{element.kind}"), P=parent))
        if element.alt:
            node.Alt = String(element.alt)
        if element.scope:
            node.A = Dictionary(O=Name.Table, Scope=Name(f"/{element.scope}"))
        if element.kids:
            node.K = Array([self._kid(kid, node) for kid in element.kids])
        return node

    def _kid(self, kid: Element | Content | Annotation, node: Any) -> Any:
        from pikepdf import Dictionary, Name

        if isinstance(kid, Element):
            return self._element(kid, node)
        if isinstance(kid, Content):
            self.parents[kid.page][kid.mcid] = node
            return Dictionary(Type=Name.MCR, Pg=self.pages[kid.page], MCID=kid.mcid)
        link = self.pdf.make_indirect(self._link(kid.place))
        self.annotations[kid.place] = node
        self.on_page[self.links[kid.place].page].append(link)
        return Dictionary(Type=Name.OBJR, Pg=self.pages[self.links[kid.place].page], Obj=link)

    def _link(self, place: int) -> Any:
        from pikepdf import Array, Dictionary, Name, String

        link = self.links[place]
        return Dictionary(
            Type=Name.Annot,
            Subtype=Name.Link,
            Rect=Array([round(side, 3) for side in link.box]),
            Border=Array([0, 0, 0]),
            F=4,  # printed, as ISO 19005-3, 6.3.2 asks
            Dest=destination(self.pages[link.target.page], link.target.top),
            Contents=String(link.says),
            StructParent=len(self.pages) + place,
        )


def destination(page: Any, top: float) -> Any:
    """A place on a page, a little above what stands there, at the reader's own zoom."""
    from pikepdf import Array, Name

    return Array([page, Name.XYZ, None, round(top + 6, 3), None])
