"""DER as a tree of elements, and what a forger does to one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

Place: TypeAlias = tuple[int, ...]
"""The way to an element: which child of the root, which child of that, and so on."""
OCTETS = 0x04


@dataclass(frozen=True)
class Element:
    """A tag with what it holds: elements, or octets where `inner` is none."""

    tag: int
    octets: bytes = b""
    inner: tuple[Element, ...] | None = None

    @classmethod
    def parse(cls, data: bytes) -> Element:
        """The one element that these bytes are. Octet strings that hold a sequence are opened as well."""
        (found,) = _elements(data)
        return found

    def encode(self) -> bytes:
        """Its bytes."""
        content = self.octets if self.inner is None else b"".join(each.encode() for each in self.inner)
        size = len(content)
        length = b"" if size < 0x80 else size.to_bytes((size.bit_length() + 7) // 8, "big")
        return bytes([self.tag, 0x80 | len(length) if length else size]) + length + content

    def places(self, place: Place = ()) -> Iterator[Place]:
        """Every place below it."""
        for number, each in enumerate(self.inner or ()):
            yield (*place, number)
            yield from each.places((*place, number))

    def at(self, place: Place) -> Element | None:
        """What stands at a place; nothing where there is no such place."""
        if not place:
            return self
        inner = self.inner or ()
        return inner[place[0]].at(place[1:]) if place[0] < len(inner) else None

    def put(self, place: Place, new: tuple[Element, ...]) -> Element:
        """Itself with other elements at a place: none, one or two."""
        assert self.inner is not None
        number, *below = place
        if below:
            new = (self.inner[number].put(tuple(below), new),)
        return replace(self, inner=(*self.inner[:number], *new, *self.inner[number + 1 :]))


def _elements(data: bytes) -> Iterator[Element]:
    while data:
        tag, size, start = data[0], data[1], 2
        if size & 0x80:
            start += size & 0x7F
            size = int.from_bytes(data[2:start], "big")
        content, data = data[start : start + size], data[start + size :]
        opened = tag & 0x20 or (tag == OCTETS and content[:1] == b"\x30")
        yield Element(tag, inner=tuple(_elements(content))) if opened else Element(tag, content)


def _flip(element: Element) -> Element:
    """As little as can be changed: a bit in the middle, or the order of what it holds."""
    if element.inner is not None:
        return replace(element, inner=element.inner[::-1])
    middle = len(element.octets) // 2
    return replace(element, octets=_flipped(element.octets, middle))


def _flipped(octets: bytes, at: int) -> bytes:
    return octets[:at] + bytes(byte ^ 1 for byte in octets[at : at + 1]) + octets[at + 1 :]


CHANGES: dict[str, Callable[[Element, Element | None], tuple[Element, ...]]] = {
    "drop": lambda element, _: (),
    "swap": lambda element, other: (other or element,),
    "twice": lambda element, _: (element, element),
    "flip": lambda element, _: (_flip(element),),
    "last": lambda element, _: (replace(element, octets=_flipped(element.octets, max(0, len(element.octets) - 1))),),
    "empty": lambda element, _: (Element(element.tag),),
    "longer": lambda element, _: (replace(element, octets=element.octets + b"\0"),),
    "tag": lambda element, _: (replace(element, tag=element.tag ^ 1),),
    "null": lambda element, _: (Element(0x05),),
    "nested": lambda element, _: (Element(0x30, inner=(element,)),),
}


def altered(root: Element, other: Element) -> Iterator[tuple[Place, str, bytes]]:
    """Every change at every place, less what changes nothing; `other` is of another run."""
    known = root.encode()
    for place in root.places():
        element = root.at(place)
        assert element is not None
        for how, change in CHANGES.items():
            data = root.put(place, change(element, other.at(place))).encode()
            if data != known:
                yield place, how, data
