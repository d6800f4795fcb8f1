"""`cognify.weights/v1`: the manifest of tensors, and how two are matched (`docs/formats.md`, Weights, rule 4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from cognify_core.canonical import Json, encode, parse
from cognify_core.errors import FormatError
from cognify_core.model.digest import Digest

WEIGHTS_FORMAT = "cognify.weights/v1"

_PREFIXES_TRIED = 8


class Tensor(NamedTuple):
    """One line of the manifest; `hex` is the SHA-256 of the element bits in 64 hex digits."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    hex: str

    @property
    def content(self) -> tuple[str, tuple[int, ...], str]:
        """What makes two tensors equal, whatever their names."""
        return (self.dtype, self.shape, self.hex)


@dataclass(frozen=True, slots=True)
class Match:
    """How many of the tensors in memory (`total`) equal one of the file, and the names of the rest."""

    matched: int
    total: int
    missing: tuple[str, ...]
    """In the file, and not in memory under any name, as the head that a base model lost."""
    changed: tuple[str, ...]
    """In both, of unequal content."""
    extra: tuple[str, ...]
    """In memory only, as the head that a classifier gets."""
    recast: int
    """How many of `changed` are of another dtype, so that their bytes say nothing."""
    prefix: str
    """What memory puts before the file's names, as `bert.`; after a `-`, what it takes away; else empty."""

    @property
    def complete(self) -> bool:
        """Whether the file matches memory tensor by tensor, aliases included (rule 4)."""
        return not (self.missing or self.changed or self.extra)

    def __str__(self) -> str:
        return f"{self.matched} of {self.total}"


def render(tensors: Iterable[Tensor], names: str) -> bytes:
    """The manifest; `names` is `file` or `memory`, after where the names come from.

    Raises:
        FormatError: a name stands twice, or is no Unicode.
    """
    try:
        lines = sorted(tensors, key=lambda tensor: tensor.name.encode("utf-8"))
    except UnicodeEncodeError as error:
        raise FormatError("a tensor's name is no Unicode") from error
    for one, other in pairwise(lines):
        if one.name == other.name:
            raise FormatError(f"two tensors are called {one.name[:200]!r}")
    listed = [[tensor.name, tensor.dtype, list(tensor.shape), tensor.hex] for tensor in lines]
    return encode({"format": WEIGHTS_FORMAT, "names": names, "tensors": listed})


def parse_weights(manifest: bytes) -> dict[str, Tensor]:
    """Read a manifest: name → tensor.

    Raises:
        FormatError: it is not one that `render` writes.
    """
    match parse(manifest):
        case {"format": "cognify.weights/v1", "names": "file" | "memory" as names, "tensors": list(lines)}:
            tensors = [_tensor(line) for line in lines]
        case _:
            raise FormatError(f"not a manifest of {WEIGHTS_FORMAT}")
    if render(tensors, names) != manifest:
        raise FormatError(f"not a manifest of {WEIGHTS_FORMAT}: out of order, or with members of its own")
    return {tensor.name: tensor for tensor in tensors}


def match_weights(file_manifest: bytes, memory_manifest: bytes) -> Match:
    """Compare the weights of a file with those in memory.

    Names match as they stand or under one common prefix, whichever makes more of them equal; a tensor in memory whose
    name the file lacks (an alias, a tied head) matches where its content equals any one of the file's.

    Raises:
        FormatError: one of the two is no manifest of weights.
    """
    file, memory = parse_weights(file_manifest), parse_weights(memory_manifest)
    prefix = max(["", *_prefixes(file, memory)], key=lambda prefix: _agreement(file, memory, prefix))
    renamed = {_renamed(name, prefix, memory): tensor for name, tensor in file.items()}
    contents = {tensor.content for tensor in file.values()}
    held = {tensor.content for tensor in memory.values()}
    changed = [name for name in memory if name in renamed and memory[name].content != renamed[name].content]
    extra = [name for name in memory if name not in renamed and memory[name].content not in contents]
    return Match(
        matched=len(memory) - len(changed) - len(extra),
        total=len(memory),
        missing=tuple(t.name for name, t in renamed.items() if name not in memory and t.content not in held),
        changed=tuple(changed),
        extra=tuple(extra),
        recast=sum(memory[name].dtype != renamed[name].dtype for name in changed),
        prefix=prefix,
    )


def _agreement(file: Mapping[str, Tensor], memory: Mapping[str, Tensor], prefix: str) -> tuple[int, int]:
    """How many names have equal content in both, and how many are in both at all."""
    pairs = [(tensor, memory.get(_renamed(name, prefix, memory))) for name, tensor in file.items()]
    common = [(one, other) for one, other in pairs if other is not None]
    return (sum(one.content == other.content for one, other in common), len(common))


def _renamed(name: str, prefix: str, memory: Mapping[str, Tensor]) -> str:
    """The name that a file's tensor has in memory; one that the prefix does not suit may keep its own."""
    other = name.removeprefix(prefix[1:]) if prefix.startswith("-") else prefix + name
    return other if other in memory or name not in memory else name


def _prefixes(file: Mapping[str, Tensor], memory: Mapping[str, Tensor]) -> list[str]:
    """The prefixes that would give the most names in common, most first."""
    votes: Counter[str] = Counter()
    for sign, longer, shorter in (("", memory, file), ("-", file, memory)):
        for name in longer:
            for place in (index + 1 for index, letter in enumerate(name) if letter == "."):
                if name[place:] in shorter:
                    votes[sign + name[:place]] += 1
    return [prefix for prefix, _ in votes.most_common(_PREFIXES_TRIED)]


def _tensor(line: Json) -> Tensor:
    match line:
        case [str(name), str(dtype), list(shape), str(digits)] if all(type(n) is int and n >= 0 for n in shape):
            return Tensor(name, dtype, tuple(shape), Digest(digits).hex)
        case _:
            raise FormatError(f"not a manifest of {WEIGHTS_FORMAT}: a tensor is not name, dtype, shape and hex")
