"""What is done while the system fails: a seal, an export, a run that begins; and what must be true afterwards."""

from __future__ import annotations

import ctypes
import json
import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import alembic.command  # noqa: F401 - so that children have it
import cryptography.hazmat.primitives.asymmetric.ec  # noqa: F401 - as above
import sqlalchemy.dialects.sqlite  # noqa: F401 - as above

import cognify_core.api.checking
import cognify_core.api.requests
import cognify_core.store.sql
import cognify_core.verify.ledger_fsck  # noqa: F401 - as above
from cognify_core import api
from cognify_core.errors import CognifyError
from cognify_core.model.events import RunOpened
from cognify_core.model.record import Status
from cognify_core.record.opening import open_run
from cognify_core.seal.bundle import Bundle
from cognify_core.seal.ledger import opened_leaf
from cognify_core.version import RECORDER

_SET_TRACER, _ANYBODY = 0x59616D61, -1
Acknowledge = Callable[..., None]


def make(home: Path) -> None:
    """A home with a run that was sealed, and one that is closed and waits for its seal, with checkpoints."""
    use(home)
    for step in (1, 2):
        folder = home / f"step-{step}"
        folder.mkdir(parents=True)
        (folder / "weights.bin").write_bytes(bytes([step]) * 1000)
    with api.run("sealed before") as run:
        run.config({"learning_rate": 0.1})
    with api.run("to be sealed", seal="manual") as run:
        run.config({"learning_rate": 0.2})
        for step in (1, 2):
            run.checkpoint(home / f"step-{step}", step=step)
    api.this_session().workspace.close()


def use(home: Path) -> None:
    """Let this process work in a home."""
    api.init(home=home, quiet=True, project="tests", mode="on")


def waiting_run() -> str:
    """The run that waits for its seal, or waited."""
    return next(row.run_id for row in api.runs() if row.name == "to be sealed")


def let_be_traced() -> None:
    """Let anybody trace this process, where Yama would let only its parents."""
    ctypes.CDLL(None).prctl(_SET_TRACER, ctypes.c_long(_ANYBODY), 0, 0, 0)


def act(home: Path, acknowledgements: int) -> None:
    """Seal, export, begin; acknowledge each when it is done, and what was raised instead."""

    def acknowledge(what: str, value: str) -> None:
        os.write(acknowledgements, json.dumps([what, value]).encode() + b"\n")

    try:
        use(home)
        run_id = waiting_run()
        api.seal(run_id)
        acknowledge("sealed", envelope_of(run_id) or "")
        acknowledge("exported", str(api.export_audit(run_id).package_hash))
        acknowledge("begun", _begin())
    except (CognifyError, OSError, MemoryError) as error:
        acknowledge("refused", f"{type(error).__name__}: {error}")
    except Exception as error:  # noqa: BLE001 - a defect: the one who asked has no sentence to read
        acknowledge("raised", f"{type(error).__name__}: {error}")


def _begin() -> str:
    workspace = api.this_session().workspace
    opened = RunOpened(nonce="07" * 16, project="tests", name="begun", recorder=RECORDER)
    return open_run(workspace.store, opened, log=lambda first: opened_leaf(first, workspace.signer), owned=False)


def envelope_of(run_id: str) -> str | None:
    """The digest of what is signed and its signature, of the envelope or the bundle that is kept."""
    store = api.this_session().workspace.store
    kept = store.bundle(run_id) or store.envelope(run_id)
    if kept is None:
        return None
    bundle = Bundle.parse(kept)
    return sha256(bundle.payload + bundle.signature).hexdigest()


def check(home: Path, acknowledged: dict[str, str]) -> list[str]:
    """What is wrong afterwards; nothing, where nothing that was acknowledged or kept is lost and all can go on."""
    wrong: list[str] = []

    def expect(what: str, found: Any, wanted: Any) -> None:
        if found != wanted:
            wrong.append(f"{what}: {found!r}, not {wanted!r}")

    use(home)
    run_id = waiting_run()
    kept = envelope_of(run_id)
    if "sealed" in acknowledged:
        expect("the seal that was acknowledged", kept, acknowledged["sealed"])
    if "exported" in acknowledged:
        files = {f"sha256:{sha256(path.read_bytes()).hexdigest()}" for path in _packages(home, run_id)}
        expect("the package that was acknowledged is there", acknowledged["exported"] in files, True)
    if "begun" in acknowledged:
        expect("the run that was acknowledged", acknowledged["begun"] in {row.run_id for row in api.runs()}, True)
    expect("fsck", [each.message for each in api.ledger().check().findings if each.verdict != "ok"], [])
    api.seal(run_id)
    if kept is not None:
        expect("the envelope of the retry", envelope_of(run_id), kept)
    package = api.export_audit(run_id)
    expect("model signatures", len(package.oms.paths), 2)
    if "exported" in acknowledged:
        expect("the package of the retry", str(package.package_hash), acknowledged["exported"])
    expect("verify", api.verify(package).exit_code, 0)
    expect("verify of the run", api.verify(run_id).exit_code, 0)
    _begin()
    expect("fsck in the end", api.ledger().check().exit_code, 0)
    rows = [row for row in api.runs() if row.name == "begun"]
    expect("begun runs", all(row.status in (Status.RUNNING, Status.INTERRUPTED) for row in rows), True)
    return wrong


def _packages(home: Path, run_id: str) -> list[Path]:
    folder = home / "packages" / run_id
    return [path for path in folder.iterdir() if path.is_file()] if folder.is_dir() else []
