"""What was said of each sample, kept beside the store as JSON lines."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from cognify_core.capture.outcome import Outcome
from cognify_core.errors import CaptureError, ConfigurationError
from cognify_core.model.shown import encodable


def kept(rows: Iterable[Mapping[str, Any]], folder: Path, name: str) -> tuple[Path, int]:
    """Write rows into a file of `folder`, whole or not at all, for this user alone; return where it is, and how many.

    Its name ends with a part of its hash: evaluations of different outcome never share one.

    Raises:
        ConfigurationError: it cannot be written.
    """
    draft = folder / f".{name}.{secrets.token_hex(8)}"
    hashed, count = sha256(), 0
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            for row in rows:
                line = f"{json.dumps(row, allow_nan=False)}\n".encode()
                hashed.update(line)
                file.write(line)
                count += 1
            file.flush()
            os.fsync(file.fileno())
        target = folder / f"{name}-{hashed.hexdigest()[:16]}.jsonl"
        draft.replace(target)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise ConfigurationError(f"the samples cannot be kept in {folder}: {error.strerror}") from error
    return target, count


def digested(path: Path) -> Outcome:
    """The digest of the rows in that file, as `verify --artifacts` will compute it again."""
    try:
        from cognify_core.capture.rows import rows_outcome

        return rows_outcome(path)
    except ModuleNotFoundError as error:
        return Outcome.unresolved(f"digesting rows needs pyarrow and numpy; {error.name} is not installed")
    except (CaptureError, OSError) as error:
        return Outcome.unresolved(str(error))


def plain(value: Any) -> Any:
    """A value as JSON holds it: NumPy's and torch's scalars as Python's, NaN as null, anything strange as its text."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, str):
        return encodable(value)
    if isinstance(value, bool | int) or value is None:
        return value
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, Mapping):
        return {encodable(str(key)): plain(item) for key, item in value.items()}
    return encodable(str(value)[:1000])
