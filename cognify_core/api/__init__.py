"""The hall of the house: what faces (the façade, integrations, the command line, the server) ask of the core."""

from cognify_core.api.functions import (
    dataset,
    diff,
    discard,
    doctor,
    export_audit,
    export_population,
    hash_path,
    init,
    keys,
    run,
    runs,
    seal,
    show,
    this_session,
    verify,
    watch,
)
from cognify_core.api.statements import (
    attest,
    datasheet,
    eval,  # noqa: A004 - the name that users look for
    note,
    profile,
    release,
)

__all__ = [
    "attest",
    "dataset",
    "datasheet",
    "diff",
    "discard",
    "doctor",
    "eval",
    "export_audit",
    "export_population",
    "hash_path",
    "init",
    "keys",
    "note",
    "profile",
    "release",
    "run",
    "runs",
    "seal",
    "show",
    "this_session",
    "verify",
    "watch",
]
