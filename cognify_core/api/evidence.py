"""The digest of a file that somebody shows as evidence."""

from __future__ import annotations

from pathlib import Path

from cognify_core.capture.files import file_outcome
from cognify_core.errors import ConfigurationError
from cognify_core.model.digest import Digest


def digest_of_evidence(evidence: str | Path | Digest | None) -> Digest | None:
    """The digest of a file, or the digest that was given.

    Raises:
        ConfigurationError: the file cannot be hashed.
    """
    if evidence is None or isinstance(evidence, Digest):
        return evidence
    outcome = file_outcome(Path(evidence))
    if outcome.hash is None:
        raise ConfigurationError(f"the evidence {evidence} cannot be hashed: {outcome.reason}")
    return outcome.hash
