"""Cognify: the audit trail of model fine-tuning. The public names, and no logic."""

from cognify_core.api import (
    attest,
    dataset,
    datasheet,
    diff,
    discard,
    eval,  # noqa: A004 - the name that users look for
    export_audit,
    export_population,
    init,
    note,
    profile,
    release,
    run,
    runs,
    seal,
    show,
    verify,
    watch,
)
from cognify_core.errors import CannotVerifyError, CognifyError, VerificationError

__all__ = [
    "CannotVerifyError",
    "CognifyError",
    "VerificationError",
    "attest",
    "dataset",
    "datasheet",
    "diff",
    "discard",
    "eval",
    "export_audit",
    "export_population",
    "init",
    "note",
    "profile",
    "release",
    "run",
    "runs",
    "seal",
    "show",
    "verify",
    "watch",
]
