"""`.tlog-proof` files (C2SP tlog-proof): that one leaf is in a log, in a file of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from cognify_core.errors import FormatError
from cognify_core.merkle import HASH_SIZE
from cognify_core.seal.encoding import base64_text, strict_base64
from cognify_core.seal.ledger_proof import LedgerProof
from cognify_core.seal.notes import SignedHead

FIRST_LINE = "c2sp.org/tlog-proof@v1"
MOST_HASHES = 63


@dataclass(frozen=True, slots=True)
class ProofFile:
    """A leaf's index, the hashes on its way to the root, and the head."""

    index: int
    hashes: tuple[bytes, ...]
    head: SignedHead

    @classmethod
    def of(cls, proof: LedgerProof) -> Self:
        """The file of a proof."""
        return cls(proof.index, proof.hashes, proof.head)

    def encode(self) -> bytes:
        """The file's bytes."""
        lines = [FIRST_LINE, f"index {self.index}", *(base64_text(each) for each in self.hashes), "", ""]
        return "\n".join(lines).encode() + self.head.note

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a file's bytes, and only what `encode` would write; an `extra` line, which nothing signs, is refused.

        Raises:
            FormatError: they are anything else.
        """
        above, separator, note = data.partition(b"\n\n")
        try:
            first, index, *hashes = above.decode("ascii").split("\n")
        except ValueError as error:
            raise FormatError("not a log's proof: it has no three parts") from error
        number = index.removeprefix("index ")
        if (
            not separator
            or first != FIRST_LINE
            or not number.isdigit()
            or len(number) > 18
            or len(hashes) > MOST_HASHES
        ):
            raise FormatError(f"not a log's proof: it does not begin with {FIRST_LINE!r} and an index")
        found = cls(int(number), tuple(map(strict_base64, hashes)), SignedHead.parse(note))
        if any(len(each) != HASH_SIZE for each in found.hashes) or found.encode() != data:
            raise FormatError("not a log's proof: it is not written in its one form")
        return found


def is_proof_file(data: bytes) -> bool:
    """Whether bytes say that they are such a file."""
    return data.startswith(FIRST_LINE.encode())
