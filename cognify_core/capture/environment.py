"""Where a run happens: packages, interpreter, machine, and who started it where, as commitments.

The manifest is the same on every run in the same environment: commitments, which never repeat, are facts beside it.
Runs in a background thread: nothing here holds the GIL for long, as every package is a file that is opened.
"""

from __future__ import annotations

import getpass
import os
import platform
import socket
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from cognify_core.canonical import Json
from cognify_core.capture.commitments import commit, home_directory
from cognify_core.capture.config import encode_config
from cognify_core.capture.files import file_outcome
from cognify_core.capture.machine import describe_machine
from cognify_core.capture.outcome import Outcome
from cognify_core.capture.packages import installed_packages, lock_hash
from cognify_core.store.protocol import Opening

LOCK_FILES = ("uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "pylock.toml", "requirements.txt")

_VARIABLES = (
    "PYTHONHASHSEED",
    "PL_GLOBAL_SEED",
    "CUBLAS_WORKSPACE_CONFIG",
    "CUDA_LAUNCH_BLOCKING",
    "CUDA_VISIBLE_DEVICES",
    "HIP_VISIBLE_DEVICES",
    "NVIDIA_TF32_OVERRIDE",
    "PYTORCH_ALLOC_CONF",
    "PYTORCH_CUDA_ALLOC_CONF",
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "TOKENIZERS_PARALLELISM",
    "HF_HUB_OFFLINE",
    "WORLD_SIZE",
)
"""What steers seeds, determinism and parallelism, and nothing else of the environment."""


class Collected(NamedTuple):
    """What was found, and the clear values behind its commitments, for the side table that can be erased."""

    outcome: Outcome
    openings: tuple[Opening, ...] = ()


def collect_environment(
    directory: Path | None = None, variables: Mapping[str, str] | None = None, path: Iterable[str] | None = None
) -> Collected:
    """Describe this process's environment.

    Args:
        directory: where lock files are looked for, and in the folders above; by default the working directory.
        variables: environment variables; by default the process's own.
        path: where packages are looked for; by default `sys.path`.
    """
    packages = installed_packages(sys.path if path is None else path)
    environment: dict[str, Json] = {
        "python": {"version": platform.python_version(), "implementation": sys.implementation.name},
        "packages": packages,
        "lock": lock_hash(packages),
        "lock_files": _lock_files(Path.cwd() if directory is None else directory),
        "variables": _chosen(os.environ if variables is None else variables),
        "machine": describe_machine(),
    }
    encoded = encode_config(environment)
    found = encoded.outcome()
    openings = _personal()
    facts = {key: value for key, value in encoded.config.items() if key != "packages"}
    facts |= {"packages": len(packages), "personal": {opening.label: opening.commitment for opening in openings}}
    return Collected(Outcome.of_manifest(encoded.manifest, str(found.format), facts=facts, gaps=found.gaps), openings)


def _chosen(variables: Mapping[str, str]) -> dict[str, str]:
    return {name: variables[name] for name in _VARIABLES if name in variables}


def _lock_files(directory: Path) -> dict[str, str]:
    """Name → digest of the lock files in the nearest folder, from `directory` upwards, that has any."""
    for folder in (directory, *directory.absolute().parents):
        outcomes = {name: file_outcome(folder / name) for name in LOCK_FILES if (folder / name).is_file()}
        if found := {name: str(outcome.hash) for name, outcome in outcomes.items() if outcome.hash is not None}:
            return found
    return {}


def _personal() -> tuple[Opening, ...]:
    """The user, the host and the home directory, as far as they are known."""
    values = {"user": _user(), "host": socket.gethostname(), "home": str(home_directory())}
    return tuple(commit(label, value) for label, value in values.items() if value)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in many containers
        return str(os.getuid())
