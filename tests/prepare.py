"""Install the programs that tests drive and pip does not bring. Says what it does; without root, says so."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

PROGRAMS = {
    "chromium": "chromium",
    "git": "git",
    "npm": "npm",
    "openssl": "openssl",
    "pdftoppm": "poppler-utils",
    "sha256sum": "coreutils",
    "strace": "strace",
}


SIGSTORE = "@sigstore/verify@3.1.1"
NODE = Path(__file__).parents[1] / ".venv" / "node"


def main() -> None:
    install_programs()
    install_sigstore()


def install_sigstore() -> None:
    """npm's verifier, which shows that others read our bundles; it lies beside the virtual environment's packages."""
    if shutil.which("npm") is None or (NODE / "node_modules" / "@sigstore" / "verify").is_dir():
        return
    print(f"Installing {SIGSTORE} for the tests …", file=sys.stderr)
    command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(NODE), SIGSTORE]
    if subprocess.run(command, check=False).returncode:
        print(f"{SIGSTORE} could not be installed: the tests that need it will skip, and say so.", file=sys.stderr)


def install_programs() -> None:
    """What the system's package manager brings."""
    missing = sorted({package for program, package in PROGRAMS.items() if shutil.which(program) is None})
    if not missing:
        return
    if os.getuid() != 0 or shutil.which("apt-get") is None:
        print(f"Please install {', '.join(missing)}: the tests that need them will skip, and say so.", file=sys.stderr)
        return
    print(f"Installing {', '.join(missing)} for the tests …", file=sys.stderr)
    for command in (["update"], ["install", "--yes", "--no-install-recommends", *missing]):
        subprocess.run(["apt-get", "--quiet", "--quiet", *command], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
