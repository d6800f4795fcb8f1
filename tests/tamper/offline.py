"""`examples/verify_offline.py`, asked in this process and in one that knows nothing of Cognify."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from cognify_core.seal.signing import PublicKey

PROGRAM = Path(__file__).parents[2] / "examples" / "verify_offline.py"
ALONE = """
import importlib.util, runpy, sys
sys.path += [folder for folder in [sys.argv.pop(1)] if folder]
assert importlib.util.find_spec("cognify_core") is None and importlib.util.find_spec("pydantic") is None
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def _load() -> Any:
    spec = importlib.util.spec_from_file_location("verify_offline", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_MODULE = _load()


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="offline-")


@cache
def _key_file(pem: bytes) -> str:
    path = Path(_folder().name, f"{sha256(pem).hexdigest()}.pub")
    path.write_bytes(pem)
    return str(path)


def offline(data: bytes, trusted: Sequence[PublicKey] = (), receipt: bytes | None = None, *options: str) -> int:
    """The exit code for a package's bytes, with its receipt beside it where there is one."""
    package = Path(_folder().name, "package.json")
    package.write_bytes(data)
    beside = Path(f"{package}.sigstore.json")
    beside.unlink(missing_ok=True)
    if receipt is not None:
        beside.write_bytes(receipt)
    keys = [word for key in trusted for word in ("--key", _key_file(key.pem))]
    code: int = _MODULE.main([str(package), *keys, *options])
    return code


def offline_alone(folder: Path, *words: str, library: Path | None, path: str) -> subprocess.CompletedProcess[str]:
    """Run it in a Python that sees the standard library, `library` and nothing else, and the programs in `path`."""
    command = [sys.executable, "-I", "-S", "-c", ALONE, str(library or ""), str(PROGRAM), *words]
    environment = {"PATH": path, "PYTHONIOENCODING": "utf-8"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=60)
