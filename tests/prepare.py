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

FOR_CI = {
    "nginx": "nginx-light",
    "promtool": "prometheus",
    "soffice": "libreoffice-calc-nogui",
    "systemd-analyze": "systemd",
}
"""Installed in CI alone: on somebody's own machine these would start what serves on its ports, or fill its disk."""
IN_CI = os.environ.get("CI", "").lower() in ("1", "true")

PACKAGES = ("@sigstore/verify@3.1.1", "axe-core@4.14.1", "azurite@3.35.0", "oidc-provider@9.13.3")
"""Of npm: a verifier that is not ours, rules of accessibility, Azure's object store, a provider of identities."""
NODE = Path(__file__).parents[1] / ".venv" / "node"


def main() -> None:
    install_programs()
    install_packages()


def install_packages() -> None:
    """What npm brings; it lies beside the virtual environment's packages."""
    missing = [each for each in PACKAGES if not (NODE / "node_modules" / each.rpartition("@")[0]).is_dir()]
    if shutil.which("npm") is None or not missing:
        return
    print(f"Installing {', '.join(missing)} for the tests …", file=sys.stderr)
    command = ["npm", "install", "--loglevel", "error", "--no-audit", "--no-fund", "--prefix", str(NODE), *missing]
    if subprocess.run(command, check=False).returncode:
        print(f"{', '.join(missing)} could not be installed: some tests will skip, and say so.", file=sys.stderr)


def install_programs() -> None:
    """What the system's package manager brings."""
    wanted = PROGRAMS | (FOR_CI if IN_CI else {})
    missing = sorted({package for program, package in wanted.items() if shutil.which(program) is None})
    if not missing:
        return
    if os.getuid() != 0 or shutil.which("apt-get") is None:
        print(f"Please install {', '.join(missing)}: the tests that need them will skip, and say so.", file=sys.stderr)
        return
    print(f"Installing {', '.join(missing)} for the tests …", file=sys.stderr)
    for command in (["update"], ["install", "--yes", "--no-install-recommends", *missing]):
        patient = ["apt-get", "--quiet", "--quiet", "--option", "DPkg::Lock::Timeout=300"]
        subprocess.run([*patient, *command], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
