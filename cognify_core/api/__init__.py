"""The hall of the house: what faces (the façade, integrations, the command line, the server) ask of the core."""

from cognify_core.api.functions import (
    attest,
    dataset,
    diff,
    discard,
    doctor,
    eval,  # noqa: A004 - the name that users look for
    export_audit,
    hash_path,
    init,
    keys,
    note,
    run,
    runs,
    seal,
    show,
    this_session,
    verify,
    watch,
)

__all__ = [
    "attest",
    "dataset",
    "diff",
    "discard",
    "doctor",
    "eval",
    "export_audit",
    "hash_path",
    "init",
    "keys",
    "note",
    "run",
    "runs",
    "seal",
    "show",
    "this_session",
    "verify",
    "watch",
]
