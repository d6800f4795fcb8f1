"""What the training process and the hashing process say to each other: frames of JSON and bytes over two pipes.

A frame is the length of its JSON (4 bytes) and of its body (8 bytes), big-endian, then both. Rows follow their frame as
Arrow IPC streams. Manifests travel as bodies: parsing a large one as JSON would hold the interpreter's lock.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import IO

from cognify_core.canonical import Json
from cognify_core.capture.outcome import Outcome
from cognify_core.model.digest import Digest

_LENGTHS = struct.Struct(">IQ")


def write_frame(pipe: IO[bytes], head: dict[str, Json], body: bytes = b"") -> None:
    """Write one frame and flush it."""
    written = json.dumps(head).encode()
    pipe.write(_LENGTHS.pack(len(written), len(body)) + written)
    pipe.write(body)
    pipe.flush()


def read_frame(pipe: IO[bytes]) -> tuple[dict[str, Json], bytes] | None:
    """Read one frame; None where the other side has gone, in the middle of a frame or between two."""
    lengths = pipe.read(_LENGTHS.size)
    if len(lengths) < _LENGTHS.size:
        return None
    head_size, body_size = _LENGTHS.unpack(lengths)
    head, body = pipe.read(head_size), pipe.read(body_size)
    if len(head) < head_size or len(body) < body_size:
        return None
    return json.loads(head), body


def outcome_frame(outcome: Outcome) -> tuple[dict[str, Json], bytes]:
    """An outcome as a frame."""
    head = {
        "assurance": outcome.assurance,
        "hash": None if outcome.hash is None else str(outcome.hash),
        "format": outcome.format,
        "has_manifest": outcome.manifest is not None,
        "reason": outcome.reason,
        "facts": outcome.facts,
        "gaps": list(outcome.gaps),
    }
    return head, outcome.manifest or b""


def frame_outcome(head: dict[str, Json], body: bytes) -> Outcome:
    """The outcome that `outcome_frame` wrote."""
    return Outcome(
        head["assurance"],
        None if head["hash"] is None else Digest.parse(head["hash"]),
        head["format"],
        body if head["has_manifest"] else None,
        head["reason"],
        head["facts"],
        tuple(head["gaps"]),
    )


PROBLEMS = (ArithmeticError, AttributeError, LookupError, MemoryError, OSError, RuntimeError, TypeError, ValueError)
"""What reading someone else's data can raise, beside `CaptureError`; pyarrow's own errors are among them."""


def problem(error: BaseException) -> Outcome:
    """An error that is no `CaptureError`, as an outcome."""
    return Outcome.unresolved(f"{type(error).__name__}: {error}")


def absolute(path: Path) -> str:
    """A path that means the same in both processes."""
    return str(path.expanduser().absolute())
