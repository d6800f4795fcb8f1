"""The hall of the house: what faces (the façade, integrations, the command line, the server) ask of the core."""

from cognify_core.api.functions import (
    attest,
    dataset,
    diff,
    doctor,
    hash_path,
    show,
    verify,
    discard,
    eval,  # noqa: A004 - the name that users look for
    export_audit,
    init,
    keys,
    note,
    this_session,
    run,
    runs,
    seal,
)

__all__ = [
    "attest",
    "dataset",
    "diff",
    "doctor",
    "hash_path",
    "show",
    "verify",
    "discard",
    "eval",
    "export_audit",
    "init",
    "keys",
    "note",
    "this_session",
    "run",
    "runs",
    "seal",
]
